"""Measures of values and of confidence: F1, calibration error, ranking, coverage at a given error, intervals. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, rankdata

from models.nets import calibration

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

BINS = 10
SURPRISE = 0.05  # a count of wrong ones that is less likely than this contradicts what was promised


@dataclass(frozen=True, slots=True)
class Bin:
    """One bar of a reliability diagram."""

    count: int
    confidence: float  # mean
    accuracy: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a threshold accepts. `error` is the share of wrong ones among the accepted."""

    threshold: float
    accepted: float  # share of all decisions
    error: float


def f1(true: float, false: float, missed: float) -> float:
    """2 TP / (2 TP + FP + FN); a wrong value counts as both false and missed. 0 where nothing was asked or said."""
    total = 2 * true + false + missed
    return 2 * true / total if total else 0.0


def f1_interval(counts: NDArray[np.int64], rng: np.random.Generator, draws: int = 1000) -> tuple[float, float]:
    """95 % interval of micro F1 by resampling documents. `counts` is (documents, 3): true, false, missed."""
    if not len(counts):
        return 0.0, 0.0
    weights = rng.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=draws)
    true, false, missed = (weights @ counts).T.astype(float)
    values = 2 * true / np.maximum(2 * true + false + missed, 1)
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def bins(confidence: Floats, right: Flags, number: int = BINS) -> list[Bin]:
    """Bins of equal mass, from the least to the most confident."""
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, number) if len(part)]
    return [Bin(len(p), float(confidence[p].mean()), float(right[p].mean())) for p in parts]


def calibration_error(confidence: Floats, right: Flags, number: int = BINS) -> float | None:
    """Expected calibration error: mean distance of confidence and accuracy over bins of equal mass."""
    if not len(confidence):
        return None
    return float(sum(b.count * abs(b.accuracy - b.confidence) for b in bins(confidence, right, number)) / len(right))


def debiased_calibration_error(confidence: Floats, right: Flags, number: int = BINS) -> float | None:
    """Root of the mean squared distance over the same bins, less what chance alone adds (Kumar, Liang, Ma 2019)."""
    if not len(confidence):
        return None
    return calibration.calibration_error(confidence, right.astype(float), number)


def auroc(confidence: Floats, right: Flags) -> float | None:
    """Probability that a right value has more confidence than a wrong one; None when all are right or all wrong."""
    positives = int(right.sum())
    negatives = len(right) - positives
    if not positives or not negatives:
        return None
    ranks = rankdata(confidence)[right].sum()
    return float((ranks - positives * (positives + 1) / 2) / (positives * negatives))


def curve(confidence: Floats, right: Flags) -> list[Coverage]:
    """Every threshold with what it accepts, from the strictest. Equal confidences are accepted together."""
    order = np.argsort(-confidence, kind="stable")
    sorted_confidence, wrong = confidence[order], np.cumsum(~right[order])
    last = np.append(np.diff(sorted_confidence) != 0, True) if len(order) else np.zeros(0, dtype=bool)
    return [
        Coverage(float(sorted_confidence[k]), (k + 1) / len(order), float(wrong[k] / (k + 1)))
        for k in np.flatnonzero(last)
    ]


def best_coverage(confidence: Floats, right: Flags, error: float) -> Coverage:
    """The threshold that accepts most with at most `error` among the accepted; seen with the answers, so optimistic."""
    fitting = [point for point in curve(confidence, right) if point.error <= error]
    return fitting[-1] if fitting else Coverage(float("inf"), 0.0, 0.0)


def promised_coverage(confidence: Floats, right: Flags, error: float) -> Coverage:
    """The threshold that accepts most while the mean of 1 - confidence among the accepted is at most `error`.

    The calibrated probabilities set it and not the count of wrong ones, which a single wrong label among the surest
    decides. The count has a veto: it must be no surprise under `error` (one-sided binomial test). Half a wrong decision
    and half a right one are taken into the mean (Jeffreys' prior): few decisions, however sure, cannot promise what
    they cannot show; at 2 % fewer than 24 accept nothing.
    """
    doubt = np.cumsum(np.sort(1 - confidence))
    points = [(point, round(point.accepted * len(right))) for point in curve(confidence, right)]
    fitting = [
        point
        for point, n in points
        if doubt[n - 1] + 0.5 <= error * (n + 1) and binom.sf(round(point.error * n) - 1, n, error) >= SURPRISE
    ]
    return fitting[-1] if fitting else Coverage(float("inf"), 0.0, 0.0)


def coverage_at(confidence: Floats, right: Flags, threshold: float) -> Coverage:
    """What a threshold fixed elsewhere accepts here."""
    accepted = confidence >= threshold
    count = int(accepted.sum())
    return Coverage(threshold, count / max(len(right), 1), float((~right[accepted]).mean()) if count else 0.0)


def arrays(rows: Sequence[tuple[float, bool]]) -> tuple[Floats, Flags]:
    """Pairs of confidence and "right" as two arrays."""
    return np.array([c for c, _ in rows], dtype=float), np.array([r for _, r in rows], dtype=bool)
