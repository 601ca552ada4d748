"""TaskGrader: spend the review budget on the documents whose fields the next reviewer will change.

After Argonaut (Haas, Ansel, Gu & Marcus, PVLDB 8(12), 2015): gradient-boosted regression of the fraction of fields that
a review changes, from what is known when the decision is due; a threshold that is a rolling quantile of recent scores,
so that the budget is met; a sixth of the budget at random. Where Argonaut trains on the random part alone, we train on
all reviewed documents with weights 1 / probability: measured better in level and equal in rank.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import lightgbm
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RANDOM_PART = 1 / 6
WINDOW = 500  # recent scores that set the threshold: with 2,000, drifting scores overspent by 4 points
LEAST_SCORES = 20  # before this many, the threshold is not trusted and the whole budget is random
MAX_WEIGHT = 20.0
SETTINGS = {
    "objective": "regression",
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 10,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    "num_threads": 1,
    "deterministic": True,
    "verbose": -1,
}
# What can only speak for errors (1) or against them (-1). Errors that people leave are few: told so, the trees need not
# learn the direction from a handful, nor take one document's exact confidence for a sign.
DIRECTIONS = {
    "accepted_doubt": 1,
    "least_accepted": -1,
    "least_posterior": -1,
    "least_skill": -1,
    "mean_skill": -1,
    "type_confidence": -1,
}


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One reviewed document: its features then, the fraction of fields changed, the probability it was picked with."""

    features: Mapping[str, float]
    changed: float
    probability: float = 1.0


@dataclass(frozen=True, slots=True)
class Pick:
    """Whether a document is reviewed, why, and with which probability that was so."""

    picked: bool
    reason: str  # grader | random | none
    probability: float
    threshold: float | None


class Grader:
    """A trained TaskGrader. Missing features count as not known."""

    def __init__(self, booster: lightgbm.Booster) -> None:
        self._booster = booster
        self.features: tuple[str, ...] = tuple(booster.feature_name())

    def score(self, features: Mapping[str, float]) -> float:
        """The expected fraction of fields that a review would change."""
        return float(self.scores([features])[0])

    def scores(self, many: Sequence[Mapping[str, float]]) -> Floats:
        found: Floats = np.asarray(self._booster.predict(_table(many, self.features), num_threads=1))
        return found

    def to_text(self) -> str:
        text: str = self._booster.model_to_string()
        return text

    @classmethod
    def from_text(cls, text: str) -> Grader:
        return cls(lightgbm.Booster(model_str=text))


def fit(rows: Sequence[Reviewed], *, seed: int, rounds: int = 150) -> Grader:
    """Train on reviewed documents, each weighted by 1 / probability."""
    names = tuple(sorted({name for row in rows for name in row.features}))
    data = lightgbm.Dataset(
        _table([row.features for row in rows], names),
        label=np.array([row.changed for row in rows]),
        weight=np.array([min(1 / row.probability, MAX_WEIGHT) for row in rows]),
        feature_name=list(names),
        params={"verbose": -1},
    )
    directions = [DIRECTIONS.get(name, 0) for name in names]
    return Grader(lightgbm.train(SETTINGS | {"seed": seed, "monotone_constraints": directions}, data, rounds))


def _table(many: Sequence[Mapping[str, float]], names: Sequence[str]) -> Floats:
    return np.array([[row.get(name, np.nan) for name in names] for row in many], dtype=float).reshape(-1, len(names))


def pick(score: float | None, recent: Sequence[float], budget: float, chance: float) -> Pick:
    """Decide on one document. `chance` is its keyed-hash number in [0, 1); `budget` the share of documents to review.

    Without a score, or before enough scores are known, the whole budget is spent at random.
    """
    if budget <= 0:
        return Pick(False, "none", 0.0, None)
    if score is None or len(recent) < LEAST_SCORES:
        return Pick(chance < budget, "random" if chance < budget else "none", budget, None)
    by_grader = budget * (1 - RANDOM_PART)
    threshold = float(np.quantile(np.asarray(recent[-WINDOW:]), 1 - by_grader))
    if score > threshold:
        return Pick(True, "grader", 1.0, threshold)
    rest = budget * RANDOM_PART / (1 - by_grader)
    return Pick(chance < rest, "random" if chance < rest else "none", rest, threshold)


def caught(scores: Floats, changed: Floats, budget: float) -> float:
    """Errors caught per document when the top `budget` share by score is reviewed; ties broken by order."""
    top = np.argsort(-scores, kind="stable")[: round(budget * len(scores))]
    return float(changed[top].sum() / len(changed))


def lift(scores: Floats, changed: Floats, budget: float) -> float:
    """How much more is caught than by random review at the same budget: 1.0 means +100 %."""
    at_random = budget * float(changed.mean())
    return caught(scores, changed, budget) / at_random - 1 if at_random > 0 else 0.0


def lift_interval(
    scores: Floats, changed: Floats, budget: float, *, seed: int, resamples: int = 500
) -> tuple[float, float]:
    """A 95 % document-bootstrap interval of the lift."""
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(resamples):
        rows = rng.integers(0, len(scores), len(scores))
        drawn.append(lift(scores[rows], changed[rows], budget))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)
