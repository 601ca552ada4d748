"""Names of people and organisations: as printed on one line, compared without case, accents, spaces and punctuation."""

from __future__ import annotations

from extractor.kinds.rules import KindRules, Locale
from extractor.kinds.text import compact, squeeze


def normalise(text: str, locale: Locale) -> str | None:  # noqa: ARG001
    return squeeze(text) or None


def valid(value: str) -> bool:
    return any(c.isalnum() for c in value)


RULES = KindRules(normalise, compact, valid)
