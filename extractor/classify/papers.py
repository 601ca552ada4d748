"""Whether a document is of one type from many countries, by its label profile: known or near miss, in any language.

One regularised logistic model a type over `profile`, learned from documents of the type, of all others, and of no type.
The calibration is fitted on groups held out whole (a family of sellers, a language) and on whole types held out, whose
documents count for `STRANGER_SHARE` of the rest. Without documents of no type there is none: what only sets a type
apart from others that are known says nothing of strangers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from extractor.classify.calibration import STRANGER_SHARE
from extractor.classify.classifier import UNKNOWN, TypeGuess
from extractor.classify.features import Floats
from extractor.classify.profile import profile
from extractor.effort import effort
from models.nets.bundle import Parts
from models.values import Page

DOUBTFUL = 0.4  # a type that is right as often as this is named, below .5 with its values in doubt
MOST_KEPT = 250  # samples of a type that a bundle keeps, evenly spread
PENALTY = 10.0
FOLDS = 6
FARTHEST = 4.0  # standard deviations; what is stranger counts no more

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sample:
    """A document as the judge sees it. Those of one group look alike: they are held out together."""

    document_type: str
    group: str
    numbers: Floats


@dataclass(frozen=True, eq=False)
class Judge:
    """P(a document is of `name`) = sigmoid(slope x logit of the profile + intercept)."""

    name: str
    mean: Array
    scale: Array
    weights: Array  # intercept first
    slope: float
    intercept: float

    def confidence(self, numbers: Floats) -> float:
        logit = self.slope * float(self.logits(numbers[None])[0]) + self.intercept
        return float(1 / (1 + np.exp(-np.clip(logit, -30, 30))))

    def logits(self, numbers: Floats) -> Array:
        standard = ((numbers - self.mean) / self.scale).clip(-FARTHEST, FARTHEST)
        found: Array = self.weights[0] + standard @ self.weights[1:]
        return found


@dataclass(frozen=True, eq=False)
class Papers:
    """The judges of a bundle, and the samples that they were learned from: what a later fit starts from."""

    judges: tuple[Judge, ...]
    samples: tuple[Sample, ...]

    def judged(self, guess: TypeGuess, pages: Sequence[Page]) -> TypeGuess:
        """The guess of the words, unless they know nothing and a judge does; a doubtful type is named with its doubt.

        What the words call by a judged type is that type only if its judge says so too.
        """
        names = [judge.name for judge in self.judges]
        if guess.name not in (UNKNOWN, *names):
            return guess
        numbers = profile(pages)
        sure, name = max((judge.confidence(numbers), judge.name) for judge in self.judges)
        if sure >= DOUBTFUL:
            return replace(guess, name=name, confidence=sure)
        return guess if guess.name == UNKNOWN else replace(guess, name=UNKNOWN, confidence=1 - sure)

    def to_parts(self) -> Parts:
        tensors: dict[str, NDArray[Any]] = {"numbers": np.stack([s.numbers for s in self.samples]).astype(np.float16)}
        table: dict[str, Any] = {
            "types": [s.document_type for s in self.samples],
            "groups": _numbered([s.group for s in self.samples]),  # never names
            "judges": {j.name: [j.slope, j.intercept] for j in self.judges},
        }
        for judge in self.judges:
            parts = {"mean": judge.mean, "scale": judge.scale, "weights": judge.weights}
            tensors |= {f"{judge.name}/{part}": array.astype(np.float32) for part, array in parts.items()}
        return tensors, {}, {"papers": table}

    @classmethod
    def from_parts(cls, parts: Parts) -> Papers:
        tensors, _, tables = parts
        table = tables["papers"]
        rows = zip(table["types"], table["groups"], tensors["numbers"].astype(np.float32), strict=True)
        judges = []
        for name, (slope, intercept) in table["judges"].items():
            mean, scale, weights = (tensors[f"{name}/{p}"].astype(np.float64) for p in ("mean", "scale", "weights"))
            judges.append(Judge(name, mean, scale, weights, slope, intercept))
        return cls(tuple(judges), tuple(Sample(*row) for row in rows))


def _numbered(groups: Sequence[str]) -> list[str]:
    order = {group: str(number) for number, group in enumerate(dict.fromkeys(groups))}
    return [order[group] for group in groups]


def learn_papers(samples: Sequence[Sample], names: Sequence[str], seed: int) -> Papers | None:
    """Judges of the types `names` as far as there are samples of them; None without enough documents of no type."""
    kinds = [sample.document_type for sample in samples]
    known = [name for name in names if name in kinds]
    if not known or kinds.count(UNKNOWN) < effort().least_strangers:
        return None
    numbers = np.stack([sample.numbers for sample in samples]).astype(np.float64)
    return Papers(tuple(learn_judge(samples, numbers, name, seed) for name in known), kept(samples))


def kept(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """At most `MOST_KEPT` samples of each type."""
    found: list[Sample] = []
    for name in dict.fromkeys(sample.document_type for sample in samples):
        mine = [sample for sample in samples if sample.document_type == name]
        places = np.linspace(0, len(mine) - 1, min(len(mine), MOST_KEPT)).astype(int)
        found += [mine[place] for place in places]
    return tuple(found)


def learn_judge(samples: Sequence[Sample], numbers: Array, name: str, seed: int) -> Judge:
    """The judge of one type. `numbers`: the profile of each sample, (samples, features)."""
    right = np.array([s.document_type == name for s in samples], np.float64)
    logits = [(held_out_logits(samples, numbers, right, seed), right, np.ones(len(right)))]
    for other in sorted({s.document_type for s in samples} - {name, UNKNOWN}):
        mine = np.array([s.document_type == other for s in samples])
        judge = _fit(name, numbers[~mine], right[~mine])
        share = np.full(int(mine.sum()), STRANGER_SHARE)
        logits.append((judge.logits(numbers[mine].astype(np.float32)), right[mine], share))
    found, truth, weight = (np.concatenate(parts) for parts in zip(*logits, strict=True))
    slope, intercept = _calibrated(found, truth, weight)
    whole = _fit(name, numbers, right)
    return Judge(name, whole.mean, whole.scale, whole.weights, slope, intercept)


def held_out_logits(samples: Sequence[Sample], numbers: Array, right: Array, seed: int) -> Array:
    """Logits by models that saw no document of the same group. `right`: 1 for samples of the type, (samples,)."""
    groups = sorted({s.group for s in samples})
    order = np.random.default_rng(seed).permutation(len(groups))
    fold_of = {groups[g]: k % FOLDS for k, g in enumerate(order)}
    fold = np.array([fold_of[s.group] for s in samples])
    logits = np.zeros(len(samples))
    for k in np.unique(fold):
        if len(np.unique(right[fold != k])) == 2:
            logits[fold == k] = _fit("", numbers[fold != k], right[fold != k]).logits(
                numbers[fold == k].astype(np.float32)
            )
    return logits


def _fit(name: str, numbers: Array, right: Array) -> Judge:
    from scipy.optimize import minimize

    mean, scale = numbers.mean(axis=0), numbers.std(axis=0) + 0.1
    design = ((numbers - mean) / scale).clip(-FARTHEST, FARTHEST)

    def loss(solution: Array) -> tuple[float, Array]:
        logits = solution[0] + design @ solution[1:]
        gap = 1 / (1 + np.exp(-logits)) - right
        slope = np.concatenate([[gap.sum()], design.T @ gap + PENALTY * solution[1:]])
        value = (np.logaddexp(0, logits) - right * logits).sum() + PENALTY * (solution[1:] ** 2).sum() / 2
        return float(value), slope

    found = minimize(loss, np.zeros(numbers.shape[1] + 1), jac=True, method="L-BFGS-B")
    return Judge(name, mean, scale, found.x, 1.0, 0.0)


def _calibrated(logits: Array, right: Array, weight: Array) -> tuple[float, float]:
    """Slope and intercept of least weighted log loss; the slope is at least 0."""
    from scipy.optimize import minimize

    def loss(solution: Array) -> float:
        scaled = solution[0] * logits + solution[1]
        return float((weight * (np.logaddexp(0, scaled) - right * scaled)).sum())

    found = minimize(loss, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=[(0.0, 3.0), (None, None)])
    return float(found.x[0]), float(found.x[1])
