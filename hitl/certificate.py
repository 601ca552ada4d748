"""The certificate: the released error stays under its target, with stated confidence, at every moment one looks.

For a threshold tau, the machine's released error is R(tau) = P(score >= tau and value wrong). It grows as tau falls.
Each document gives one observation, the mean over its fields of audited / probability * accepted * wrong, so that
errors which come together in a document count once. Its expectation is R(tau), by inverse-probability weighting. Then

    wealth(tau) = mean over bets c of  product over documents of  1 + c / (B - target) * (target - X(tau)),   B = 1 / q

is a nonnegative supermartingale wherever R(tau) > target (q: the smallest probability that could have applied, known
before the document was seen), so by Ville's inequality it ever exceeds 1 / delta with probability at most delta.
Because R is monotone, the lowest tau above which every tau is certified costs no correction for their number.

Sources: Waudby-Smith & Ramdas, Estimating means of bounded random variables by betting (2024); Xu, Karampatziakis &
Mineiro, Active anytime-valid risk controlling prediction sets (2024); Bates et al., Distribution-free risk-controlling
prediction sets (2021).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Fixed before any labels of a deployment. The last one makes most of clean documents, the others outlive errors.
BETS: Floats = np.array([0.15, 0.4, 0.75, 0.99])
# Fixed before any data: calibrated confidences crowd towards 1, so the grid does too.
GRID: Floats = np.concatenate([np.linspace(0.30, 0.90, 13), 1 - np.geomspace(0.09, 0.0005, 34)])


@dataclass(frozen=True, slots=True)
class Decision:
    """One field of a document. `wrong` is None where no gold was drawn; its probability was known before."""

    score: float
    wrong: bool | None
    probability: float


@dataclass(frozen=True, slots=True)
class Certification:
    """What a certificate says now. No `threshold`: not yet, but `documents_needed` more clean ones would do."""

    threshold: float | None
    documents: int
    audited: int
    target: float
    delta: float
    documents_needed: int | None
    released_error: float  # Horvitz-Thompson estimate of R at the threshold (at the top of the grid without one)
    conditional_error: float | None  # estimate of the error among what is accepted
    accepted: float  # share of fields at or above the threshold
    curve: tuple[tuple[float, float, float, bool], ...]  # threshold, accepted share, estimated error, certified


class EProcess:
    """Wealth per threshold and bet, updated by one document at a time. A threshold once certified stays certified."""

    def __init__(self, target: float, delta: float, grid: Floats = GRID, bets: Floats = BETS) -> None:
        self.target, self.delta, self.grid, self.bets = target, delta, grid, bets
        self.log_wealth: Floats = np.zeros((len(grid), len(bets)))
        self.certified: NDArray[np.bool_] = np.zeros(len(grid), dtype=bool)
        self.documents = 0

    def update(self, decisions: Sequence[Decision], least_probability: float) -> None:
        """Count one document. `least_probability`: the smallest audit probability that could have applied to it."""
        self.update_many(losses(decisions, self.grid)[None, :], np.array([least_probability]))

    def update_many(self, loss: Floats, least_probability: Floats) -> None:
        """The same for many documents in a row: `loss` is (documents, grid), looked at after each document."""
        stakes = self.bets[None, :] / (1 / least_probability[:, None] - self.target)
        steps = np.log1p(stakes[:, None, :] * (self.target - loss[:, :, None]))
        path = self.log_wealth[None, :, :] + np.cumsum(steps, axis=0)
        self.log_wealth = path[-1]
        self.documents += len(loss)
        self.certified |= (_mixed(path) >= math.log(1 / self.delta)).any(axis=0)

    def mixed(self) -> Floats:
        """Log of the mean wealth over the bets, per threshold."""
        return _mixed(self.log_wealth)

    def threshold(self) -> float | None:
        """The lowest threshold such that it and all above it are certified."""
        holes = np.flatnonzero(~self.certified)
        first = int(holes[-1]) + 1 if len(holes) else 0
        return float(self.grid[first]) if first < len(self.grid) else None

    def documents_needed(self, least_probability: float) -> int | None:
        """How many more documents without an error would certify the first threshold; 0 once there is one."""
        if self.threshold() is not None:
            return 0
        gain = np.log1p(self._stakes(least_probability) * self.target)
        wealth = self.log_wealth[-1]
        low, high = 0, 1
        while not self._reached(wealth + high * gain):
            low, high = high, high * 2
            if high > 10_000_000:
                return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._reached(wealth + middle * gain) else (middle, high)
        return high

    def _reached(self, wealth: Floats) -> bool:
        top = float(wealth.max())
        return math.log(float(np.exp(wealth - top).mean())) + top >= math.log(1 / self.delta)

    def _stakes(self, least_probability: float) -> Floats:
        stakes: Floats = self.bets / (1 / least_probability - self.target)
        return stakes


def _mixed(log_wealth: Floats) -> Floats:
    top = log_wealth.max(axis=-1, keepdims=True)
    mean: Floats = np.log(np.exp(log_wealth - top).mean(axis=-1)) + top[..., 0]
    return mean


def losses(decisions: Sequence[Decision], grid: Floats) -> Floats:
    """X(tau) of one document for each threshold: the mean of its weighted losses."""
    if not decisions:
        return np.zeros(len(grid))
    score = np.array([d.score for d in decisions])
    weighted = np.array([(1.0 / d.probability) if d.wrong else 0.0 for d in decisions])
    mean: Floats = ((score[None, :] >= grid[:, None]) * weighted[None, :]).mean(axis=1)
    return mean


def upper_bound(documents: Sequence[tuple[float, float]], delta: float, points: int = 200) -> float:
    """An upper bound of the mean loss that holds at every moment with probability 1 - delta: 1 while nothing is known.

    `documents`: the weighted loss of each, and the smallest probability that could have applied to it. Every mean m is
    tested as a target of its own; the smallest one refuted by then bounds it (a confidence sequence by betting).
    """
    means: Floats = np.concatenate([np.geomspace(1e-4, 0.2, points), np.linspace(0.21, 0.99, 40)])
    log_wealth: Floats = np.zeros((len(means), len(BETS)))
    refuted = np.zeros(len(means), dtype=bool)
    for loss, least in documents:
        stakes = BETS[None, :] / (1 / least - means[:, None])
        log_wealth += np.log1p(stakes * (means[:, None] - loss))
        top = log_wealth.max(axis=1)
        refuted |= np.log(np.exp(log_wealth - top[:, None]).mean(axis=1)) + top >= math.log(1 / delta)
    kept = np.flatnonzero(~refuted)
    last = int(kept[-1]) + 1 if len(kept) else 0
    return float(means[last]) if last < len(means) else 1.0


def delta_of_model(delta: float, k: int) -> float:
    """The share of `delta` for the k-th model of a certificate, from 1: 6 delta / (pi^2 k^2), in all delta."""
    return 6 * delta / (math.pi**2 * k**2)


def certify(
    documents: Iterable[tuple[Sequence[Decision], float]], *, target: float, delta: float, grid: Floats = GRID
) -> Certification:
    """Replay documents in the order they came, each with the smallest audit probability that could have applied."""
    process = EProcess(target, delta, grid)
    seen: list[Sequence[Decision]] = []
    least = 1.0
    for decisions, least in documents:  # the last `least` prices what is still needed
        process.update(decisions, least)
        seen.append(decisions)
    accepted, error = _estimates(seen, grid)
    threshold = process.threshold()
    at = int(np.searchsorted(grid, threshold)) if threshold is not None else len(grid) - 1
    return Certification(
        threshold=threshold,
        documents=process.documents,
        audited=sum(d.wrong is not None for decisions in seen for d in decisions),
        target=target,
        delta=delta,
        documents_needed=process.documents_needed(least),
        released_error=float(error[at]),
        conditional_error=float(error[at] / accepted[at]) if accepted[at] > 0 else None,
        accepted=float(accepted[at]) if threshold is not None else 0.0,
        curve=tuple(
            (float(t), float(a), float(e), bool(c))
            for t, a, e, c in zip(grid, accepted, error, process.certified, strict=True)
        ),
    )


def _estimates(documents: Sequence[Sequence[Decision]], grid: Floats) -> tuple[Floats, Floats]:
    """Share accepted and Horvitz-Thompson estimate of the released error per threshold, fields counted equally."""
    decisions = [d for document in documents for d in document]
    if not decisions:
        return np.zeros(len(grid)), np.zeros(len(grid))
    score = np.array([d.score for d in decisions])
    accepted = (score[None, :] >= grid[:, None]).mean(axis=1)
    return accepted, losses(decisions, grid)
