"""Amounts: found in running text, normalised to a decimal string, compared as decimals."""

from __future__ import annotations

import functools
import re
from decimal import Decimal, InvalidOperation

from extractor.kinds.date import Span
from extractor.kinds.rules import KindRules, Locale
from extractor.kinds.text import compact, fold

_SPACED = re.compile(r"(?<![\d.,])\d{1,3}(?: \d{3})+,\d\d(?![\d.,])")
_SIGNS = r"(?:US\$|[$€£¥]|USD|EUR|GBP|RM|MYR|SGD|AUD|CAD|CHF"


@functools.lru_cache(maxsize=32)
def _pattern(decimal_mark: str, currency: str) -> re.Pattern[str]:
    thousands = "," if decimal_mark == "." else r".'’"
    mark = re.escape(decimal_mark)
    signs = _SIGNS + (f"|{re.escape(currency)})" if currency else ")")
    return re.compile(
        rf"(?:(?<![\d.,/A-Za-z\-])|(?={signs} ?\d))(?P<pre>{signs} ?){{0,2}}"
        rf"(?P<n>\d{{1,3}}(?:[{thousands}]\d{{3}})+(?:{mark}\d{{1,2}})?|\d*{mark}\d{{1,2}}|\d+)"
        r"(?![\d/:%]|[.,\-]\d)(?P<post> ?(?:€|EUR|CHF)\b)?",
        re.IGNORECASE,
    )


def _decimal(number: str, decimal_mark: str) -> str | None:
    plain = "".join(c for c in number if c.isdigit() or c == decimal_mark).replace(decimal_mark, ".")
    try:
        return f"{Decimal(plain):.2f}"
    except InvalidOperation:
        return None


def find(text: str, locale: Locale) -> list[Span]:
    """Every amount in `text`: with a currency sign, a thousands mark or decimals. Bare whole numbers are none."""
    spans = []
    for m in _pattern(locale.decimal_mark, locale.currency).finditer(text):
        marked = m["pre"] or m["post"] or any(not c.isdigit() for c in m["n"])
        value = _decimal(m["n"], locale.decimal_mark) if marked else None
        if value is not None:
            spans.append(Span(m.start(), m.end(), value))
    if locale.decimal_mark == ",":  # 1 234,56 may also be a 1 and 234,56: both are offered
        spans += [Span(m.start(), m.end(), _decimal(m[0], ",") or "") for m in _SPACED.finditer(text)]
    return spans


def normalise(text: str, locale: Locale) -> str | None:
    """The first number in `text`; a sign directly before it is kept."""
    mark = re.escape(locale.decimal_mark)
    found = re.search(rf"(?P<sign>-?)[^\d.,\-]*(?P<n>\d[\d.,'’]*|{mark}\d+)", "".join(fold(text).split()))
    if not found:
        return None
    value = _decimal(found["n"], locale.decimal_mark)
    return f"-{value}" if value and found["sign"] else value


def key(value: str) -> str:
    try:
        return f"{Decimal(value.replace(',', '')).normalize():f}"
    except InvalidOperation:
        return compact(value)


def valid(value: str) -> bool:
    try:
        return Decimal(value).is_finite()
    except InvalidOperation:
        return False


RULES = KindRules(normalise, key, valid)
