"""What other policies would have done with the same documents and the same people, for comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from hitl.simulate.desk import Spent
from hitl.simulate.people import MACHINES, TRUTH, Crowd
from hitl.simulate.replay import Trace
from hitl.simulate.rows import FieldRow, SimDocument

FIXED, SAMPLE = 0.95, 0.05

Answer = tuple[str, int, int, float]  # released token, answers, reviews, seconds
Way = Callable[[FieldRow, Crowd, np.random.Generator], Answer]


def double_keying(row: FieldRow, crowd: Crowd, _rng: np.random.Generator) -> Answer:
    """Two blind people for everything, a reviewer where they differ. The machine has no say."""
    tokens = [crowd.key(person, row.kind, row.wrong) for person in crowd.order()[:2]]
    seconds = 2 * crowd.model.seconds(row.kind)
    if tokens[0] == tokens[1]:
        return tokens[0], 2, 0, seconds
    return crowd.adjudicate(), 2, 1, seconds + _review_seconds(row, crowd)


def fixed_threshold(row: FieldRow, crowd: Crowd, rng: np.random.Generator) -> Answer:
    """Below 0.95, and 5 % of the rest, one person looks at the value that is shown."""
    if row.found and row.score >= FIXED and rng.random() >= SAMPLE:
        return _machine(row), 0, 0, 0.0
    return _shown(row, crowd, 1)


def majority_of_three(row: FieldRow, crowd: Crowd, _rng: np.random.Generator) -> Answer:
    """Three people look at the value that is shown; the majority has it."""
    return _shown(row, crowd, 3)


def alone(row: FieldRow, _crowd: Crowd, _rng: np.random.Generator) -> Answer:
    """The machine alone."""
    return _machine(row), 0, 0, 0.0


def random_review(budget: float) -> Way:
    """One blind person, a reviewer on a mismatch, for fields chosen at random so that `budget` answers a field go."""

    def way(row: FieldRow, crowd: Crowd, rng: np.random.Generator) -> Answer:
        if rng.random() >= budget:
            return _machine(row), 0, 0, 0.0
        token = crowd.key(crowd.order()[0], row.kind, row.wrong)
        seconds = crowd.model.seconds(row.kind)
        if token == _machine(row):
            return token, 1, 0, seconds
        return crowd.adjudicate(), 1, 1, seconds + _review_seconds(row, crowd)

    return way


WAYS: dict[str, Way] = {
    "double keying": double_keying,
    "fixed 0.95 + 5 % sample": fixed_threshold,
    "majority of 3, prefilled": majority_of_three,
    "machine alone": alone,
}


def run(documents: Sequence[SimDocument], way: Way, crowd: Crowd, rng: np.random.Generator) -> Trace:
    """The whole stream by one other policy."""
    trace = Trace()
    for document in documents:
        spent = Spent(len(document.fields))
        for token, answers, reviews, seconds in _each(document, way, crowd, rng):
            spent.accepted += answers == 0
            spent.answers += answers
            spent.reviews += reviews
            spent.seconds += seconds
            spent.wrong += token != TRUTH
        trace.documents.append(spent)
    return trace


def _each(document: SimDocument, way: Way, crowd: Crowd, rng: np.random.Generator) -> Iterator[Answer]:
    for row in document.fields:
        yield way(row, crowd, rng)


def _machine(row: FieldRow) -> str:
    return MACHINES if row.wrong else TRUTH


def _shown(row: FieldRow, crowd: Crowd, people: int) -> Answer:
    tokens = [crowd.verify(person, row.kind, row.wrong) for person in crowd.order()[:people]]
    seconds = people * crowd.model.seconds(row.kind) * crowd.model.figures["verify"]["seconds"]
    return max(sorted(set(tokens)), key=tokens.count), people, 0, seconds


def _review_seconds(row: FieldRow, crowd: Crowd) -> float:
    return crowd.model.seconds(row.kind) * crowd.model.figures["reviewers"]["seconds"]
