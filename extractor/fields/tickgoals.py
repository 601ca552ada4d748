"""Which box of a form an answer is about: the one whose surroundings agree among the labelled documents.

A label says `true`, and half of the boxes on the page are ticked. Over many documents only the box beside the right
words is ticked whenever the label says so. With s = w·(words around a box), P(label) = sum of softmax(s) over the boxes
in that state; w is fitted by gradient ascent on the sum of log P(label) with a ridge (multiple-instance learning).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from extractor.fields.labels import Goal
from extractor.fields.layout import Ints, Layout, shape
from extractor.fields.scoring.features import SLOT_NAMES, Scene, Table
from models.doctype import DocumentType, Kind

BUCKETS = 4096
STEPS, STEP, RIDGE = 120, 0.5, 0.02
SIDES = [name.rstrip("0123456789") for name in SLOT_NAMES]

Goals = dict[str, Goal]


def settle(scenes: Sequence[Scene], goals: Sequence[Goals], doctype: DocumentType) -> list[Goals]:
    """`goals` in which every checkbox answer is borne by one box."""
    settled = [dict(own) for own in goals]
    for spec in (f for f in doctype.fields if f.kind is Kind.CHECKBOX and not f.repeated):
        cases = []
        for number, (scene, own) in enumerate(zip(scenes, goals, strict=True)):
            goal = own.get(spec.name)
            if goal and goal.candidates and len(goal.candidates[0]):
                around = _surroundings(scene.layout, scene.tables[Kind.CHECKBOX])
                cases.append(_Case(number, around, goal.candidates[0]))
        weights = _fit(cases)
        for case in cases:
            strength = weights[case.around].sum(axis=1)[case.carriers]
            chosen = case.carriers[[int(strength.argmax())]]
            settled[case.number][spec.name] = replace(settled[case.number][spec.name], candidates=(chosen,))
    return settled


@dataclass(frozen=True, eq=False)
class _Case:
    number: int
    around: Ints  # [boxes, words around each]
    carriers: Ints  # the boxes in the state that the label names


def _surroundings(layout: Layout, table: Table) -> Ints:
    """Buckets of the words around each box: by slot, and by side alone. `BUCKETS` stands for nothing."""
    texts = [shape(text) for text in layout.text]
    rows = []
    for slots in table.slots.tolist():
        row = []
        for name, side, token in zip(SLOT_NAMES, SIDES, slots, strict=True):
            word = texts[token] if token >= 0 else ""
            row += [zlib.crc32(f"{place}:{word}".encode()) % BUCKETS if word else BUCKETS for place in (name, side)]
        rows.append(row)
    return np.array(rows, np.int64).reshape(-1, 2 * len(SLOT_NAMES))


def _fit(cases: Sequence[_Case]) -> NDArray[np.float64]:
    """[BUCKETS + 1] weights; the last one stays 0."""
    weights = np.zeros(BUCKETS + 1)
    squares = np.full(BUCKETS + 1, 1e-8)
    for _ in range(STEPS if cases else 0):
        slope = -RIDGE * weights
        for case in cases:
            strength = weights[case.around].sum(axis=1)
            before = np.exp(strength - strength.max())
            after = np.zeros(len(before))
            after[case.carriers] = before[case.carriers]
            pull = after / max(after.sum(), 1e-300) - before / before.sum()
            np.add.at(slope, case.around, pull[:, None])
        slope[-1] = 0.0
        squares += slope**2
        weights += STEP * slope / np.sqrt(squares)
    return weights
