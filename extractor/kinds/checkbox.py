"""Tick boxes: `true` or `false`, whatever the mark looks like."""

from __future__ import annotations

from extractor.kinds.rules import KindRules, Locale
from extractor.kinds.text import compact

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
