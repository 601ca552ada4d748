"""Dawid & Skene (1979) for closed lists of choices: each voter has a confusion matrix, learnt by EM.

P(truth = t) is proportional to prior_t times the product over voters of P(said | t). Use it for document classes,
choices and checkboxes; with open answers its matrices cannot be identified (use one_coin).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitl.aggregate.votes import NOTHING, Decision, Terms, Vote, decide, in_order

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def rule(votes: Sequence[Vote], terms: Terms) -> Decision:
    """The rule: fitted confusions where there are some, else a voter errs evenly over the other choices."""
    if not votes:
        return NOTHING
    ordered = in_order(votes)
    tokens = sorted({vote.token for vote in ordered})
    size = max(terms.choices or round(terms.wrong_values) + 1, len(tokens), 2)
    logs = {truth: sum(math.log(_likelihood(vote, truth, size, terms)) for vote in ordered) for truth in tokens}
    unsaid = math.log(max(size - len(tokens), 1e-12)) + sum(
        math.log(_likelihood(vote, "", size, terms)) for vote in ordered
    )
    top = max([*logs.values(), unsaid])
    total = sum(math.exp(log - top) for log in logs.values()) + math.exp(unsaid - top)
    return decide(votes, {token: math.exp(log - top) / total for token, log in logs.items()}, terms)


def _likelihood(vote: Vote, truth: str, size: int, terms: Terms) -> float:
    fitted = terms.confusions.get(vote.voter, {}).get((truth, vote.token))
    if fitted is not None:
        return max(fitted, 1e-6)
    skill = min(max(vote.skill, 0.01), 0.9995)
    return skill if vote.token == truth else (1 - skill) / (size - 1)


@dataclass(frozen=True)
class Fitted:
    """What EM found, for n questions, k voters and m labels.

    `label`: (n,) the best label of each question. `probabilities`: (n, m), rows sum to 1. `confusions`: (k, m, m), the
    matrix [truth, said] of each voter, rows sum to 1. `priors`: (m,) how frequent each label is.
    """

    label: Ints
    probabilities: Floats
    confusions: Floats
    priors: Floats


def fit(
    question: Ints, voter: Ints, label: Ints, *, smoothing: float = 0.01, max_rounds: int = 100, tolerance: float = 1e-5
) -> Fitted:
    """EM from the vote shares. All three arrays count from 0. `smoothing` is added to every cell of a matrix.

    The arrays have one element an answer: (answers,).

    >>> found = fit(np.array([0, 0, 0, 1, 1, 1]), np.array([0, 1, 2, 0, 1, 2]), np.array([1, 1, 0, 0, 0, 0]))
    >>> found.label.tolist(), found.confusions.shape
    ([1, 0], (3, 2, 2))
    """
    questions, voters, labels = (int(axis.max()) + 1 for axis in (question, voter, label))
    belief: Floats = np.zeros((questions, labels))
    np.add.at(belief, (question, label), 1.0)
    belief /= belief.sum(1, keepdims=True)
    cell = voter * labels + label
    confusions: Floats = np.zeros((voters, labels, labels))
    priors: Floats = belief.mean(0)
    for _ in range(max_rounds):
        counts = np.stack(
            [np.bincount(cell, weights=belief[question, truth], minlength=voters * labels) for truth in range(labels)]
        ).reshape(labels, voters, labels)
        smoothed = counts.transpose(1, 0, 2) + smoothing
        confusions = (smoothed / smoothed.sum(2, keepdims=True)).astype(np.float64)
        priors = belief.mean(0) + 1e-9
        logs = np.log(confusions)[voter, :, label]  # [answers, truths]
        total = np.stack([np.bincount(question, weights=logs[:, t], minlength=questions) for t in range(labels)], 1)
        total += np.log(priors)
        updated = np.exp(total - total.max(1, keepdims=True))
        updated /= updated.sum(1, keepdims=True)
        moved, belief = float(np.abs(updated - belief).max()), updated
        if moved < tolerance:
            break
    return Fitted(belief.argmax(1), belief, confusions, priors)
