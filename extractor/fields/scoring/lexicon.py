"""Which words stand in and around the values of a field: log-odds per neighbourhood, and values seen before.

Words are counted by hash, so the tables hold no text; a word too rare to be counted counts for its outline. In
training, a document's own counts are taken out before it is scored (leave one out), else the tables would repeat the
labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from extractor.fields.layout import Floats, Ints, Layout
from extractor.fields.scoring.features import SLOTS, Table, value_hash

# Neighbourhoods by the columns of `Table.slots` that they join.
GROUPS: dict[str, tuple[int, ...]] = {
    "left1": (0,), "left": (0, 1, 2, 3), "right": (4, 5, 6), "above1": (7,), "above": (7, 8, 9, 10),
    "below": (11, 12), "start": (13, 14), "head": (15,), "before": (16,), "after": (17,),
}  # fmt: skip
LABELS = {"label": 18, "over": 19, "heading": 20}  # came later: behind all others, so that older trees find theirs
OWN = ("own", "first", "last")
ROWS = len(GROUPS) + len(OWN) + len(LABELS)
COLUMNS = sum(3 if len(s) > 1 else 1 for s in GROUPS.values()) + 4 + 2 + 2 + 6


LEAST_OUTLINE = 5  # documents; rarer outlines tell nothing
NO_HASHES: NDArray[np.uint32] = np.zeros(0, np.uint32)


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Hashes of the words that are counted, and of the outlines that stand for all other words; both ascending.

    Ids: the words, then the outlines, then one for unknown, then one for no word there.
    """

    hashes: NDArray[np.uint32]
    outlines: NDArray[np.uint32] = field(default_factory=lambda: NO_HASHES)

    @classmethod
    def of(cls, layouts: Sequence[Layout], min_documents: int) -> Vocabulary:
        """The words that occur in at least `min_documents` of `layouts`, and the outlines that others often have."""
        hashes = _common([layout.shapes for layout in layouts], min_documents)
        rest = [layout.outlines[~np.isin(layout.shapes, hashes)] for layout in layouts]
        return cls(hashes, _common(rest, max(min_documents, LEAST_OUTLINE)))

    @property
    def size(self) -> int:
        return len(self.hashes) + len(self.outlines) + 2

    def ids(self, layout: Layout) -> Ints:
        """Id of each token, with the id of "no word" appended, so that index -1 means it."""
        unknown = len(self.hashes) + len(self.outlines)
        known, place = _places(self.hashes, layout.shapes)
        alike, outline = _places(self.outlines, layout.outlines)
        found = np.where(known, place, np.where(alike, len(self.hashes) + outline, unknown))
        return np.append(found, unknown + 1).astype(np.int64)


def _common(found: Sequence[NDArray[np.uint32]], min_documents: int) -> NDArray[np.uint32]:
    """The hashes that stand in at least `min_documents` of the documents `found`."""
    once = [np.unique(hashes) for hashes in found if len(hashes)]
    hashes, counts = np.unique(np.concatenate([NO_HASHES, *once]), return_counts=True)
    return hashes[counts >= min_documents]


def _places(book: NDArray[np.uint32], hashes: NDArray[np.uint32]) -> tuple[NDArray[np.bool_], Ints]:
    """Whether each hash is in the ascending `book`, and where."""
    if not len(book):
        return np.zeros(len(hashes), bool), np.zeros(len(hashes), np.int64)
    place = np.minimum(np.searchsorted(book, hashes), len(book) - 1)
    return book[place] == hashes, place.astype(np.int64)


@dataclass(frozen=True, eq=False)
class Words:
    """The word ids of one table: in each slot, and in each candidate."""

    slots: Ints  # [n, SLOTS]
    own: Ints  # as Table.tokens
    first: Ints
    last: Ints
    page: Ints  # of every token of the document

    @classmethod
    def of(cls, table: Table, ids: Ints) -> Words:
        own = ids[table.tokens]
        ends = table.starts + table.lengths - 1
        return cls(ids[table.slots].reshape(-1, SLOTS), own, own[table.starts], own[ends], ids[:-1])


@dataclass(frozen=True, eq=False)
class Cells:
    """Which cells of [ROWS, vocabulary] the candidates of one document touch: what any `Share` of it is made of."""

    used: Ints  # flat and ascending
    inverse: NDArray[np.int32]  # of each mention of a cell its number in `used`
    read: Ints  # those and the inside of every word of the document: what `features` reads

    @classmethod
    def of(cls, words: Words, size: int) -> Cells:
        mentions = [(words.slots[:, slots] + row * size).ravel() for row, slots in enumerate(GROUPS.values())]
        mentions += [ids + row * size for row, ids in enumerate((words.own, words.first, words.last), len(GROUPS))]
        later = enumerate(LABELS.values(), len(GROUPS) + len(OWN))
        mentions += [words.slots[:, slot] + row * size for row, slot in later]
        used, inverse = np.unique(np.concatenate(mentions), return_inverse=True)
        return cls(used, inverse.astype(np.int32), np.union1d(used, words.page + len(GROUPS) * size))


@dataclass(eq=False)
class Counts:
    """How often each word was seen around right candidates (`right`) and wrong ones (`wrong`), by neighbourhood."""

    right: NDArray[np.float64]  # [ROWS, vocabulary]
    wrong: NDArray[np.float64]
    documents: float
    values: Ints  # hashes of all values, ascending
    right_values: NDArray[np.float64]  # for each the documents in which it was the value
    wrong_values: NDArray[np.float64]

    @classmethod
    def zero(cls, size: int, values: Ints) -> Counts:
        """Of a vocabulary of `size` words, and of `values`, each once and ascending."""
        none = np.zeros(len(values))
        return cls(np.zeros((ROWS, size)), np.zeros((ROWS, size)), 0.0, values, none, none.copy())

    def add(self, other: Share, sign: float = 1.0) -> None:
        """Add the counts of one document, or take them out (`sign` -1)."""
        self.right.ravel()[other.cells] += sign * other.right
        self.wrong.ravel()[other.cells] += sign * other.wrong
        self.documents += sign
        self.right_values[other.right_values] += sign
        self.wrong_values[other.wrong_values] += sign

    def seen(self, table: Table) -> Floats:
        """[values of the table, 2]: documents in which each was right and wrong."""
        place = np.searchsorted(self.values, table.hashes)
        return np.stack([self.right_values[place], self.wrong_values[place]], 1).astype(np.float32)

    def log_odds(self) -> Floats:
        """[ROWS, vocabulary]; 0 where no word stands."""
        odds = self._log_odds(self.right, self.wrong)
        odds[:, -1] = 0.0
        return odds

    def fill_log_odds(self, odds: Floats, cells: Ints) -> None:
        """The same, written to some of its flat `cells`."""
        odds.ravel()[cells] = self._log_odds(self.right.ravel()[cells], self.wrong.ravel()[cells])
        odds[:, -1] = 0.0

    def _log_odds(self, right: NDArray[np.float64], wrong: NDArray[np.float64]) -> Floats:
        likely = np.log((np.maximum(right, 0) + 0.02) / (self.documents + 0.5))
        unlikely = np.log((np.maximum(wrong, 0) + 0.1) / (self.documents + 1.0))
        return (likely - unlikely).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Share:
    """What one document adds to `Counts`: flat cells of [ROWS, vocabulary] and their weights."""

    cells: Ints
    right: NDArray[np.float64]
    wrong: NDArray[np.float64]
    right_values: Ints  # places among the values counted
    wrong_values: Ints


def share_of(table: Table, cells: Cells, positive: NDArray[np.float64], keys: frozenset[str], counted: Ints) -> Share:
    """The counts of one document whose candidates are right with weights `positive`; `keys` are its true values."""
    right = positive / positive.sum() if positive.sum() > 0 else positive
    negative = (positive <= 0).astype(float)
    wrong = negative / max(negative.sum(), 1.0)
    false = np.array([key not in keys for key in table.keys], bool)
    return Share(
        cells.used,
        np.bincount(cells.inverse, _mentioned(table, right), len(cells.used)).astype(np.float64),
        np.bincount(cells.inverse, _mentioned(table, wrong), len(cells.used)).astype(np.float64),
        np.searchsorted(counted, np.array([value_hash(k) for k in keys], np.int64)),
        np.searchsorted(counted, table.hashes[false]),
    )


def _mentioned(table: Table, weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weight of the candidate behind each mention of a cell, in the order of `Cells`."""
    by_slots = [np.repeat(weight, len(slots)) for slots in GROUPS.values()]
    return np.concatenate([*by_slots, np.repeat(weight, table.lengths), weight, weight, *([weight] * len(LABELS))])


def features(table: Table, words: Words, odds: Floats, seen: Floats) -> Floats:
    """[n, COLUMNS] log-odds of the words in each neighbourhood: extreme and mean; then how often the value was seen.

    `seen` is [values, 2]: documents in which it was right and wrong.
    """
    columns: list[Floats] = []
    for row, slots in enumerate(GROUPS.values()):
        found = odds[row][words.slots[:, slots]]
        columns.append(found.max(1))
        if len(slots) > 1:
            columns += [found.mean(1), found.min(1)]
    own = odds[len(GROUPS)][words.own]
    columns += [
        np.maximum.reduceat(own, table.starts),
        np.minimum.reduceat(own, table.starts),
        (np.add.reduceat(own, table.starts) / table.lengths).astype(np.float32),
        np.add.reduceat(own, table.starts),
        odds[len(GROUPS) + 1][words.first],
        odds[len(GROUPS) + 2][words.last],
        *_continued(table, words, odds[len(GROUPS)]),
        seen[table.value, 0],
        seen[table.value, 1],
    ]
    return np.stack([np.asarray(c, np.float32) for c in columns], 1)


def _continued(table: Table, words: Words, odds: Floats) -> list[Floats]:
    """How much what stands before and after a candidate looks like the inside of a value: sum, mean and ends."""
    total = np.concatenate([[0.0], np.cumsum(odds[words.page], dtype=np.float64)])
    columns: list[Floats] = []
    for low, high, edge in ((*table.around[:, :2].T, 1), (*table.around[:, 2:].T, 2)):
        exists = high > low
        summed = total[high] - total[low]
        nearest = np.clip(np.where(edge == 1, high - 1, low), 0, len(words.page) - 1)
        columns += [summed, summed / np.maximum(high - low, 1), np.where(exists, odds[words.page][nearest], 0.0)]
    return [np.asarray(c, np.float32) for c in columns]


def label_features(words: Words, odds: Floats) -> Floats:
    """[n, len(LABELS)] log-odds of the labels that speak for each candidate; 0 by a table that knows none."""
    found = np.zeros((len(words.slots), len(LABELS)), np.float32)
    for column, (row, slot) in enumerate(enumerate(LABELS.values(), len(GROUPS) + len(OWN))):
        if row < len(odds):
            found[:, column] = odds[row][words.slots[:, slot]]
    return found
