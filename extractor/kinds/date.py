"""Dates: found in running text in many spellings, normalised to ISO 8601, compared by value."""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from extractor.kinds import calendar
from extractor.kinds.numbers import UNSEEN, alike
from extractor.kinds.rules import KindRules, Locale
from extractor.kinds.text import compact, fold

_YEAR = r"(?P<y>(?:20|19)\d\d|25[5-9]\d|\d\d(?![\d:]))"
_WORD = r"(?:[^\W\d_]|[\u0900-\u0dff\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff])"  # marks are no letters to Python
_ORDINAL = rf"(?:[.ºª°]|{_WORD}{{1,4}}(?!{_WORD}))?"

_NUMERIC = re.compile(
    r"(?<!\d)(?<!\d[.,])(?P<a>\d{1,2}) ?[/\-.~]{1,2} ?(?P<b>\d{1,2}) ?[/\-.~]{1,2} ?"
    r"(?P<y>(?:20|19)\d\d|\d\d(?!\d|[/\-.~]\d)|\d\d(?=\d{1,2}:\d\d)"
    r"|\d\d(?=[\-~]\d{1,2}/\d{1,2}/\d\d))"  # 03/31/20-04/06/20 is two dates
)
_SPACED = re.compile(r"(?<![\d.,/\-])(?P<a>\d\d)[ /\-.](?P<b>\d\d)[ /\-.](?P<y>(?:20|19)\d\d|[12]\d(?!\d|[/\-.]\d))")
_YEAR_FIRST = (
    re.compile(  # one mark throughout: in 1/13/2020 - 1/19/2020 no date begins at the first 2020
        r"(?<![\d/])(?<!\d[\-.])(?P<y>(?:20|19)\d\d) ?(?P<mark>[/\-.]) ?(?P<m>\d{1,2}) ?(?P=mark) ?"
        r"(?P<d>\d{1,2}(?!\d)|\d\d(?=\d\d:\d\d))"
    ),
    re.compile(r"(?<!\d)(?P<y>(?:20|19)\d\d)(?P<m>0[1-9]|1[0-2])(?P<d>[0-3]\d)(?!\d)"),
    re.compile(r"(?<!\d)(?P<d>[0-3]\d)(?P<m>0[1-9]|1[0-2])(?P<y>20[012]\d)(?!\d)"),
)
_YEARS, _MONTHS, _DAYS = (f"(?:{sign}|{fold(hangul)})" for sign, hangul in ("年년", "月월", "日일"))
_IDEOGRAPHIC = re.compile(
    rf"(?<!\d)(?P<y>(?:20|19)\d\d) ?{_YEARS} ?(?P<m>\d{{1,2}}) ?{_MONTHS} ?(?P<d>\d{{1,2}}) ?{_DAYS}"
)
_ZERO_OCTOBER = re.compile(r"(?<=\d)( ?[\-/.]?)0CT", re.IGNORECASE)


@functools.cache
def _named() -> tuple[re.Pattern[str], ...]:
    """Day, month by its name and year: in this order, the month first, and the year first."""
    mark, word = r"[ \-/.,']{0,3}", rf"(?P<mon>{_WORD}{{2,20}}|{_WORD}{{1,4}}\.{_WORD}{{1,4}})"
    fill = rf"(?:(?:{calendar.fillers()})\.?[ ,]{{0,2}}){{0,2}}"
    day = rf"(?<!\d)(?<!\d[.,/\-])(?P<d>\d{{1,2}}) ?{_ORDINAL}"
    return tuple(
        re.compile(pattern, re.IGNORECASE)
        for pattern in (
            rf"{day}{mark}{fill}{word}{mark}{fill}{_YEAR}",
            rf"(?<!{_WORD}){word}[ \-.]{{0,2}}(?P<d>\d{{1,2}}) ?{_ORDINAL}[ ,/\-.']{{1,3}}{_YEAR}",
            rf"(?<!\d)(?P<y>(?:20|19)\d\d)[ .,\-]{{0,2}}{fill}{word}{mark}(?P<d>\d{{1,2}})(?!\d)(?: ?d\.)?",
            rf"(?<!\d)(?P<y>(?:20|19)\d\d)[ .,\-]{{0,2}}{fill}(?P<d>\d{{1,2}})(?:\. ?|[ \-]){word}",
            rf"{day} ?(?P<vi>thang|thg) ?(?P<m>\d{{1,2}}),? ?(?:nam )?{_YEAR}",
        )
    )


class Span(NamedTuple):
    """A value found in running text: `text[start:end]` means `value`."""

    start: int
    end: int
    value: str


ORDERS = ("DMY", "MDY")
_DIGITS_ALONE = re.compile(r"\d{6}|\d{8}")
BUDDHIST = 2500  # years from here on are of the Thai calendar
NEWEST_TWO_DIGIT_YEAR = 40  # 41 to 99 are of the last century: forms of the 1940s are among our documents


def _full_year(number: int) -> int:
    if number >= BUDDHIST:
        return number - 543
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
    """The day and month in the order of the document, or the other one if that is no date."""
    if order == "MDY":
        return _iso(year, first, second) or _iso(year, second, first)
    return _iso(year, second, first) or _iso(year, first, second)


def _matches(text: str, locale: Locale) -> Iterator[tuple[int, int, str | None]]:
    order = locale.date_order
    for pattern in (*_YEAR_FIRST, _IDEOGRAPHIC):
        for m in pattern.finditer(text):
            yield m.start(), m.end(), _iso(m["y"], m["m"], m["d"])
    for pattern in (_NUMERIC, _SPACED):
        for m in pattern.finditer(text):
            yield m.start(), m.end(), _ordered(m["y"], m["a"], m["b"], "DMY" if _has_points(m[0]) else order)
    for pattern in _named():
        for m in pattern.finditer(text):
            yield from _of_name(m, locale)


def _has_points(text: str) -> bool:
    """No country writes the month first and points between."""
    return text.count(".") == 2


def _of_name(m: re.Match[str], locale: Locale) -> Iterator[tuple[int, int, str | None]]:
    named = m.groupdict()
    found = (int(named["m"]),) if named.get("m") else calendar.months_of(named["mon"], locale.languages)
    for month in found[: 1 if locale.languages else None]:
        yield m.start(), m.end(), _iso(m["y"], month, m["d"])


def find(text: str, locale: Locale) -> list[Span]:
    """Every date in `text`, longest first where two overlap; the locale decides what may be read in two orders."""
    text = _ZERO_OCTOBER.sub(r"\1OCT", text)
    found = [Span(start, end, value) for start, end, value in _matches(text, locale) if value]
    kept: list[Span] = []
    for span in sorted(found, key=lambda s: (s.start - s.end, s.start)):
        if all(span.end <= k.start or span.start >= k.end for k in kept):
            kept.append(span)
    return sorted(kept)


def readings(text: str, locale: Locale) -> tuple[str, ...]:
    """The days that `text` as a whole may mean, the usual one first; none if it does not hold exactly one date."""
    plain = fold(alike(text.translate(UNSEEN))).strip()
    orders = [locale.date_order] if locale.knows_order else [locale.date_order, *ORDERS]
    found = [value for order in orders for value in _only(plain, replace(locale, date_order=order))]
    return tuple(dict.fromkeys(found))


def _only(text: str, locale: Locale) -> Sequence[str]:
    """The one day in `text`, or what its month's name may mean; digits alone (120326) are a day, too."""
    spans = find(text, locale)
    if not spans and _DIGITS_ALONE.fullmatch(text):
        value = _of_digits(text, locale.date_order)
        return [value] if value else []
    if len({span.value for span in spans}) != 1:
        return []
    first = spans[0]
    there = [value for start, end, value in _matches(text, locale) if value and (start, end) == first[:2]]
    return list(dict.fromkeys([first.value, *there]))


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
