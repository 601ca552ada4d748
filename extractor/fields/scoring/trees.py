"""The tree scorer of one field: word log-odds and numbers of a candidate, boosted trees, EM on noisy positives.

A value that stands in eleven places is labelled in eleven places, most of them by chance. The first forest is
trained on all of them with equal shares; it then says which it believes, and the second is trained on those.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from extractor.fields.labels import Goal
from extractor.fields.layout import Floats, Ints
from extractor.fields.scoring import grow
from extractor.fields.scoring.features import BASE, NUMBERS, Table, value_hash
from extractor.fields.scoring.forest import Forest
from extractor.fields.scoring.lexicon import (
    COLUMNS,
    LABELS,
    Cells,
    Counts,
    Share,
    Vocabulary,
    Words,
    features,
    label_features,
    share_of,
)

ROUNDS = 2
MOST_ROWS = 60_000
BELIEVED = 0.02
COMMON_SHARE = 0.1  # of the documents; a value seen in more is no sign of one vendor
POSITIVE_WEIGHT = 5.0

Weights = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FieldTrees:
    """A trained scorer: log-odds tables, values seen, forest."""

    odds: Floats  # [ROWS, vocabulary]
    seen: dict[int, tuple[float, float]]  # value hash -> documents in which it was right, wrong
    forest: Forest

    def score(self, table: Table, words: Words) -> Floats:
        """Log-odds that each candidate is the value."""
        return self.forest.score(_matrix(table, words, self.odds, self._seen(table)))

    def _seen(self, table: Table) -> Floats:
        pairs = [self.seen.get(value, (0.0, 0.0)) for value in table.hashes.tolist()]
        return np.array(pairs, np.float32).reshape(-1, 2)

    def right_before(self, key: str) -> float:
        """In how many training documents this value was right."""
        return self.seen.get(value_hash(key), (0.0, 0.0))[0]

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        hashes = np.array(sorted(self.seen), np.uint32)
        counts = np.array([self.seen[int(h)] for h in hashes], np.float32).reshape(-1, 2)
        tables: dict[str, NDArray[Any]] = {
            "odds": self.odds.astype(np.float16),
            "seen": hashes,
            "seen_counts": counts.astype(np.float16),
        }
        return tables | {f"forest.{name}": array for name, array in self.forest.to_arrays().items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> FieldTrees:
        counts = arrays["seen_counts"].astype(np.float32)
        seen = {int(h): (float(c[0]), float(c[1])) for h, c in zip(arrays["seen"], counts, strict=True)}
        forest = Forest.from_arrays(
            {n.removeprefix("forest."): a for n, a in arrays.items() if n.startswith("forest.")}
        )
        return cls(arrays["odds"].astype(np.float32), seen, forest)


@dataclass(frozen=True, eq=False)
class Case:
    """One document in the training of one field."""

    table: Table
    words: Words
    cells: Cells
    goal: Goal


def _matrix(table: Table, words: Words, odds: Floats, seen: Floats) -> Floats:
    if not len(table):
        return np.zeros((0, NUMBERS + COLUMNS + len(LABELS)), np.float32)
    parts = table.numbers[:, :BASE], features(table, words, odds, seen), table.numbers[:, BASE:]
    return np.concatenate([*parts, label_features(words, odds)], 1)


def fit(cases: Sequence[Case], vocabulary: Vocabulary, seed: int, min_documents: int) -> FieldTrees | None:
    """A scorer for one field, or None if no case has a value among its candidates."""
    cases = [c for c in cases if len(c.table)]
    positives = [c.goal.positives(len(c.table)) for c in cases]
    if not any(p.any() for p in positives):
        return None
    trees: FieldTrees | None = None
    left_out = _left_out(cases)
    values = values_of(cases)
    for round_number in range(ROUNDS):
        counts, shares = _count(cases, vocabulary, positives, values)
        odds = counts.log_odds()
        rows = [_without(case, [shares[i] for i in left_out[n]], counts, odds) for n, case in enumerate(cases)]
        params = grow.settings(len(cases), seed)
        forest = grow.grow(*_training_rows(cases, rows, positives, seed), params)
        trees = FieldTrees(
            counts.log_odds().astype(np.float16).astype(np.float32), _kept(counts, min_documents), forest
        )
        if round_number < ROUNDS - 1:
            positives = [_believed(forest, x, c.goal) for x, c in zip(rows, cases, strict=True)]
    return trees


def values_of(cases: Sequence[Case]) -> Ints:
    """Hashes of all values that are candidates or right somewhere, ascending."""
    right = [np.array([value_hash(k) for k in c.goal.keys], np.int64) for c in cases]
    return np.unique(np.concatenate([c.table.hashes for c in cases] + right))


def _count(
    cases: Sequence[Case], vocabulary: Vocabulary, positives: list[Weights], values: Ints
) -> tuple[Counts, list[Share]]:
    counts = Counts.zero(vocabulary.size, values)
    shares = [share_of(c.table, c.cells, p, c.goal.keys, values) for c, p in zip(cases, positives, strict=True)]
    for share in shares:
        counts.add(share)
    return counts, shares


def _left_out(cases: Sequence[Case]) -> list[list[int]]:
    """For each case those whose counts it is scored without: itself, and for every second one all with its value.

    So the trees see as many documents of vendors they seem not to know as of known ones, and learn to read both. A
    value that is common anyway, such as a state of the law, stays known.
    """
    groups: dict[frozenset[str], list[int]] = defaultdict(list)
    for number, case in enumerate(cases):
        groups[case.goal.keys].append(number)
    found = []
    for number, case in enumerate(cases):
        group = groups[case.goal.keys]
        stranger = case.goal.keys and len(group) <= max(2, COMMON_SHARE * len(cases)) and group.index(number) % 2 == 0
        found.append(group if stranger else [number])
    return found


def _without(case: Case, shares: Sequence[Share], counts: Counts, odds: Floats) -> Floats:
    """The features of one document by the counts of all documents but those of `shares`; `odds` is written over."""
    for share in shares:
        counts.add(share, -1.0)
    counts.fill_log_odds(odds, case.cells.read)
    rows = _matrix(case.table, case.words, odds, counts.seen(case.table))
    for share in shares:
        counts.add(share)
    return rows


def _kept(counts: Counts, min_documents: int) -> dict[int, tuple[float, float]]:
    """Values seen in at least `min_documents` documents: rarer ones could tell who they are about."""
    often = np.flatnonzero(counts.right_values + counts.wrong_values >= min_documents)
    pairs = zip(counts.right_values[often].tolist(), counts.wrong_values[often].tolist(), strict=True)
    return dict(zip(counts.values[often].tolist(), pairs, strict=True))


def _training_rows(
    cases: Sequence[Case], rows: list[Floats], positives: list[Weights], seed: int
) -> tuple[Floats, NDArray[np.float32], NDArray[np.float32]]:
    """Features, labels and weights of all candidates; far too many negatives are thinned out."""
    right = np.concatenate([_carries(c) for c in cases])
    weight = np.concatenate([_weights(c, p) for c, p in zip(cases, positives, strict=True)])
    keep = weight > 0
    if len(keep) > MOST_ROWS:
        drawn = np.random.default_rng(seed).random(len(keep)) < 0.8 * MOST_ROWS / len(keep)
        keep &= drawn | right
    ends = np.cumsum([len(r) for r in rows])[:-1]
    kept = [r[mine] for r, mine in zip(rows, np.split(keep, ends), strict=True)]
    return np.concatenate(kept), right[keep].astype(np.float32), weight[keep].astype(np.float32)


def _carries(case: Case) -> NDArray[np.bool_]:
    right = np.zeros(len(case.table), bool)
    for found in case.goal.candidates:
        right[found] = True
    return right


def _weights(case: Case, positive: Weights) -> Weights:
    return np.where(_carries(case), positive * POSITIVE_WEIGHT, 1.0) * case.goal.weight


def _believed(forest: Forest, rows: Floats, goal: Goal) -> Weights:
    """Positive weights by what the forest believes, within the candidates of each value."""
    share = np.zeros(len(rows))
    for found in goal.candidates:
        if len(found):
            score = forest.score(rows[found])
            chance = np.exp(score - score.max())
            chance = np.where(chance / chance.sum() > BELIEVED, chance / chance.sum(), 0.0)
            share[found] += chance
    return share
