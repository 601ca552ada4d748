"""Tables: rows of named cells, as one text parted by `|`. The same if all rows are, in any order; 1.50 equals 1.5."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from extractor.kinds import date, money
from extractor.kinds.rules import KindRules, Locale
from extractor.kinds.text import compact, squeeze
from models.doctype import Kind

_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,6})?")
_PARSED = {Kind.MONEY: money.readings, Kind.DATE: date.readings}
BAR, BROKEN = " | ", "\u00a6"
MOST_READINGS = 8  # of one row, if several of its cells have two


def cell_readings(text: str, kind: Kind, locale: Locale) -> tuple[str, ...]:
    """What a cell may mean, at the precision that is printed; what cannot be parsed stays as it is."""
    parse = _PARSED.get(kind)
    found = parse(text, replace(locale, is_precise=True)) if parse else ()
    return found or (squeeze(text),)


def row_of(cells: Iterable[str | None]) -> str:
    """A row as one text. A bar within a cell is no bar between two: it becomes a broken one."""
    return BAR.join((cell or "").replace("|", BROKEN) for cell in cells)


def cells_of(row: str, names: Sequence[str]) -> dict[str, str]:
    """The cells of a row by the names of the columns, empty where it has none. Surplus bars belong to the first."""
    parts = [part.strip() for part in row.split("|")]
    surplus = max(len(parts) - len(names), 0) if names else 0
    parts = [BAR.join(parts[: surplus + 1]), *parts[surplus + 1 :]]
    return dict(zip(names, [*parts, *[""] * len(names)], strict=False))


def readings(text: str, locale: Locale) -> tuple[str, ...]:
    """What a row may mean. A cell whose column is not known is taken as it is."""
    cells = [squeeze(cell) for cell in text.split("|")]
    if not any(cells):
        return ()
    columns: Sequence[Kind] = [*locale.columns, *[Kind.LINE] * len(cells)]
    said = [cell_readings(cell, kind, locale) for cell, kind in zip(cells, columns, strict=False)]
    return tuple(BAR.join(row) for row in itertools.islice(itertools.product(*said), MOST_READINGS))


def normalise(text: str, locale: Locale) -> str | None:
    return next(iter(readings(text, locale)), None)


def key(value: str) -> str:
    return "|".join(_cell(cell.strip()) for cell in value.split("|"))


def _cell(text: str) -> str:
    return f"{Decimal(text).normalize():f}" if _NUMBER.fullmatch(text) else compact(text)


def valid(value: str) -> bool:
    return any(c.isalnum() for c in value)


RULES = KindRules(normalise, key, valid, readings)
