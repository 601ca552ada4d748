"""Tick boxes: `true` or `false`, whatever the mark looks like.

On a type with a field of this kind the printed boxes of each page are looked for on its image, and each is ticked or
not with a chance of its own; the field is the box beside the words that the examples show. Where a page has no printed
boxes, words and signs such as Yes, No and X are read instead.
"""

from __future__ import annotations

from extractor.kinds.rules import KindRules, Locale
from extractor.kinds.text import compact

TICKED_BOX, EMPTY_BOX = "☒", "☐"  # how boxes found on the image stand among the words
TICKED = frozenset(["TRUE", "YES", "Y", "1", "X", "ON", "CHECKED", "TICKED", "☒", "☑", "✓", "✔", "✗", "✘", "■"])
EMPTY = frozenset(["FALSE", "NO", "N", "0", "OFF", "UNCHECKED", "UNTICKED", "☐", "□", "[]", "()", "❏"])


def normalise(text: str, locale: Locale) -> str | None:  # noqa: ARG001
    mark = compact(text)
    if mark in TICKED:
        return "true"
    return "false" if mark in EMPTY else None


def valid(value: str) -> bool:
    return value in ("true", "false")


RULES = KindRules(normalise, lambda value: normalise(value, Locale()) or compact(value), valid)
