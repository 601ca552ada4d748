"""From a known value to the candidates that carry it: the training targets."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from extractor import kinds
from extractor.fields.layout import Ints
from extractor.fields.scoring.features import Scene, Table
from models.doctype import DocumentType, FieldSpec, Kind
from models.values import Box, Page, Statement, ValueState

Images = Callable[[int], NDArray[np.uint8]]

NEARLY = 82  # per cent of equal characters from which a candidate counts as a damaged reading of the value
FREE_TEXT = frozenset({Kind.NAME, Kind.ADDRESS, Kind.LINE})


@dataclass(frozen=True)
class Label:
    """What people said about one field. `boxes` are (page number, box) where they pointed."""

    state: ValueState
    value: str | list[str] | None
    boxes: tuple[tuple[int, Box], ...] = ()
    weight: float = 1.0


@dataclass(frozen=True)
class TrainingDocument:
    """One document with its labels. None is unlabelled: neither a negative example nor scored."""

    id: str
    group: str  # documents of one group never stand in different folds
    document_type: str
    pages: tuple[Page, ...]
    labels: dict[str, Label | None]
    image_of: Images | None = dataclasses.field(default=None, repr=False, compare=False)  # page number -> picture
    stated: tuple[Statement, ...] = ()  # what the file says beside its print
    lines: tuple[str, ...] = ()  # transcripts of lines, where there are any


@dataclass(frozen=True, eq=False)
class Goal:
    """What the scorers should find for one field: for each value the candidates that carry it; no values = absent."""

    keys: frozenset[str]
    candidates: tuple[Ints, ...]
    weight: float

    @property
    def absent(self) -> bool:
        return not self.keys

    def positives(self, count: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """[count] weights that sum to one per value, over the candidates that carry it."""
        share = np.zeros(count)
        for found in self.candidates:
            share[found] += 1 / max(len(found), 1)
        return share


def normalised(label: Label, field: FieldSpec, doctype: DocumentType) -> list[str]:
    """The values of a label in the project's form; what cannot be parsed stays as it is. Raises AmbiguousValue."""
    values = [] if label.value is None else [label.value] if isinstance(label.value, str) else label.value
    return [kinds.label_value(field.kind, v, doctype, field) for v in values]


def goal_of(label: Label | None, scene: Scene, field: FieldSpec, doctype: DocumentType) -> Goal | None:
    """The goal for one field of one document, or None if nothing can be learnt from its label."""
    if label is None or label.state is ValueState.ILLEGIBLE or label.state is ValueState.NOT_FOUND:
        return None
    if label.state in (ValueState.ABSENT, ValueState.EMPTY):
        return Goal(frozenset(), (), label.weight)
    table = scene.tables[field.kind]
    allowed = _inside(scene, table, label.boxes) if label.boxes else None
    keys = [kinds.key(field.kind, value) for value in normalised(label, field, doctype)]
    keys = [k for k in keys if k]
    if not keys:
        return None
    return Goal(frozenset(keys), tuple(_carriers(table, k, field.kind, allowed) for k in keys), label.weight)


def _carriers(table: Table, key: str, kind: Kind, allowed: Ints | None) -> Ints:
    """Candidates with exactly this value, else for free text the nearest; those that people pointed at, if any."""
    found = np.flatnonzero([k == key for k in table.keys])
    if not len(found) and kind in FREE_TEXT and table.keys:
        scores = process.cdist([key], table.keys, scorer=fuzz.ratio, score_cutoff=NEARLY)[0]
        found = np.flatnonzero((scores == scores.max()) & (scores > 0))
    carriers = np.flatnonzero(np.isin(table.value, found))
    pointed = carriers if allowed is None else np.intersect1d(carriers, allowed)
    return pointed if len(pointed) else carriers


def _inside(scene: Scene, table: Table, boxes: Sequence[tuple[int, Box]]) -> Ints:
    """Candidates whose first word has its middle in one of `boxes`."""
    layout = scene.layout
    found = []
    for number, span in enumerate(table.spans):
        page = layout.pages[layout.page[span.tokens[0]]]
        middle = page.words[layout.word[span.tokens[0]]].box.centre
        if any(page.number == n and box.contains(*middle) for n, box in boxes):
            found.append(number)
    return np.array(found, np.int64)
