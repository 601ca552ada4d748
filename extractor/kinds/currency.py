"""Currencies: their codes, their signs in print, and how many decimals each has, from CLDR."""

from __future__ import annotations

import functools
import re
import unicodedata

from babel.core import get_global
from babel.numbers import get_currency_precision

from extractor.kinds.numbers import PLANES

USUAL_DECIMALS = 2
_SIGNS = "".join(c for c in map(chr, range(PLANES)) if unicodedata.category(c) == "Sc")
OF_SIGN = {"€": "EUR", "£": "GBP", "₹": "INR", "RM": "MYR", "US$": "USD", "RS": "INR", "FR": "CHF", "SFR": "CHF"}


@functools.cache
def codes() -> tuple[str, ...]:
    """The codes of all that is legal tender somewhere today."""
    tenders = (row for rows in get_global("territory_currencies").values() for row in rows)
    return tuple(sorted({code for code, _, until, is_tender in tenders if until is None and is_tender}))


@functools.cache
def pattern() -> str:
    """A regular expression for a code or a sign in print, also one of letters: `NT$`, `Rs.`, `SFr.`, `kr`."""
    letters = rf"(?<![A-Za-z])(?:{'|'.join(codes())}|(?i:RM|Rs\.?|S?Fr\.|SFr|kr\.?))(?![A-Za-z])"
    return rf"(?:(?:(?<![A-Za-z])[A-Z]{{1,3}})?[{re.escape(_SIGNS)}]|{letters})"


def code_of(printed: str | None) -> str:
    """The code that a printed sign or code stands for beyond doubt, else nothing: many countries have a `$`."""
    sign = (printed or "").strip().rstrip(".")
    return sign if sign in codes() else OF_SIGN.get(sign.upper(), "")


def decimals_of(currency: str) -> int:
    """How many decimals amounts of `currency` have: 0 for JPY, 3 for KWD, 2 where nothing is known."""
    return get_currency_precision(currency) if currency in codes() else USUAL_DECIMALS
