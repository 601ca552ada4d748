"""Dates: found in running text in many spellings, normalised to ISO 8601, compared by value."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import NamedTuple

from extractor.kinds.numbers import UNSEEN, alike
from extractor.kinds.rules import KindRules, Locale
from extractor.kinds.text import compact, fold

MONTHS = {
    name: number + 1
    for number, name in enumerate(["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"])
}
# German, French, Spanish and Italian, where they begin otherwise
MONTHS |= {
    "ENE": 1,
    "GEN": 1,
    "FEV": 2,
    "ABR": 4,
    "AVR": 4,
    "MAI": 5,
    "MAG": 5,
    "GIU": 6,
    "JUIN": 6,
    "JUIL": 7,
    "LUG": 7,
}
MONTHS |= {"LUG": 7, "AGO": 8, "AOU": 8, "SET": 9, "OKT": 10, "OTT": 10, "DEZ": 12, "DIC": 12}
_MONTH = rf"(?P<mon>{'|'.join(sorted(MONTHS, key=len, reverse=True))})[A-Z]*"
_YEAR = r"(?P<y>(?:20|19)\d\d|\d\d(?![\d:]))"
_ORDINAL = r"(?:ST|ND|RD|TH)?"

_NUMERIC = re.compile(
    r"(?<!\d)(?<!\d[.,])(?P<a>\d{1,2}) ?[/\-.~]{1,2} ?(?P<b>\d{1,2}) ?[/\-.~]{1,2} ?"
    r"(?P<y>(?:20|19)\d\d|\d\d(?!\d|[/\-.~]\d)|\d\d(?=\d{1,2}:\d\d)"
    r"|\d\d(?=[\-~]\d{1,2}/\d{1,2}/\d\d))"  # 03/31/20-04/06/20 is two dates
)
_SPACED = re.compile(r"(?<![\d.,/\-])(?P<a>\d\d)[ /\-.](?P<b>\d\d)[ /\-.](?P<y>(?:20|19)\d\d|[12]\d(?!\d|[/\-.]\d))")
_NAMED = (
    re.compile(
        rf"(?<!\d)(?P<d>\d{{1,2}}) ?{_ORDINAL}(?: day)?(?: of,?| de)?[ \-/.,']{{0,2}}"
        rf"{_MONTH}[ \-/.,']{{0,3}}(?:in the year |de )?{_YEAR}",
        re.IGNORECASE,
    ),
    re.compile(rf"(?<![A-Z]){_MONTH}[ \-.]{{0,2}}(?P<d>\d{{1,2}}) ?{_ORDINAL}[ ,/\-.']{{1,3}}{_YEAR}", re.IGNORECASE),
)
_YEAR_FIRST = (
    re.compile(  # one mark throughout: in 1/13/2020 - 1/19/2020 no date begins at the first 2020
        r"(?<![\d/])(?<!\d[\-.])(?P<y>(?:20|19)\d\d) ?(?P<mark>[/\-.]) ?(?P<m>\d{1,2}) ?(?P=mark) ?"
        r"(?P<d>\d{1,2}(?!\d)|\d\d(?=\d\d:\d\d))"
    ),
    re.compile(r"(?<!\d)(?P<y>(?:20|19)\d\d)(?P<m>0[1-9]|1[0-2])(?P<d>[0-3]\d)(?!\d)"),
    re.compile(r"(?<!\d)(?P<d>[0-3]\d)(?P<m>0[1-9]|1[0-2])(?P<y>20[012]\d)(?!\d)"),
)
_ZERO_OCTOBER = re.compile(r"(?<=\d)( ?[\-/.]?)0CT", re.IGNORECASE)


class Span(NamedTuple):
    """A value found in running text: `text[start:end]` means `value`."""

    start: int
    end: int
    value: str


ORDERS = ("DMY", "MDY")
_DIGITS_ALONE = re.compile(r"\d{6}|\d{8}")
NEWEST_TWO_DIGIT_YEAR = 40  # 41 to 99 are of the last century: forms of the 1940s are among our documents


def _full_year(number: int) -> int:
    if number >= 100:
        return number
    return number + (2000 if number <= NEWEST_TWO_DIGIT_YEAR else 1900)


def _iso(year: str, month: str | int, day: str) -> str | None:
    number = int(year)
    try:
        return dt.date(_full_year(number), int(month), int(day)).isoformat()
    except ValueError:
        return None


def _ordered(year: str, first: str, second: str, order: str) -> str | None:
    """The day and month in the order of the document type, or the other one if that is no date."""
    if order == "DMY":
        return _iso(year, second, first) or _iso(year, first, second)
    return _iso(year, first, second) or _iso(year, second, first)


def _matches(text: str, order: str) -> Iterator[tuple[int, int, str | None]]:
    for pattern in _YEAR_FIRST:
        for m in pattern.finditer(text):
            yield m.start(), m.end(), _iso(m["y"], m["m"], m["d"])
    for pattern in (_NUMERIC, _SPACED):
        for m in pattern.finditer(text):
            yield m.start(), m.end(), _ordered(m["y"], m["a"], m["b"], order)
    for pattern in _NAMED:
        for m in pattern.finditer(text):
            yield m.start(), m.end(), _iso(m["y"], MONTHS[m["mon"].upper()], m["d"])


def find(text: str, order: str) -> list[Span]:
    """Every date in `text`, longest first where two overlap; `order` (DMY, MDY, YMD) decides the ambiguous ones."""
    text = _ZERO_OCTOBER.sub(r"\1OCT", text)
    found = [Span(start, end, value) for start, end, value in _matches(text, order) if value]
    kept: list[Span] = []
    for span in sorted(found, key=lambda s: (s.start - s.end, s.start)):
        if all(span.end <= k.start or span.start >= k.end for k in kept):
            kept.append(span)
    return sorted(kept)


def readings(text: str, locale: Locale) -> tuple[str, ...]:
    """The days that `text` as a whole may mean, the usual one first; none if it does not hold exactly one date."""
    plain = fold(alike(text.translate(UNSEEN))).strip()
    orders = [locale.date_order] if locale.knows_order else [locale.date_order, *ORDERS]
    found = [_only(plain, order) for order in orders]
    return tuple(dict.fromkeys(value for value in found if value))


def _only(text: str, order: str) -> str | None:
    """The one day in `text`; digits alone (120326) are a day, too."""
    values = {span.value for span in find(text, order)}
    if not values and _DIGITS_ALONE.fullmatch(text):
        return _of_digits(text, order)
    return values.pop() if len(values) == 1 else None


def _of_digits(digits: str, order: str) -> str | None:
    widths = {"D": 2, "M": 2, "Y": len(digits) - 4}
    parts, at = {}, 0
    for part in order:
        parts[part], at = digits[at : at + widths[part]], at + widths[part]
    return _iso(parts["Y"], parts["M"], parts["D"])


def normalise(text: str, locale: Locale) -> str | None:
    """The one day in `text`."""
    return next(iter(readings(text, locale)), None)


def key(value: str) -> str:
    try:
        return dt.date.fromisoformat(value.strip()).isoformat()
    except ValueError:
        return compact(value)


def valid(value: str) -> bool:
    try:
        return 1900 <= dt.date.fromisoformat(value).year <= 2100
    except ValueError:
        return False


RULES = KindRules(normalise, key, valid, readings)
