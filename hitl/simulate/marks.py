"""How many errors the TaskGrader's reviews catch against the budget, beside random, lowest confidence and an oracle.

Every document goes past the people and is then looked at by a reviewer, picked or not; what the review changes is what
a pick would have caught. The grader learns from documents picked as production picks them, and is judged on others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitl.grader.model import Grader, Reviewed, caught, fit, lift, lift_interval, pick
from hitl.simulate.desk import Desk, Spent
from hitl.simulate.marking import features_of, review
from hitl.simulate.people import Crowd, Model
from hitl.simulate.rows import SimDocument
from hitl.workspace.policy import Policy

Floats = NDArray[np.float64]
SEED = 20150


@dataclass(frozen=True)
class Marked:
    """One document: what the grader is told, and the fraction of its fields that a review changes."""

    features: dict[str, float]
    changed: float
    doubt: float  # 1 - mean confidence, the simplest way to pick


@dataclass(frozen=True)
class Marks:
    """Errors caught at one budget. Lifts are over random review: 1.0 means +100 %."""

    budget: float
    lift: float
    low: float
    high: float
    by_doubt: float
    oracle: float
    spent: float  # share of documents picked by the rolling threshold


def released(
    documents: Sequence[SimDocument], count: int, policy: Policy, model: Model, people: int, rng: np.random.Generator
) -> Iterator[Marked]:
    """`count` documents drawn from `documents`, as they leave the first level, each with what a review changes."""
    crowd = Crowd(model, people, rng)
    desk = Desk(policy, crowd)
    for at in rng.integers(0, len(documents), count):
        rows, spent = documents[at].fields, Spent(len(documents[at].fields))
        limit = policy.fixed_threshold
        decided = [
            desk.decide(row, spent, accepted=row.found and row.score >= limit, audited=False) for row in rows
        ]  # fmt: skip
        features = features_of(rows, decided, crowd, policy)
        changed = review(rows, decided, spent, crowd) / len(rows)
        yield Marked(features, changed, 1 - sum(row.score for row in rows) / len(rows))


def learn(marked: Sequence[Marked], budget: float, rng: np.random.Generator, every: int = 200) -> Grader:
    """A grader as production would have it after these documents: from those alone that its picks showed it."""
    grader: Grader | None = None
    known: list[Reviewed] = []
    recent: list[float] = []
    for number, one in enumerate(marked, start=1):
        score = grader.score(one.features) if grader else None
        choice = pick(score, recent, budget, float(rng.random()))
        recent += [] if score is None else [score]
        if choice.picked:
            known.append(Reviewed(one.features, one.changed, choice.probability))
        if number % every == 0:
            grader = fit(known, seed=SEED)
    return grader or fit(known, seed=SEED)


def judge(grader: Grader, marked: Sequence[Marked], budget: float, rng: np.random.Generator) -> Marks:
    """The figures at one budget, with a 95 % document-bootstrap interval of the lift."""
    scores = grader.scores([one.features for one in marked])
    changed = np.array([one.changed for one in marked])
    low, high = lift_interval(scores, changed, budget, seed=SEED)
    picks = [
        pick(float(score), list(scores[max(0, i - 500) : i]), budget, float(rng.random())).picked
        for i, score in enumerate(scores)
    ]
    return Marks(
        budget,
        lift(scores, changed, budget),
        low,
        high,
        lift(np.array([one.doubt for one in marked]), changed, budget),
        lift(changed, changed, budget),
        float(np.mean(picks)),
    )


def curve(grader: Grader, marked: Sequence[Marked], budgets: Sequence[float]) -> list[tuple[float, float]]:
    """(budget, changed fraction caught per document): the figure that Argonaut prints."""
    scores = grader.scores([one.features for one in marked])
    changed = np.array([one.changed for one in marked])
    return [(budget, caught(scores, changed, budget)) for budget in budgets]
