"""What a person typed or a client sent, as a value of its field: one meaning, or a refusal that says what to send.

It is sent as it was typed and parsed here, once: values in the project's own form are marked and stay as they are.

Unparseable         the text is not of the field's kind
AmbiguousValue    it may mean several values (of extractor.kinds)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extractor import kinds
from extractor.kinds import AmbiguousValue, Canonical, Locale
from extractor.kinds.table import row_of
from models.doctype import FieldSpec, Kind


class Unparseable(ValueError):
    """The text is not of the field's kind."""

    next_step = "Type it as the hint shows, or answer illegible, absent or empty."


def understood(kind: str, given: Any, field: FieldSpec | None, locale: Locale, meant: Any = None) -> Any:
    """The value that `given` means, or a list where the field has several; `meant` decides where it is not plain.

    Raises Unparseable, AmbiguousValue.
    """
    is_list = isinstance(given, list) or kind == Kind.TABLE.value or (field is not None and field.repeated)
    if not is_list:
        return _one(Kind(kind), _text(given), locale, meant)
    said = [text for part in _as_list(given) if (text := _text(part, field)).strip()]
    chosen = _as_list(meant)
    if not said or (chosen and len(chosen) != len(said)):
        raise Unparseable(f"{given!r} cannot be read as a list of {kind}.")
    pairs = zip(said, chosen or [None] * len(said), strict=True)
    return [_one(Kind(kind), text, locale, which) for text, which in pairs]


def _as_list(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [] if given is None else [given]


def _text(given: Any, field: FieldSpec | None = None) -> str:
    """A row of a table may be given as its cells by name, in any order. Raises Unparseable for an unknown name."""
    if isinstance(given, dict):
        cells = [_said(cell) for cell in _in_order(given, field)]
        return row_of(cells) if any(cells) else ""
    return given if isinstance(given, str) else "" if given is None else str(given)


def _in_order(row: Mapping[str, Any], field: FieldSpec | None) -> list[Any]:
    names = [column.name for column in field.columns] if field else []
    if "cells" in row and "cells" not in names:  # as it is released
        row = row["cells"]
    strange = sorted(set(row) - set(names)) if names else []
    if strange:
        raise Unparseable(f"There is no column {', '.join(strange)}; the columns are {', '.join(names)}.")
    return [row.get(name) for name in names] if names else list(row.values())


def _said(cell: Any) -> str:
    """A cell may be given as it is released: an object with its value."""
    if isinstance(cell, dict):
        cell = cell.get("value")
    return "" if cell is None else str(cell)


def _one(kind: Kind, text: str, locale: Locale, meant: Any) -> Canonical:
    found = kinds.readings(kind, text, locale)
    if not found:
        raise Unparseable(f"{text!r} cannot be read as {kind.value}.")
    if meant is None and len(found) == 1:
        return found[0]
    if meant not in found:
        raise AmbiguousValue(text, found)
    return Canonical(meant)
