"""Readings that their own page leaves in doubt: a spelling of two meanings, a shared sign, a label nobody could read.

Where two meanings are possible and nothing on the page decides, the usual one is kept with a confidence below a half,
so that people see it, and the others are named. A label whose content is no date makes every other date doubtful.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from extractor import kinds
from extractor.fields.layout import Layout
from extractor.fields.locales import is_shared, locale_of_document
from extractor.fields.spans import running
from extractor.kinds import Locale, date
from extractor.kinds.text import fold
from models.doctype import DocumentType, FieldSpec, Kind
from models.values import Reading, ValueState

UNDECIDED = 0.45  # most confidence of a value that nothing on its page decides
_LIKE_A_DAY = re.compile(r"\W{0,3}(?=\S)(?:[^\W\d_]{2,12}\.? ?)?\d")
LEAST_DIGITS = 4  # of a day with its year
LOOKED_AT = 30  # characters behind a label


def with_doubts(readings: Mapping[str, Reading], layout: Layout, doctype: DocumentType) -> dict[str, Reading]:
    """The readings, less sure where the page leaves them open."""
    locale = locale_of_document(layout, doctype)
    unread = dict(unread_labels(layout, doctype, locale))
    found = {}
    for name, reading in readings.items():
        notes = _meanings(reading, doctype.field(name), locale)
        if name in unread:
            notes |= {"label_not_understood": unread[name]}
        found[name] = _doubtful(reading, notes) if notes else reading
    return found


def _meanings(reading: Reading, field: FieldSpec, locale: Locale) -> dict[str, Any]:
    texts = [item.text for item in reading.items] if reading.items else [reading.text or ""]
    if reading.state is not ValueState.FOUND or field.kind is Kind.TABLE:
        return {}
    if field.kind is Kind.CHOICE:
        undecided = [text for text in texts if is_shared(text) and locale.currency not in field.choices]
        return {"may_mean": [f"a currency written {sign}" for sign in undecided]} if undecided else {}
    for text in texts if field.kind in (Kind.DATE, Kind.MONEY) else ():
        meanings = kinds.readings(field.kind, text, locale)
        if len(meanings) > 1:
            return {"may_mean": list(meanings)}
    return {}


def unread_labels(layout: Layout, doctype: DocumentType, locale: Locale) -> Iterator[tuple[str, str]]:
    """(field, what stands behind its label) for dates whose label is followed by what looks like a day and is none."""
    labels = [
        (fold(anchor), field.name) for field in doctype.fields if field.kind is Kind.DATE for anchor in field.anchors
    ]
    labels.sort(key=lambda label: -len(label[0]))
    for row in layout.rows:
        text = running(layout, row).text
        for anchor, name in labels:
            m = re.search(rf"(?<!\w){re.escape(anchor)}(?!\w)", text, re.IGNORECASE)
            if m:
                rest = text[m.end() : m.end() + LOOKED_AT].lstrip(" \t:.#")
                if _looks_like_a_day(rest) and not date.find(rest, locale):
                    yield name, rest
                break  # the longest label owns its row


def _looks_like_a_day(text: str) -> bool:
    return bool(_LIKE_A_DAY.match(text)) and sum(c.isdigit() for c in text) >= LEAST_DIGITS


def _doubtful(reading: Reading, notes: dict[str, Any]) -> Reading:
    items = tuple(replace(item, confidence=min(item.confidence, UNDECIDED)) for item in reading.items)
    sure = min(reading.confidence, UNDECIDED)
    return replace(reading, confidence=sure, items=items, provenance=reading.provenance | notes)
