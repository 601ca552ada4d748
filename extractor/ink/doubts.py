"""Readings that the picture of the page makes doubtful: a stamp or a pen ran over the value, or a pen wrote it.

Confidence is calibrated on what documents mostly are, print; of what a pen did to a value it knows nothing. Such a
value gets a confidence of at most a half, so that people see it, and says why.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from extractor.ink.handwriting import Look, detector
from models.doctype import DocumentType, Kind
from models.values import Box, Reading

DOUBTFUL = 0.5  # most confidence of a value that a stamp or a pen has been at
UNSEEN = frozenset({Kind.CHECKBOX, Kind.TABLE})  # a pen ticks boxes; a row of a table is no line of a value

ImageOf = Callable[[int], NDArray[np.uint8]]  # page number -> its upright picture (BGR)
Places = list[tuple[int, Box]]  # page number and line


def doubted(
    readings: Mapping[str, Reading], spec: DocumentType, drawn: Collection[int], image_of: ImageOf
) -> dict[str, Reading]:
    """The readings, less sure where the picture says so. `drawn`: numbers of the pages that were read from an image.

    Values that nobody would accept as they are cost nothing: they are not looked at.
    """
    kinds = {field.name: field.kind for field in spec.fields}
    sure = {
        name: values
        for name, reading in readings.items()
        if reading.confidence > DOUBTFUL
        and kinds.get(name) not in UNSEEN
        and (values := [[place for place in value if place[0] in drawn] for value in places(reading)])
    }
    flat = [(name, value) for name, values in sure.items() for value in values]
    looks = detector().look([[(image_of(page), box) for page, box in value] for _, value in flat]) if flat else []
    notes: dict[str, dict[str, Any]] = {name: {} for name in readings}
    for (name, _), look in zip(flat, looks, strict=True):
        notes[name] |= _doubts_of(look)
    return {name: _capped(reading, notes[name]) for name, reading in readings.items()}


def places(reading: Reading) -> list[Places]:
    """Where the values of a reading stand: one list of lines a value."""
    if reading.items:
        return [[(item.page, item.box)] for item in reading.items if item.page is not None and item.box]
    lines = reading.lines or ((reading.box,) if reading.box else ())
    return [[(reading.page, line) for line in lines]] if reading.page is not None and lines else []


def _doubts_of(look: Look | None) -> dict[str, Any]:
    found = {} if look is None else {"overprinted": look.over, "written_by_pen": look.pen}
    return {name: round(doubt, 2) for name, doubt in found.items() if doubt > 0}


def _capped(reading: Reading, notes: dict[str, Any]) -> Reading:
    if not notes:
        return reading
    return reading.with_confidence(lambda sure: min(sure, DOUBTFUL), notes)
