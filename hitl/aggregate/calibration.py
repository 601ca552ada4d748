"""Calibration of posteriors: errors collide more often than a model of independent slips says."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FEWEST = 2000  # decisions with gold before a map is fitted: fewer cannot tell 0.999 from 0.99


@dataclass(frozen=True, slots=True)
class Calibration:
    """A rising map of claimed to observed probability, linear in log-odds between its knots; without any, identity."""

    claimed: tuple[float, ...] = ()  # log-odds, rising
    observed: tuple[float, ...] = ()

    def __call__(self, probability: float) -> float:
        if not self.claimed:
            return probability
        x = _logit(probability)
        if x <= self.claimed[0]:
            return _expit(self.observed[0] + min(0.0, x - self.claimed[0]))
        if x >= self.claimed[-1]:
            return _expit(self.observed[-1])  # never above what was observed at the top
        right = bisect_left(self.claimed, x)
        low, high = self.claimed[right - 1], self.claimed[right]
        share = (x - low) / (high - low)
        return _expit(self.observed[right - 1] + share * (self.observed[right] - self.observed[right - 1]))


def fit(claimed: Sequence[float], was_right: Sequence[bool], weights: Sequence[float] | None = None) -> Calibration:
    """Isotonic regression on decisions with gold, half an error added a block, so that none is certain.

    `claimed`, `was_right`, `weights`: one element a decision. With fewer than `FEWEST` of them: the identity. Barlow et
    al., Statistical Inference under Order Restrictions (1972), pool adjacent violators.

    >>> fit([0.99] * 100, [True] * 100)(0.99)
    0.99
    >>> round(fit([0.999] * 4000, [True] * 3960 + [False] * 40)(0.999), 3)
    0.99
    """
    if len(claimed) < FEWEST:
        return Calibration()
    order = np.argsort(np.asarray(claimed), kind="stable")
    x = np.array([_logit(p) for p in np.asarray(claimed)[order]])
    w = np.ones(len(x)) if weights is None else np.asarray(weights, dtype=float)[order]
    blocks = _pool(x, np.asarray(was_right, dtype=float)[order], w)
    knots = {position: _logit((right + 0.5) / (size + 1.0)) for position, right, size in blocks}
    levels = np.maximum.accumulate(list(knots.values()))
    return Calibration(tuple(knots), tuple(float(level) for level in levels))


def _pool(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> list[tuple[float, float, float]]:
    """Pool adjacent violators: (mean position, number right, size) of blocks whose share right rises."""
    blocks: list[list[float]] = []
    for position, right, weight in zip(x, y, w, strict=True):
        blocks.append([float(position), float(right * weight), float(weight)])
        while len(blocks) > 1 and blocks[-2][1] / blocks[-2][2] >= blocks[-1][1] / blocks[-1][2]:
            position_, right_, size = blocks.pop()
            held = blocks[-1]
            held[0] = (held[0] * held[2] + position_ * size) / (held[2] + size)
            held[1] += right_
            held[2] += size
    return [(round(position, 9), right, size) for position, right, size in blocks]


def _logit(p: float) -> float:
    p = min(max(float(p), 1e-12), 1 - 1e-12)
    return math.log(p / (1 - p))


def _expit(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))
