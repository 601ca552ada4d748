"""Choices: one of the values that the document type lists, found by its own words."""

from __future__ import annotations

from extractor.kinds.rules import KindRules, Locale
from extractor.kinds.text import compact, squeeze


def normalise(text: str, locale: Locale) -> str | None:
    """The listed choice that `text` spells; without a list the text itself; None if it is not listed."""
    wanted = compact(text)
    if not locale.choices:
        return squeeze(text) or None
    return next((choice for choice in locale.choices if compact(choice) == wanted), None)


def valid(value: str) -> bool:
    return bool(value.strip())


RULES = KindRules(normalise, compact, valid)
