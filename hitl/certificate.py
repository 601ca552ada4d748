"""The certificate: the released error stays under its target, with stated confidence, at every moment one looks.

For a threshold tau, the machine's released error is R(tau) = P(score >= tau and value wrong). It grows as tau falls.
Each document gives one observation, the mean over its fields of audited / probability * accepted * wrong, so that
errors which come together in a document count once. Its expectation is R(tau), by inverse-probability weighting. Then

    wealth(tau) = mean over bets c of  product over documents of  1 + c / (B - target) * (target - X(tau))

is a nonnegative supermartingale wherever R(tau) > target (B: the largest X that the document could have shown, known
before it was seen), so by Ville's inequality it ever exceeds 1 / delta with probability at most delta. Because R is
monotone, the lowest tau above which every tau is certified costs no correction for their number.

B is what evidence costs: a clean document multiplies the wealth by at most B / (B - target). Were fields audited
independently at a rate q, B would be 1 / q, for all of them might be drawn at once. Audits are drawn so that few fields
of one document are (`hitl.audit.drawn_together`); see `largest_loss`.

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
BETS: Floats = np.array([0.05, 0.2, 0.5, 0.99])
SHARES: Floats = np.array([0.05, 0.1, 0.15, 0.7])  # of the first wealth
# A threshold comes into force when so many times the documents are known that first certified one: the first one lets
# few values pass, and a few more documents that are audited as a whole bring it down by far the fastest.
SETTLED = 1.3
RUIN = 1e-12  # a loss beyond the largest possible ruins the bet: it may keep a certificate back, never grant one
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
    in_force: int | None = None  # documents since a threshold came into force


class EProcess:
    """Wealth per threshold and bet, updated by one document at a time. A threshold once certified stays certified."""

    def __init__(
        self, target: float, delta: float, grid: Floats = GRID, bets: Floats = BETS, shares: Floats = SHARES
    ) -> None:
        self.target, self.delta, self.grid, self.bets, self.shares = target, delta, grid, bets, shares
        self.log_wealth: Floats = np.zeros((len(grid), len(bets)))
        self.certified: NDArray[np.bool_] = np.zeros(len(grid), dtype=bool)
        self.documents = 0
        self.since: int | None = None  # the number of documents at which there was a threshold first

    def update(self, decisions: Sequence[Decision], largest: float) -> None:
        """Count one document. `largest`: the largest loss that it could have shown, see `largest_loss`."""
        self.update_many(losses(decisions, self.grid)[None, :], np.array([largest]))

    def update_many(self, loss: Floats, largest: Floats) -> None:
        """The same for many documents in a row: `loss` is (documents, grid), looked at after each document."""
        stakes = self.bets[None, :] / (largest[:, None] - self.target)
        factor = 1 + stakes[:, None, :] * (self.target - loss[:, :, None])
        path = self.log_wealth[None, :, :] + np.cumsum(np.log(np.maximum(factor, RUIN)), axis=0)
        self.log_wealth = path[-1]
        self.documents += len(loss)
        reached = self._mixed(path) >= math.log(1 / self.delta)
        if self.since is None and (hits := np.flatnonzero(reached[:, -1])).size:  # the top of the grid comes first
            self.since = self.documents - len(loss) + int(hits[0]) + 1
        self.certified |= reached.any(axis=0)

    def mixed(self) -> Floats:
        """Log of the wealth over all bets, per threshold."""
        return self._mixed(self.log_wealth)

    def _mixed(self, log_wealth: Floats) -> Floats:
        top = log_wealth.max(axis=-1, keepdims=True)
        mean: Floats = np.log(np.exp(log_wealth - top) @ self.shares) + top[..., 0]
        return mean

    def in_force(self) -> int | None:
        """How many documents came since a threshold came into force; None before."""
        if self.since is None or self.documents < math.ceil(SETTLED * self.since):
            return None
        return self.documents - math.ceil(SETTLED * self.since)

    def threshold(self) -> float | None:
        """The lowest threshold such that it and all above it are certified; None before one is in force."""
        if self.in_force() is None:
            return None
        holes = np.flatnonzero(~self.certified)
        first = int(holes[-1]) + 1 if len(holes) else 0
        return float(self.grid[first]) if first < len(self.grid) else None

    def documents_needed(self, largest: float) -> int | None:
        """How many more documents without an error would bring a threshold into force; 0 once there is one."""
        if self.since is not None:
            return max(math.ceil(SETTLED * self.since) - self.documents, 0)
        gain = np.log1p(self.bets / (largest - self.target) * self.target)
        wealth = self.log_wealth[-1]
        low, high = 0, 1
        while not self._reached(wealth + high * gain):
            low, high = high, high * 2
            if high > 10_000_000:
                return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._reached(wealth + middle * gain) else (middle, high)
        return math.ceil(SETTLED * (self.documents + high)) - self.documents

    def _reached(self, wealth: Floats) -> bool:
        return float(self._mixed(wealth)) >= math.log(1 / self.delta)


def largest_loss(fields: int, drawn: float, least_probability: float) -> float:
    """The largest mean loss that a document of so many fields can show.

    `drawn`: the expected number of audits of the document, at most; that many, rounded up, may be drawn together, and
    each counts 1 / `least_probability`. Of the other fields each may count 1: what people settled has probability 1.
    """
    if fields == 0 or least_probability <= 0:
        return 1.0 if fields == 0 else math.inf  # what may never be checked is no evidence
    most = min(math.ceil(drawn - 1e-9), fields)
    return (most / least_probability + fields - most) / fields


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

    `documents`: the weighted loss of each, and the largest that it could have shown. Every mean m is
    tested as a target of its own; the smallest one refuted by then bounds it (a confidence sequence by betting).
    """
    means: Floats = np.concatenate([np.geomspace(1e-4, 0.2, points), np.linspace(0.21, 0.99, 40)])
    log_wealth: Floats = np.zeros((len(means), len(BETS)))
    refuted = np.zeros(len(means), dtype=bool)
    for loss, largest in documents:
        stakes = BETS[None, :] / (largest - means[:, None])
        log_wealth += np.log(np.maximum(1 + stakes * (means[:, None] - loss), RUIN))
        top = log_wealth.max(axis=1)
        refuted |= np.log(np.exp(log_wealth - top[:, None]) @ SHARES) + top >= math.log(1 / delta)
    kept = np.flatnonzero(~refuted)
    last = int(kept[-1]) + 1 if len(kept) else 0
    return float(means[last]) if last < len(means) else 1.0


def delta_of_model(delta: float, k: int) -> float:
    """The share of `delta` for the k-th model of a certificate, from 1: 6 delta / (pi^2 k^2), in all delta."""
    return 6 * delta / (math.pi**2 * k**2)


def certify(
    documents: Iterable[tuple[Sequence[Decision], float]], *, target: float, delta: float, grid: Floats = GRID
) -> Certification:
    """Replay documents in the order they came, each with the largest loss that it could have shown."""
    process = EProcess(target, delta, grid)
    seen: list[Sequence[Decision]] = []
    largest = 1.0
    for decisions, largest in documents:  # the last `largest` prices what is still needed
        process.update(decisions, largest)
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
        documents_needed=process.documents_needed(largest),
        released_error=float(error[at]),
        conditional_error=float(error[at] / accepted[at]) if accepted[at] > 0 else None,
        accepted=float(accepted[at]) if threshold is not None else 0.0,
        curve=tuple(
            (float(t), float(a), float(e), bool(c))
            for t, a, e, c in zip(grid, accepted, error, process.certified, strict=True)
        ),
        in_force=process.in_force(),
    )


def _estimates(documents: Sequence[Sequence[Decision]], grid: Floats) -> tuple[Floats, Floats]:
    """Share accepted and Horvitz-Thompson estimate of the released error per threshold, fields counted equally."""
    decisions = [d for document in documents for d in document]
    if not decisions:
        return np.zeros(len(grid)), np.zeros(len(grid))
    score = np.array([d.score for d in decisions])
    accepted = (score[None, :] >= grid[:, None]).mean(axis=1)
    return accepted, losses(decisions, grid)
