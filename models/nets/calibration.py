"""From evidence to P(correct): a regularised logistic model over decisions that the scorers had not seen.

Fields share the weights; each field's own intercept is shrunk towards the common one by the same penalty, so that a
field with few decisions borrows from the others and one with hundreds speaks for itself (partial pooling). In the same
way the weights of a document type are shrunk towards what the evidence meant on other types, if there are any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

PENALTY = 1.0
STEPS = 60
ENOUGH = 200  # decisions after which a field's intercept is hardly pooled
FLOOR = 1e-4  # no confidence is given as 0 or 1
BORROWED = 5.0  # penalty on weights that differ from those of other types
BORROWED_LEVEL = 0.1  # and on a common intercept that does
MOST_COUNTED = 300  # decisions of one type that count among the others: none drowns the rest
SILENT = 1e-3  # spread of a piece of evidence below which the other types say nothing about it


@dataclass(frozen=True, eq=False)
class Calibrator:
    """P(correct) = sigmoid(standardised evidence x weights + intercept + the field's own)."""

    mean: Array
    scale: Array
    weights: Array
    intercept: float
    fields: Array  # one intercept a field
    decisions: int = 100  # on which it was fitted; a bundle of before does not say it

    def confidence(self, evidence: Array, field: NDArray[np.int64]) -> Array:
        """[n] probabilities for [n, features] evidence about decisions on `field`."""
        logits = (evidence - self.mean) / self.scale @ self.weights + self.intercept + self.fields[field]
        return np.clip(_sigmoid(logits), FLOOR, 1 - FLOOR)


@dataclass(frozen=True, eq=False)
class Prior:
    """What the evidence means on average over other document types: standardised as in a `Calibrator`."""

    mean: Array
    scale: Array
    weights: Array
    intercept: float


def pooled(others: Sequence[Calibrator]) -> Prior | None:
    """The prior of a type from the calibrators of others; each weight counts by how much its evidence varied there."""
    if not others:
        return None
    count = np.array([min(one.decisions, MOST_COUNTED) for one in others], np.float64)[:, None]
    means, scales, weights = (np.stack([getattr(one, part) for one in others]) for part in ("mean", "scale", "weights"))
    share = count / count.sum()
    mean = (share * means).sum(0)
    scale = np.sqrt((share * (scales**2 + (means - mean) ** 2)).sum(0))
    known = count * scales**2
    slope = (known * weights / scales).sum(0) / known.sum(0)
    level = np.array([one.intercept for one in others]) + (mean - means) @ slope
    return Prior(mean, scale, slope * scale, float((share[:, 0] * level).sum()))


def fit(
    evidence: Array, field: NDArray[np.int64], correct: Array, weight: Array, fields: int, prior: Prior | None = None
) -> Calibrator:
    """The calibrator of least penalised log loss, near `prior` if there is one.

    With one class only and no prior, or without decisions, the rate smoothed by two pseudo-decisions.
    """
    count, pieces = evidence.shape
    mean = evidence.mean(0) if count else np.zeros(pieces)
    scale = evidence.std(0) + 1e-6 if count else np.ones(pieces)
    if not count or (prior is None and correct.min() == correct.max()):
        rate = (float(correct.sum()) + 1.0) / (count + 2.0)
        flat = np.zeros(pieces)
        return Calibrator(mean, scale, flat, float(np.log(rate / (1 - rate))), np.zeros(fields), count)
    expected = np.zeros(pieces + 1 + fields)
    penalty = np.full(len(expected), PENALTY)
    penalty[pieces] = 1e-6  # the common intercept is free
    if prior is not None:
        told = prior.scale > SILENT
        mean, scale = np.where(told, prior.mean, mean), np.where(told, prior.scale, scale)
        expected[:pieces], expected[pieces] = np.where(told, prior.weights, 0.0), prior.intercept
        penalty[:pieces], penalty[pieces] = np.where(told, BORROWED, PENALTY), BORROWED_LEVEL
    design = np.concatenate([(evidence - mean) / scale, np.ones((count, 1)), np.eye(fields)[field]], 1)
    solution = _newton(design, correct, weight, penalty, expected)
    return Calibrator(mean, scale, solution[:pieces], float(solution[pieces]), solution[pieces + 1 :], count)


def _newton(design: Array, correct: Array, weight: Array, penalty: Array, expected: Array) -> Array:
    """Iteratively reweighted least squares with a ridge around what is expected."""
    solution = np.zeros(design.shape[1])
    for _ in range(STEPS):
        chance = _sigmoid(design @ solution)
        gradient = design.T @ (weight * (chance - correct)) + penalty * (solution - expected)
        curvature = (design * (weight * chance * (1 - chance))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        step *= min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
        solution = solution - step
        if float(np.abs(step).max()) < 1e-8:
            break
    return solution


def _sigmoid(logits: Array) -> Array:
    chance: Array = 1 / (1 + np.exp(-np.clip(logits, -60, 60)))
    return chance


def calibration_error(confidence: Array, correct: Array, bins: int = 10) -> float:
    """Calibration error over equal-mass bins, debiased: the part that binomial noise alone would give is taken out.

    Per bin the squared gap minus its variance, then the root (Kumar et al. 2019, "Verified Uncertainty Calibration").
    """
    if not len(confidence):
        return 0.0
    order = np.argsort(confidence, kind="stable")
    total = 0.0
    for part in np.array_split(order, min(bins, len(order))):
        gap = float(confidence[part].mean() - correct[part].mean())
        rate = float(correct[part].mean())
        noise = rate * (1 - rate) / max(len(part) - 1, 1)
        total += len(part) / len(order) * (gap * gap - noise)
    return float(np.sqrt(max(total, 0.0)))
