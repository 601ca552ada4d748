"""Tables: one text a row, cells parted by `|`; the same if all rows are the same, in any order."""

from __future__ import annotations

from extractor.kinds.rules import KindRules, Locale
from extractor.kinds.text import compact, squeeze


def normalise(text: str, locale: Locale) -> str | None:  # noqa: ARG001
    cells = [squeeze(cell) for cell in text.split("|")]
    return " | ".join(cells) if any(cells) else None


def key(value: str) -> str:
    return "|".join(compact(cell) for cell in value.split("|"))


def valid(value: str) -> bool:
    return any(c.isalnum() for c in value)


RULES = KindRules(normalise, key, valid)
