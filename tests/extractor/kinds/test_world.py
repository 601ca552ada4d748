"""Every locale that CLDR has prints amounts and days; what it prints is read as what was meant."""

from __future__ import annotations

import datetime as dt
import sys
import unicodedata
from collections.abc import Iterator
from decimal import Decimal

import pytest
from babel import Locale as Cldr
from babel import localedata
from babel.dates import format_date
from babel.numbers import UnsupportedNumberingSystemError, format_currency, format_decimal, get_decimal_symbol

from extractor.kinds import Locale, calendar, readings
from extractor.kinds.numbers import PLANES
from models.doctype import Kind

AMOUNTS = [Decimal("1234.50"), Decimal("-1234567.89"), Decimal("0.05"), Decimal("12.00"), Decimal("98765.43")]
DAYS = [dt.date(2026, month, day) for month, day in ((1, 3), (3, 31), (5, 12), (6, 30), (9, 4), (10, 25), (12, 1))]
BY_HUNDREDS = ("tok",)  # groups of two digits throughout
# CLDR has no names of months (dv, ht), or names of several words, or of words and numbers.
NOT_YET = {"dv", "dz", "ga", "gv", "ht", "mn", "ss", "st", "yo"}
MARKS = {",": ",", ".": ".", "\u066b": ","}


def printed_amounts() -> Iterator[tuple[str, str, Decimal, Locale]]:
    """(locale, text, amount, how the locale writes) in Latin and in the locale's own digits."""
    for code in localedata.locale_identifiers():
        for system in ("latn", "default"):
            try:
                mark = MARKS[get_decimal_symbol(code, numbering_system=system)]
            except UnsupportedNumberingSystemError:
                continue
            for amount in AMOUNTS:
                of = {"locale": code, "numbering_system": system}
                for text in (format_currency(amount, "EUR", **of), format_decimal(amount, "#,##0.00", **of)):
                    yield code, text, amount, Locale(decimal_mark=mark, currency="EUR")


def test_amounts_of_every_locale_are_read_as_what_was_meant() -> None:
    wrong = [
        (code, text)
        for code, text, amount, locale in printed_amounts()
        if not code.startswith(BY_HUNDREDS)
        and [Decimal(value) for value in readings(Kind.MONEY, text, locale)] != [amount]
    ]
    assert wrong == []


@pytest.mark.parametrize("width", ["long", "medium"])
def test_days_of_every_official_language_are_read_as_what_was_meant(width: str) -> None:
    wrong = []
    for code in sorted({*calendar.languages()} - NOT_YET):
        order = order_of(Cldr.parse(code), width)
        for day in DAYS:
            text = format_date(day, width, locale=code)
            if day.isoformat() not in readings(Kind.DATE, text, Locale(date_order=order, languages=frozenset({code}))):
                wrong.append((code, text))
    assert wrong == []


def order_of(cldr: Cldr, width: str) -> str:
    letters = [c for c in cldr.date_formats[width].pattern if c in "dMy"]
    order = "".join(dict.fromkeys(letters)).upper()
    return order if order in ("DMY", "MDY", "YMD") else "DMY"


def test_no_digit_and_no_sign_of_a_currency_stands_beyond_the_planes_that_are_looked_through() -> None:
    beyond = map(chr, range(PLANES, sys.maxunicode + 1))
    assert not [c for c in beyond if unicodedata.category(c) in {"Nd", "Sc"}]
