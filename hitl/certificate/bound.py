"""An upper bound of a mean loss that holds at every moment: a confidence sequence by betting.

Every mean m is tested as a target of its own (`hitl.certificate.eprocess`); the smallest one refuted by then bounds it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from hitl.certificate.eprocess import BETS, BLOCK, RUIN, SHARES, Floats, mixed

MEANS: Floats = np.concatenate([np.geomspace(1e-4, 0.2, 200), np.linspace(0.21, 0.99, 40)])
Shown = tuple[float, float]  # the weighted loss of a document, and the largest that it could have shown


class UpperBound:
    """The wealth against each mean, (means, bets), and which were refuted.

    Equal documents in a row move the wealth one way, so that looking at it after the last of them is enough: the last
    run of them, `run`, (document, how many), is not in the wealth yet.
    """

    def __init__(self, delta: float) -> None:
        self.delta = delta
        self.log_wealth: Floats = np.zeros((len(MEANS), len(BETS)))
        self.refuted: NDArray[np.bool_] = np.zeros(len(MEANS), dtype=bool)
        self.run: tuple[Shown, int] | None = None

    def update(self, documents: Iterable[Shown]) -> None:
        """Count some documents more."""
        runs = [(shown, len(list(same))) for shown, same in groupby(documents)]
        if self.run is not None and runs:
            if runs[0][0] == self.run[0]:
                runs[0] = (runs[0][0], runs[0][1] + self.run[1])
            else:
                runs.insert(0, self.run)
        if runs:
            self.log_wealth, self.refuted = self._after(runs[:-1])
            self.run = runs[-1]

    def value(self) -> float:
        """The bound, which holds at every moment with probability 1 - delta: 1 while nothing is known."""
        refuted = self._after([self.run] if self.run else [])[1]
        kept = np.flatnonzero(~refuted)
        last = int(kept[-1]) + 1 if len(kept) else 0
        return float(MEANS[last]) if last < len(MEANS) else 1.0

    def _after(self, runs: list[tuple[Shown, int]]) -> tuple[Floats, NDArray[np.bool_]]:
        log_wealth, refuted = self.log_wealth, self.refuted
        told = np.array([(*shown, times) for shown, times in runs], dtype=float).reshape(-1, 3)
        for at in range(0, len(told), BLOCK):
            loss, largest, times = told[at : at + BLOCK].T[:, :, None]
            stakes = BETS / (largest - MEANS)[:, :, None]
            gains = times[:, :, None] * np.log(np.maximum(1 + stakes * (MEANS - loss)[:, :, None], RUIN))
            path = np.cumsum(np.concatenate([log_wealth[None], gains]), axis=0)[1:]
            log_wealth = path[-1]
            refuted = refuted | (mixed(path, SHARES) >= math.log(1 / self.delta)).any(axis=0)
        return log_wealth, refuted


def upper_bound(documents: Iterable[Shown], delta: float) -> float:
    """The bound after these documents."""
    bound = UpperBound(delta)
    bound.update(documents)
    return bound.value()
