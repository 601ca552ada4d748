"""Drift: has the released error risen above its target? One alarm that can be trusted, and one that is fast.

The *reverse e-process* tests the hypothesis that the error is still within the target: its wealth is a nonnegative
supermartingale under it, so an alarm at 1 / alpha is false with probability at most alpha, at any time (Podkopaev &
Ramdas, Tracking the risk of a deployed model, 2022). ADWIN (`hitl.certificate.adwin`) watches how often people
disagree with the machine: no guarantee, but it speaks early. Either may raise the audit rate, which keeps the
certificate valid because the rate is known before the document is seen; the e-process suspends acceptance.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hitl.certificate.adwin import Window

Floats = NDArray[np.float64]

FRESH = 200  # fields after which an early alarm no longer raises the audit rate
BETS: Floats = np.array([0.02, 0.05, 0.1, 0.2, 0.4, 1.0, 3.0])


@dataclass(frozen=True, slots=True)
class DriftReport:
    """`suspended_at` and `disagreement_at`: the observation (from 1) at which each alarm rang, or None."""

    observations: int
    log_wealth: float
    suspended_at: int | None
    disagreement_at: int | None


class ReverseProcess:
    """Wealth against "the mean loss is at most `target`". Observations are at least 0; see `losses` in certificate.

    A share 1 / (j (j + 1)) of the wealth is staked from observation j on only: a mixture over the moment of the change,
    so that a long good time before it does not eat what the alarm needs.
    """

    def __init__(self, target: float, alpha: float = 0.01) -> None:
        self.target, self.alpha = target, alpha
        self.stakes: Floats = np.minimum(BETS, 0.99 / target)  # a stake above 1 / target could make wealth negative
        self.log_wealth: Floats = np.full(len(BETS), -np.inf)
        self.observations = 0
        self.alarm_at: int | None = None

    def update(self, loss: float) -> bool:
        """Count one document; True from the alarm on."""
        self.observations += 1
        fresh = -math.log(self.observations * (self.observations + 1))
        self.log_wealth = np.logaddexp(self.log_wealth, fresh) + np.log1p(self.stakes * (loss - self.target))
        if self.alarm_at is None and self.mixed() >= math.log(1 / self.alpha):
            self.alarm_at = self.observations
        return self.alarm_at is not None

    def mixed(self) -> float:
        """Log of the mean wealth over the bets, with what is not staked yet."""
        top = max(float(self.log_wealth.max()), 0.0)
        staked = float(np.exp(self.log_wealth - top).mean())
        return math.log(staked + math.exp(-top) / (self.observations + 1)) + top


def watch(losses: Iterable[float], disagreements: Iterable[bool], *, target: float, alpha: float = 0.01) -> DriftReport:
    """Replay the losses of audited documents, and per answered field whether people disagreed with the machine."""
    process = ReverseProcess(target, alpha)
    for loss in losses:
        process.update(loss)
    return DriftReport(process.observations, process.mixed(), process.alarm_at, first_change(disagreements))


def first_change(disagreements: Iterable[bool], delta: float = 0.002) -> int | None:
    """The position (from 1) at which ADWIN saw the rate of disagreement *rise*, or None."""
    doubts = Doubts(delta)
    return next((doubts.seen for disagreed in disagreements if doubts.update(disagreed)), None)


class Doubts:
    """How often people disagree with the machine, and where ADWIN last saw that rise."""

    def __init__(self, delta: float = 0.002) -> None:
        self.delta = delta
        self._window = Window(delta)
        self.seen = 0
        self.risen_at: int | None = None  # from 1

    def update(self, disagreed: bool) -> bool:
        """Count one answered field; True where the rate was seen to rise."""
        self.seen += 1
        before = self._window.mean
        has_changed = self._window.update(float(disagreed))
        has_risen = has_changed and self._window.mean > before
        if has_risen:
            self.risen_at = self.seen
        if has_changed:
            self._window = Window(self.delta)
        return has_risen

    def is_fresh(self) -> bool:
        """Whether the last rise is so recent that more is audited."""
        return self.risen_at is not None and self.seen - self.risen_at < FRESH

    def state(self) -> dict[str, Any]:
        """All that is known, as JSON can hold it."""
        return {"window": self._window.state(), "seen": self.seen, "risen_at": self.risen_at}

    @classmethod
    def taken_up(cls, state: dict[str, Any]) -> Doubts:
        """As it was when `state` was asked."""
        doubts = cls(state["window"]["delta"])
        doubts._window = Window(**state["window"])
        doubts.seen, doubts.risen_at = state["seen"], state["risen_at"]
        return doubts
