"""What the scorers see of a candidate: the tokens in its neighbourhood and numbers about its place, text and rank."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from extractor.fields.anchors.phrases import anchors_of
from extractor.fields.candidates import find_candidates
from extractor.fields.layout import Floats, Ints, Layout, lay_out
from extractor.fields.scoring.labelled import labelled
from extractor.fields.scoring.neighbours import beside, over_and_under, stretches
from extractor.fields.scoring.relations import EARLIER, LATER, relations
from extractor.fields.spans import Span
from models.doctype import DocumentType, Kind
from models.values import Page

# Columns of `Table.slots`: tokens in the neighbourhood of a candidate.
SLOT_NAMES = [
    "left1",
    "left2",
    "left3",
    "left4",
    "right1",
    "right2",
    "right3",
    "above1",
    "above2",
    "above3",
    "above4",
    "below1",
    "below2",
    "start1",
    "start2",
    "head",
    "before",
    "after",
    "label",
    "over",
    "heading",
]
SLOTS = len(SLOT_NAMES)
FIRST_LABEL = SLOT_NAMES.index("label")
ABOVE, BELOW = SLOT_NAMES.index("above1"), SLOT_NAMES.index("below1")
BASE = 53  # numbers that the first bundles know
NUMBERS = BASE + LATER + 3  # then those about relations, and how far the labels are that speak for a candidate
BOUNDED = frozenset({Kind.NAME, Kind.ADDRESS, Kind.LINE})  # where a value ends is half of the question
_SIGN = re.compile(r"[$€£¥]|RM|USD|EUR", re.IGNORECASE)
_MONTH = re.compile(r"[A-Z]{3}", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Table:
    """All candidates of one kind in one document, as arrays."""

    spans: list[Span]
    slots: NDArray[np.int32]  # [n, SLOTS] token indexes, -1 for none
    numbers: Floats  # [n, NUMBERS]
    tokens: Ints  # tokens of all candidates, one after the other
    starts: Ints  # where each candidate begins in `tokens`
    value: Ints  # [n] number of the candidate's value among `keys`
    keys: list[str]  # distinct values
    around: Ints  # [n, 4] token ranges of what stands before and after a candidate of a `BOUNDED` kind; empty if none
    hashes: Ints  # of the keys

    def __len__(self) -> int:
        return len(self.spans)

    @property
    def lengths(self) -> Ints:
        return np.diff(np.append(self.starts, len(self.tokens)))

    def only(self, kept: Ints) -> Table:
        """The candidates `kept`, among the same values."""
        lengths = self.lengths[kept]
        starts = np.cumsum(lengths) - lengths
        inside = np.arange(int(lengths.sum())) - np.repeat(starts, lengths)
        tokens = self.tokens[np.repeat(self.starts[kept], lengths) + inside]
        spans = [self.spans[k] for k in kept.tolist()]
        return replace(
            self, spans=spans, slots=self.slots[kept], numbers=self.numbers[kept], tokens=tokens, starts=starts,
            value=self.value[kept], around=self.around[kept],
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Scene:
    """A document ready for scoring."""

    layout: Layout
    tables: dict[Kind, Table]


def make_scene(pages: Sequence[Page], doctype: DocumentType, *, labels: bool = True) -> Scene:
    """`labels` off: as the first bundles saw a document, with the words of labels for what they say."""
    layout = lay_out(pages)
    layout = anchors_of(doctype).mark(layout) if labels else layout
    found = find_candidates(layout, doctype)
    if not len(layout):
        return Scene(layout, {kind: _empty() for kind in found})
    near = _Near(layout)
    return Scene(layout, {kind: _table(layout, near, kind, spans) for kind, spans in found.items()})


class _Near:
    """The neighbour arrays of a layout, computed once for all kinds."""

    def __init__(self, layout: Layout) -> None:
        self.left, self.right, self.start = beside(layout)
        self.above, self.below, self.head = over_and_under(layout)
        self.labelled = labelled(layout)
        index = np.arange(len(layout))
        same = np.diff(layout.page, append=-1) == 0
        self.after = np.where(same, index + 1, -1)[:, None]
        self.before = np.where(np.roll(same, 1) & (index > 0), index - 1, -1)[:, None]

    def slots(self, first: Ints, last: Ints) -> NDArray[np.int32]:
        columns = (
            self.left[first], self.right[last], self.above[first], self.below[last],
            self.start[first], self.head[first], self.before[first], self.after[last], self.labelled.tokens[first],
        )  # fmt: skip
        return np.concatenate(columns, 1).astype(np.int32)


def _empty() -> Table:
    none = np.zeros(0, np.int64)
    slots, numbers = np.zeros((0, SLOTS), np.int32), np.zeros((0, NUMBERS), np.float32)
    return Table([], slots, numbers, none, none, none, [], np.zeros((0, 4), np.int64), none)


def _table(layout: Layout, near: _Near, kind: Kind, spans: list[Span]) -> Table:
    if not spans:
        return _empty()
    spans = sorted(spans, key=lambda s: (s.tokens[0], len(s.tokens), s.tokens[-1], s.key))
    lengths = np.array([len(s.tokens) for s in spans])
    tokens = np.array([t for s in spans for t in s.tokens], np.int64)
    starts = np.cumsum(lengths) - lengths
    keys, value = np.unique(np.array([s.key for s in spans], object), return_inverse=True)
    first, last = tokens[starts], tokens[starts + lengths - 1]
    slots = near.slots(first, last)
    place = _places(layout, tokens, starts, first, last, slots)
    text = _texts(layout, kind, spans, tokens, starts, lengths, first, last)
    rank = _ranks(kind, spans, value, list(keys))
    related = relations(layout, kind, spans, value, list(keys))
    sums, later = related[:, :EARLIER], related[:, EARLIER:]
    around = np.zeros((len(spans), 4), np.int64)
    if kind in BOUNDED:
        around = stretches(layout, first, last, *slots[:, [ABOVE, BELOW]].T.astype(np.int64))
    steps = _steps(layout, first, last, around)
    said = near.labelled.distance[first]
    numbers = np.concatenate([place, text, rank, sums, steps, later, said], 1).astype(np.float32)
    hashes = np.array([value_hash(k) for k in keys], np.int64)
    return Table(spans, slots, numbers, tokens, starts, value.astype(np.int64), list(keys), around, hashes)


def value_hash(key: str) -> int:
    return zlib.crc32(key.encode())


def _places(layout: Layout, tokens: Ints, starts: Ints, first: Ints, last: Ints, slots: NDArray[np.int32]) -> Floats:
    """Where it stands: box, page, gaps to its neighbours, whether it fills its segment. 18 columns."""
    box = layout.box[tokens]
    x0, y0 = np.minimum.reduceat(box[:, 0], starts), np.minimum.reduceat(box[:, 1], starts)
    x1, y1 = np.maximum.reduceat(box[:, 2], starts), np.maximum.reduceat(box[:, 3], starts)
    page = layout.page[first]
    bottom = np.array([max(layout.box[layout.page == p, 3].max(initial=0.0), 1e-6) for p in range(len(layout.pages))])
    left, right, above = slots[:, 0], slots[:, 4], slots[:, 7]
    gap_left = np.where(left >= 0, x0 - layout.box[left, 2], 0.5)
    gap_right = np.where(right >= 0, layout.box[right, 0] - x1, 0.5)
    gap_above = np.where(above >= 0, y0 - layout.box[above, 3], 0.3)
    opens = (left < 0) | (layout.segment[left] != layout.segment[first])
    closes = (right < 0) | (layout.segment[right] != layout.segment[last])
    lines = layout.line[last] - layout.line[first] + 1
    final = len(layout.pages) - 1
    columns = (
        x0, y0, x1, y1, y0 / bottom[page], page, page == final, np.full(len(first), final),
        (y1 - y0) / layout.height, (layout.box[first, 3] - layout.box[first, 1]) / layout.height,
        gap_left, gap_right, gap_above, opens, closes, lines, layout.line[first] / (layout.line.max() + 1),
        x0 + x1,
    )  # fmt: skip
    return np.stack([np.asarray(c, np.float32) for c in columns], 1)


def _texts(
    layout: Layout, kind: Kind, spans: list[Span], tokens: Ints, starts: Ints, lengths: Ints, first: Ints, last: Ints
) -> Floats:
    """What it looks like: lengths, shares of digits and capitals, marks, the engine's confidence. 17 columns."""
    words = layout.text
    counts = layout.makeup
    sums = np.add.reduceat(counts[tokens], starts)
    sure = layout.confidence[tokens]
    ends_colon = np.array([w.endswith(":") for w in words])
    ends_comma = np.array([w.endswith(",") for w in words])
    opens_bracket = np.array([w.startswith(("(", "[")) for w in words])
    digits = counts[:, 1] > 0
    after = np.minimum(last + 1, len(words) - 1)
    columns = (
        lengths, sums[:, 0], sums[:, 1], sums[:, 2], sums[:, 3] / np.maximum(sums[:, 2], 1), sums[:, 4],
        np.array([_mark(kind, s.text) for s in spans]), np.minimum.reduceat(sure, starts),
        np.add.reduceat(sure, starts) / lengths,
        ends_colon[first], ends_comma[last], opens_bracket[first], opens_bracket[after], digits[first], digits[last],
        digits[after], np.array(["." in s.text for s in spans]),
    )  # fmt: skip
    return np.stack([np.asarray(c, np.float32) for c in columns], 1)


def _mark(kind: Kind, text: str) -> int:
    if kind is Kind.DATE:
        return 2 if _MONTH.search(text) else int("/" in text)
    return int(bool(_SIGN.search(text)))


def _ranks(kind: Kind, spans: list[Span], value: Ints, keys: list[str]) -> Floats:
    """How it compares with the other candidates of its kind: order, repeats, size of the value. 8 columns."""
    count = len(spans)
    order = np.arange(count)
    repeats = np.bincount(value, minlength=len(keys))[value]
    sizes = np.array([float(k) for k in keys]) if kind is Kind.MONEY else np.arange(len(keys), dtype=float)
    by_size = sizes.argsort(kind="stable").argsort(kind="stable")[value].astype(np.float64)
    of_top = sizes[value] / max(float(sizes.max()), 1e-6) if kind is Kind.MONEY else np.zeros(count)
    if kind not in (Kind.MONEY, Kind.DATE):
        by_size = np.zeros(count)
    columns = (
        order,
        count - order,
        order / count,
        repeats,
        by_size,
        len(keys) - 1 - by_size,
        np.full(count, len(keys)),
        of_top,
    )
    return np.stack([np.asarray(c, np.float32) for c in columns], 1)


def _steps(layout: Layout, first: Ints, last: Ints, around: Ints) -> Floats:
    """How the stretches before and after differ: height of the letters, distance down, on the same row. 6 columns."""
    if not around.any():
        return np.zeros((len(first), 6), np.float32)
    height = layout.box[:, 3] - layout.box[:, 1]
    columns: list[Floats] = []
    for edge, (low, high) in ((first, around[:, :2].T), (last, around[:, 2:].T)):
        there = np.clip(np.where(edge is first, high - 1, low), 0, len(layout) - 1)
        exists = high > low
        taller = np.log(np.maximum(height[there], 1e-6) / np.maximum(height[edge], 1e-6))
        down = np.abs(layout.box[there, 1] - layout.box[edge, 1]) / layout.height
        columns += [np.where(exists, taller, 0.0), np.where(exists, np.minimum(down, 9.0), 9.0)]
        columns.append(exists & (layout.line[there] == layout.line[edge]))
    return np.stack([np.asarray(c, np.float32) for c in columns], 1)
