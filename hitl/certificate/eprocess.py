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
of one document are (`hitl.routing.sampling.drawn_together`); see `largest_loss`.

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
BLOCK = 1_000  # documents whose wealth is reckoned together
RUIN = 1e-12  # a loss beyond the largest possible ruins the bet: it may keep a certificate back, never grant one
# Fixed before any data: calibrated confidences crowd towards 1, so the grid does too.
GRID: Floats = np.concatenate([np.linspace(0.30, 0.90, 13), 1 - np.geomspace(0.09, 0.0005, 34)])


@dataclass(frozen=True, slots=True)
class Decision:
    """One field of a document. `wrong` is None where no gold was drawn; its probability was known before.

    `weight`: so many fields it stands for where shares of fields are estimated; 0 if its score is not known.
    """

    score: float
    wrong: bool | None
    probability: float
    weight: float = 1.0


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
    in_force: int | None = None  # documents since a threshold was certified first


class EProcess:
    """Wealth per threshold and bet, updated by one document at a time. A threshold once certified stays certified.

    `log_wealth`: (grid, bets), the logarithm of what each bet on each threshold has grown to, from 0. `certified`:
    (grid,) whether its mixture ever reached 1 / delta. `documents`: how many were counted.

    Clean documents, of which every field was checked, against a target of 5 % at delta 5 %:

    >>> process = EProcess(target=0.05, delta=0.05)
    >>> clean = [Decision(score=0.97, wrong=False, probability=1.0)] * 4
    >>> needed = process.documents_needed(largest=1.0)
    >>> for _ in range(needed - 1):
    ...     process.update(clean, largest=1.0)
    >>> process.threshold() is None
    True
    >>> process.update(clean, largest=1.0)
    >>> round(process.threshold(), 2)  # nothing was wrong at any threshold: the lowest of the grid
    0.3
    """

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

    def update_many(self, loss: Floats, largest: Floats) -> NDArray[np.int_]:
        """The same for many documents in a row: `loss` is (documents, grid), looked at after each document.

        Returns for each of them how many thresholds, from the top of the grid, were certified without a gap by then.
        """
        parts = [self._update(loss[at : at + BLOCK], largest[at : at + BLOCK]) for at in range(0, len(loss), BLOCK)]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=int)

    def _update(self, loss: Floats, largest: Floats) -> NDArray[np.int_]:
        stakes = self.bets[None, :] / (largest[:, None] - self.target)
        gains = np.log(np.maximum(1 + stakes[:, None, :] * (self.target - loss[:, :, None]), RUIN))
        path = np.cumsum(np.concatenate([self.log_wealth[None], gains]), axis=0)[1:]
        self.log_wealth = path[-1]
        reached = mixed(path, self.shares) >= math.log(1 / self.delta)
        certified = np.logical_or.accumulate(reached, axis=0) | self.certified
        self.certified = certified[-1]
        from_top: NDArray[np.int_] = np.logical_and.accumulate(certified[:, ::-1], axis=1).sum(axis=1)
        if self.since is None and (hits := np.flatnonzero(from_top)).size:
            self.since = self.documents + int(hits[0]) + 1
        self.documents += len(loss)
        return from_top

    def in_force(self) -> int | None:
        """How many documents came since a threshold was certified first; None before."""
        return None if self.since is None else self.documents - self.since

    def threshold(self) -> float | None:
        """The lowest threshold such that it and all above it are certified."""
        holes = np.flatnonzero(~self.certified)
        first = int(holes[-1]) + 1 if len(holes) else 0
        return float(self.grid[first]) if first < len(self.grid) else None

    def documents_needed(self, largest: float) -> int | None:
        """How many more documents without an error would certify a threshold; 0 once there is one."""
        if self.since is not None:
            return 0
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
        return high

    def _reached(self, wealth: Floats) -> bool:
        return float(mixed(wealth, self.shares)) >= math.log(1 / self.delta)


def largest_loss(fields: int, drawn: float, least_probability: float) -> float:
    """The largest mean loss that a document of so many fields can show.

    `drawn`: the expected number of audits of the document, at most; that many, rounded up, may be drawn together, and
    each counts 1 / `least_probability`. Of the other fields each may count 1: what people settled has probability 1.

    >>> largest_loss(4, drawn=4.0, least_probability=1.0)  # everything is checked
    1.0
    >>> largest_loss(4, drawn=0.4, least_probability=0.1)  # one of four at most, which then counts ten times
    3.25
    """
    if fields == 0 or least_probability <= 0:
        return 1.0 if fields == 0 else math.inf  # what may never be checked is no evidence
    most = min(math.ceil(drawn - 1e-9), fields)
    return (most / least_probability + fields - most) / fields


def is_claimed(decisions: Sequence[Decision], grid: Floats = GRID) -> bool:
    """Whether some threshold accepts a value of this document.

    Evidence begins with the first such document: the silence of a model that has not learnt the type certifies nothing.
    """
    return any(decision.score >= grid[0] for decision in decisions)


def losses(decisions: Sequence[Decision], grid: Floats) -> Floats:
    """X(tau) of one document for each threshold: the mean of its weighted losses."""
    found: Floats = losses_of([decisions], grid)[0]
    return found


def losses_of(documents: Sequence[Sequence[Decision]], grid: Floats) -> Floats:
    """The same for many documents: (documents, grid). Each row is the same whatever other documents there are."""
    found = np.zeros((len(documents), len(grid) + 1))
    at = np.array([row for row, some in enumerate(documents) for decision in some if decision.wrong], dtype=int)
    wrong = [decision for decisions in documents for decision in decisions if decision.wrong]
    np.add.at(found, (at, reach([decision.score for decision in wrong], grid)), [1.0 / d.probability for d in wrong])
    sizes = np.array([len(decisions) for decisions in documents], dtype=float)
    mean: Floats = from_top(found) / np.maximum(sizes, 1.0)[:, None]
    return mean


def reach(scores: Sequence[float], grid: Floats = GRID) -> NDArray[np.int_]:
    """How many thresholds, from the bottom of the grid, each score reaches."""
    return np.searchsorted(grid, np.asarray(scores, dtype=float), side="right")


def from_top(by_reach: Floats) -> Floats:
    """From what is counted by reach, (..., grid + 1), what each threshold accepts of it, (..., grid)."""
    return np.cumsum(by_reach[..., ::-1], axis=-1)[..., ::-1][..., 1:]


def mixed(log_wealth: Floats, shares: Floats) -> Floats:
    """Log of the wealth over all bets, which are the last axis. Added up in one order, however many rows there are."""
    top = log_wealth.max(axis=-1, keepdims=True)
    wealth = np.exp(log_wealth - top)
    mean: Floats = np.log(sum(wealth[..., bet] * share for bet, share in enumerate(shares))) + top[..., 0]
    return mean


def delta_of_model(delta: float, k: int) -> float:
    """The share of `delta` for the k-th model of a certificate, from 1: 6 delta / (pi^2 k^2), in all delta.

    >>> round(delta_of_model(0.05, 1), 4), round(delta_of_model(0.05, 2), 4)
    (0.0304, 0.0076)
    """
    return 6 * delta / (math.pi**2 * k**2)


def certify(
    documents: Iterable[tuple[Sequence[Decision], float]], *, target: float, delta: float, grid: Floats = GRID
) -> Certification:
    """Replay documents in the order they came, each with the largest loss that it could have shown."""
    seen = list(documents)
    process, tally = EProcess(target, delta, grid), Tally(grid)
    decided, largest = [decisions for decisions, _ in seen], [largest for _, largest in seen]
    process.update_many(losses_of(decided, grid), np.array(largest))
    tally.update(decided, largest)
    return certification(process, tally)


class Tally:
    """What was accepted, and what was found wrong, by the score of the fields: estimates, fields counted equally.

    `weights`, `lost`: (grid + 1,) sums by how many thresholds a field's score reaches. `largest`: the largest loss that
    the last document could have shown.
    """

    def __init__(self, grid: Floats = GRID) -> None:
        self.grid = grid
        self.weights: Floats = np.zeros(len(grid) + 1)
        self.lost: Floats = np.zeros(len(grid) + 1)
        self.fields = 0
        self.audited = 0
        self.largest = 1.0

    def update(self, documents: Sequence[Sequence[Decision]], largest: Sequence[float]) -> None:
        """Count some documents more, in their order."""
        decisions = [decision for document in documents for decision in document]
        reached = reach([decision.score for decision in decisions], self.grid)
        np.add.at(self.weights, reached, [decision.weight for decision in decisions])
        np.add.at(self.lost, reached, [1.0 / d.probability if d.wrong else 0.0 for d in decisions])
        self.fields += len(decisions)
        self.audited += sum(decision.wrong is not None for decision in decisions)
        self.largest = largest[-1] if largest else self.largest

    def accepted(self) -> Floats:
        """(grid,) the share of the fields that each threshold accepts."""
        below = np.cumsum(self.weights)
        share: Floats = 1 - below[:-1] / below[-1] if below[-1] > 0 else np.zeros(len(self.grid))
        return share

    def errors(self) -> Floats:
        """(grid,) Horvitz-Thompson estimate of the released error at each threshold."""
        return from_top(self.lost) / max(self.fields, 1)


def certification(process: EProcess, tally: Tally) -> Certification:
    """What `process` says after the documents that `tally` counted."""
    accepted, error = tally.accepted(), tally.errors()
    threshold = process.threshold()
    at = int(np.searchsorted(process.grid, threshold)) if threshold is not None else len(process.grid) - 1
    return Certification(
        threshold=threshold,
        documents=process.documents,
        audited=tally.audited,
        target=process.target,
        delta=process.delta,
        documents_needed=process.documents_needed(tally.largest),  # priced like the last one
        released_error=float(error[at]),
        conditional_error=float(error[at] / accepted[at]) if accepted[at] > 0 else None,
        accepted=float(accepted[at]) if threshold is not None else 0.0,
        curve=tuple(
            (float(t), float(a), float(e), bool(c))
            for t, a, e, c in zip(process.grid, accepted, error, process.certified, strict=True)
        ),
        in_force=process.in_force(),
    )
