"""Tables: one text a row, cells parted by `|`; the same if all rows are the same, in any order. 1.50 equals 1.5."""

from __future__ import annotations

import re
from decimal import Decimal

from extractor.kinds.rules import KindRules, Locale
from extractor.kinds.text import compact, squeeze

_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,6})?")


def normalise(text: str, locale: Locale) -> str | None:  # noqa: ARG001
    cells = [squeeze(cell) for cell in text.split("|")]
    return " | ".join(cells) if any(cells) else None


def key(value: str) -> str:
    return "|".join(_cell(cell.strip()) for cell in value.split("|"))


def _cell(text: str) -> str:
    return f"{Decimal(text).normalize():f}" if _NUMBER.fullmatch(text) else compact(text)


def valid(value: str) -> bool:
    return any(c.isalnum() for c in value)


RULES = KindRules(normalise, key, valid)
