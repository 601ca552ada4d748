"""From evidence to P(correct): a regularised logistic model over decisions that the scorers had not seen.

Fields share the weights; each field's own intercept is shrunk towards the common one by the same penalty, so that a
field with few decisions borrows from the others and one with hundreds speaks for itself (partial pooling).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

PENALTY = 1.0
STEPS = 60
ENOUGH = 200  # decisions after which a field's intercept is hardly pooled
FLOOR = 1e-4  # no confidence is given as 0 or 1


@dataclass(frozen=True, eq=False)
class Calibrator:
    """P(correct) = sigmoid(standardised evidence x weights + intercept + the field's own)."""

    mean: Array
    scale: Array
    weights: Array
    intercept: float
    fields: Array  # one intercept a field

    def confidence(self, evidence: Array, field: NDArray[np.int64]) -> Array:
        """[n] probabilities for [n, features] evidence about decisions on `field`."""
        logits = (evidence - self.mean) / self.scale @ self.weights + self.intercept + self.fields[field]
        return np.clip(_sigmoid(logits), FLOOR, 1 - FLOOR)


def fit(evidence: Array, field: NDArray[np.int64], correct: Array, weight: Array, fields: int) -> Calibrator:
    """The calibrator of least penalised log loss. With one class only, the rate smoothed by two pseudo-decisions."""
    mean = evidence.mean(0) if len(evidence) else np.zeros(evidence.shape[1])
    scale = evidence.std(0) + 1e-6 if len(evidence) else np.ones(evidence.shape[1])
    if not len(evidence) or correct.min() == correct.max():
        rate = (float(correct.sum()) + 1.0) / (len(correct) + 2.0)
        flat = np.zeros(evidence.shape[1])
        return Calibrator(mean, scale, flat, float(np.log(rate / (1 - rate))), np.zeros(fields))
    one_hot = np.eye(fields)[field]
    design = np.concatenate([(evidence - mean) / scale, np.ones((len(evidence), 1)), one_hot], 1)
    penalty = np.full(design.shape[1], PENALTY)
    penalty[evidence.shape[1]] = 1e-6  # the common intercept is free
    solution = _newton(design, correct, weight, penalty)
    own = solution[evidence.shape[1] + 1 :]
    return Calibrator(mean, scale, solution[: evidence.shape[1]], float(solution[evidence.shape[1]]), own)


def _newton(design: Array, correct: Array, weight: Array, penalty: Array) -> Array:
    """Iteratively reweighted least squares with a ridge."""
    solution = np.zeros(design.shape[1])
    for _ in range(STEPS):
        chance = _sigmoid(design @ solution)
        gradient = design.T @ (weight * (chance - correct)) + penalty * solution
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
