"""Tables: one text a row, cells parted by `|`; the same if all rows are the same, in any order. 1.50 equals 1.5."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from extractor.kinds import date, money
from extractor.kinds.rules import KindRules, Locale
from extractor.kinds.text import compact, squeeze
from models.doctype import Kind

_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,6})?")
_PARSED = {Kind.MONEY: money.readings, Kind.DATE: date.readings}
MOST_READINGS = 8  # of one row, if several of its cells have two


def cell_readings(text: str, kind: Kind, locale: Locale) -> tuple[str, ...]:
    """What a cell may mean, at the precision that is printed; what cannot be parsed stays as it is."""
    parse = _PARSED.get(kind)
    found = parse(text, replace(locale, is_precise=True)) if parse else ()
    return found or (squeeze(text),)


def readings(text: str, locale: Locale) -> tuple[str, ...]:
    """What a row may mean. A cell whose column is not known is taken as it is."""
    cells = [squeeze(cell) for cell in text.split("|")]
    if not any(cells):
        return ()
    columns: Sequence[Kind] = [*locale.columns, *[Kind.LINE] * len(cells)]
    said = [cell_readings(cell, kind, locale) for cell, kind in zip(cells, columns, strict=False)]
    return tuple(" | ".join(row) for row in itertools.islice(itertools.product(*said), MOST_READINGS))


def normalise(text: str, locale: Locale) -> str | None:
    return next(iter(readings(text, locale)), None)


def key(value: str) -> str:
    return "|".join(_cell(cell.strip()) for cell in value.split("|"))


def _cell(text: str) -> str:
    return f"{Decimal(text).normalize():f}" if _NUMBER.fullmatch(text) else compact(text)


def valid(value: str) -> bool:
    return any(c.isalnum() for c in value)


RULES = KindRules(normalise, key, valid, readings)
