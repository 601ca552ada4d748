"""From the evidence about a document's type to P(right): pooled over the types, then with what each type adds.

The pooled probability decides whether a document is of an unknown type; a type's own intercept makes its confidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from extractor.classify.features import Floats, Integers

Rows = tuple[Floats, Integers, Integers]  # evidence (rows, pieces), whether the best type was right, and that type

STRANGER_SHARE = 0.2  # what the documents of types held out weigh in the calibration, where the known weigh 1

OWN_PENALTY = 0.3  # on the intercept of a type: it is hardly shrunk from some dozens of documents on
NEWTON_STEPS = 30

# Before there is enough to fit: mostly the likeness to the examples and how familiar the words are. What sets a type
# apart from the only other one says nothing of strangers.
UNCALIBRATED = (1.0, 0.25, 0.0, 0.5, 0.4, 0.5)
ENOUGH = 20  # rows
LOST = 0.02  # share of the known that may be called unknown where no stranger tells how many must
MOST_MOVED, STEEPEST = 0.7, 8.0


def calibrate(seen: Rows, strangers: Sequence[Rows]) -> tuple[float, ...]:
    """Logistic regression of "right" on the evidence with coefficients of at least 0.

    Documents of types held out weigh `STRANGER_SHARE` of the known. Without the bound, types that no evidence tells
    from a known one turn its sign, and others are missed.
    """
    evidence, right = (np.concatenate([rows[k] for rows in (seen, *strangers)]).astype(float) for k in (0, 1))
    if not _is_enough(right, strangers):
        return _by_the_known(*seen[:2])
    from scipy.optimize import minimize

    weight = _weights(len(seen[1]), len(right))

    def loss(solution: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = solution[0] + evidence @ solution[1:]
        gap = weight * (1 / (1 + np.exp(-logits)) - right)
        slope = np.concatenate([[gap.sum()], evidence.T @ gap + solution[1:]])
        return float((weight * (np.logaddexp(0, logits) - right * logits)).sum() + (solution[1:] ** 2).sum() / 2), slope

    bounds = [(None, None)] + [(0.0, None)] * evidence.shape[1]
    fitted = minimize(loss, np.zeros(len(bounds)), jac=True, method="L-BFGS-B", bounds=bounds)
    return tuple(float(c) for c in fitted.x)


def _is_enough(right: NDArray[Any], strangers: Sequence[Rows]) -> bool:
    return bool(strangers) and len(np.unique(right)) == 2 and len(right) >= ENOUGH


def _by_the_known(evidence: Floats, right: Integers) -> tuple[float, ...]:
    """Where there are no strangers to learn from: the weights of `UNCALIBRATED`, moved and made steeper.

    Moved up by what keeps all but `LOST` of the known from being called unknown, at most by `MOST_MOVED`. As steep as
    makes those that are called right as often as they are, with one wrong and one right added.
    """
    from scipy.optimize import brentq

    start = np.array(UNCALIBRATED)
    logits = start[0] + evidence.astype(float) @ start[1:]
    if not len(logits):
        return UNCALIBRATED
    start[0] += np.clip(-np.quantile(logits, LOST), 0.0, MOST_MOVED)
    logits = start[0] + evidence @ start[1:]
    called = logits >= 0
    wanted = (right[called].sum() + 1) / (called.sum() + 2)

    def lacking(steepness: float) -> float:
        return float(wanted - (1 / (1 + np.exp(-steepness * logits[called]))).mean())

    if not called.any() or lacking(1.0) <= 0:
        return tuple(float(c) for c in start)
    steepness = STEEPEST if lacking(STEEPEST) > 0 else brentq(lacking, 1.0, STEEPEST)
    return tuple(float(steepness * c) for c in start)


def own_intercepts(
    seen: Rows, strangers: Sequence[Rows], calibration: Sequence[float], types: int
) -> tuple[float, ...]:
    """What each type adds to the common intercept, fitted on the documents that were called by its name, and shrunk.

    Strangers are taken for some types only: a type like no other is relieved of the doubt that they leave. Never below
    0: what was taken for a type while held out is mostly known now, and its documents keep the pooled doubt.
    """
    evidence, right, called = (np.concatenate([rows[k] for rows in (seen, *strangers)]) for k in range(3))
    pooled = probability(evidence, calibration)
    weight = np.where(pooled >= 0.5, _weights(len(seen[1]), len(right)), 0.0)  # else it is called unknown
    own = np.zeros(types)
    for _ in range(NEWTON_STEPS if _is_enough(right, strangers) else 0):
        chance = once_called(pooled, called, own)
        gap = np.bincount(called, weight * (chance - right), types) + OWN_PENALTY * own
        slope = np.bincount(called, weight * chance * (1 - chance), types) + OWN_PENALTY
        own = np.maximum(own - np.clip(gap / slope, -1.0, 1.0), 0.0)
    return tuple(float(b) for b in own)


def once_called(pooled: NDArray[Any], called: Integers, own: Sequence[float] | NDArray[Any]) -> Floats:
    """The pooled probabilities with each called type's own intercept."""
    safe = np.clip(pooled, 1e-6, 1 - 1e-6).astype(float)
    logits = np.log(safe / (1 - safe)) + np.asarray(own, dtype=float)[called]
    result: Floats = 1 / (1 + np.exp(-logits))
    return result


def _weights(known: int, rows: int) -> NDArray[np.float64]:
    """1 for the known documents, which come first; together `STRANGER_SHARE` of that for those of types held out."""
    return np.repeat([1.0, STRANGER_SHARE * known / max(rows - known, 1)], [known, rows - known])


def probability(evidence: Floats, calibration: Sequence[float]) -> Floats:
    result: Floats = 1 / (1 + np.exp(-(calibration[0] + evidence @ np.array(calibration[1:], dtype=np.float32))))
    return result
