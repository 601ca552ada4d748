"""Identifiers: contract, registration and invoice numbers, compared without spaces and punctuation."""

from __future__ import annotations

import re

from extractor.kinds.date import Span
from extractor.kinds.rules import KindRules, Locale
from extractor.kinds.text import compact, squeeze

_SINGLE = re.compile(r"[A-Z0-9](?:[A-Z0-9\-]*[A-Z0-9])?", re.IGNORECASE)
_JOINED = re.compile(r"[A-Z0-9]{3,} ?[/\-] ?[A-Z0-9]{1,8}(?![\w/])", re.IGNORECASE)
_CHAINED = re.compile(r"(?<![\w/\-])[A-Z0-9]+(?:[_/\-.][A-Z0-9]+)+(?![\w/])", re.IGNORECASE)
_DOTTED = re.compile(r"(?<![\w.,/])\d{2,6}(?:\.\d{2,6})+(?![\w,/]|\.\d)")
_ACCOUNT = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)")


def find(text: str) -> list[Span]:
    """Runs with at least three digits, several joined by marks, dotted numbers, and accounts in groups."""
    spans = [Span(m.start(), m.end(), m.group()) for m in _SINGLE.finditer(text) if _is_number(m.group())]
    for m in _JOINED.finditer(text):
        found = m.group()
        if sum(c.isdigit() for c in found) >= 4 and (" " in found or "/" in found):
            spans.append(Span(m.start(), m.end(), found))
    chained = [m for m in _CHAINED.finditer(text) if {"_", "/"} & set(m.group()) and _is_number(m.group())]
    spans += [Span(m.start(), m.end(), m.group()) for m in chained]
    matches = [m for m in _DOTTED.finditer(text) if _is_number(m.group().replace(".", ""))]
    matches += [m for m in _ACCOUNT.finditer(text) if " " in m.group() or len(m.group()) > 24]
    return spans + [Span(m.start(), m.end(), m.group()) for m in matches]


def _is_number(run: str) -> bool:
    return len(run) <= 24 and sum(c.isdigit() for c in run) >= 3


def normalise(text: str, locale: Locale) -> str | None:  # noqa: ARG001
    return squeeze(text) or None


def valid(value: str) -> bool:
    return any(c.isalnum() for c in value)


RULES = KindRules(normalise, compact, valid)
