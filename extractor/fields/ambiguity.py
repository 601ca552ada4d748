"""Readings that their own page leaves in doubt: a spelling of two meanings, a shared sign, a label nobody could read.

Where two meanings are possible and the kind's own module (`extractor.kinds`) could not decide by what else the page
says, the usual one is kept with a confidence below a half, so that people see it, and the others are named. A label
whose content is no date makes every other date doubtful.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from extractor import kinds
from extractor.fields.layout import Layout
from extractor.fields.locales import is_shared, locale_of_document
from extractor.fields.spans import running
from extractor.kinds import Locale, date, money
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
    unread = unread_labels(layout, doctype, locale)
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


def unread_labels(layout: Layout, doctype: DocumentType, locale: Locale) -> dict[str, str]:
    """Date field -> what stands behind its label, where that looks like a day, is none, and no other label has one."""
    dates = [field for field in doctype.fields if field.kind is Kind.DATE]
    labels = sorted(((fold(anchor), f.name) for f in dates for anchor in f.anchors), key=lambda label: -len(label[0]))
    unread: dict[str, str] = {}
    read = set()
    for row in layout.rows:
        text = running(layout, row).text
        found = next(((name, m.end()) for anchor, name in labels if (m := _label(anchor).search(text))), None)
        if found is None:
            continue
        name, rest = found[0], text[found[1] : found[1] + LOOKED_AT].lstrip(" \t:.#")
        if date.find(rest, locale):
            read.add(name)
        elif _looks_like_a_day(rest) and not money.find(rest, locale):
            unread[name] = rest
    return {name: rest for name, rest in unread.items() if name not in read}


@functools.lru_cache(maxsize=256)
def _label(anchor: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(anchor)}(?!\w)", re.IGNORECASE)


def _looks_like_a_day(text: str) -> bool:
    return bool(_LIKE_A_DAY.match(text)) and sum(c.isdigit() for c in text) >= LEAST_DIGITS


def _doubtful(reading: Reading, notes: dict[str, Any]) -> Reading:
    return reading.with_confidence(lambda sure: min(sure, UNDECIDED), notes)
