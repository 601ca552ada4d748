"""One-coin model over an open vocabulary: the posterior of one question, and EM over many to learn who is how good.

Assumption: voter w is right with probability p_w, and when wrong falls on one given wrong value with probability
(1 - p_w) / M. Over the values proposed for a question, and one "none of them" that stands for the rest of M + 1,

    log P(c) = log pi_c + sum over w of (log p_w if a_w = c else log((1 - p_w) / M)),    pi_c = 1 / (M + 1)

so that one voice alone has posterior p_w, and two that agree are wrong together with odds
(1 - p_1)(1 - p_2) / (M p_1 p_2). A voter who was shown a value m says m by inertia with probability 1 - catch_rate when
it is wrong. M step: p_w = (expected right + a) / (answers + a + b). Dawid & Skene 1979 with one parameter a person;
Lin, Mausam, Weld, UAI 2012 for open answers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitl.aggregate.votes import NOTHING, Decision, Source, Terms, Vote, decide, in_order

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FLOOR, CEILING = 0.01, 0.9995  # nobody is certain, in either direction


def rule(votes: Sequence[Vote], terms: Terms) -> Decision:
    """The rule: Bayes with the skills as known.

    >>> machine = Vote("machine", "12.50", 0.9, Source.MACHINE)
    >>> rule([machine], Terms()).outcome.value  # one source is not enough, however sure
    'unsure'
    >>> agreed = rule([machine, Vote("ana", "12.50", 0.97)], Terms())
    >>> agreed.outcome.value, agreed.sources, round(agreed.posterior, 4)
    ('agreed', 2, 0.9998)
    >>> rule([machine, Vote("ana", "72.50", 0.97)], Terms()).outcome.value
    'contested'
    """
    return decide(votes, posteriors(votes, terms), terms) if votes else NOTHING


def posteriors(votes: Sequence[Vote], terms: Terms) -> dict[str, float]:
    """P(token is the truth) for every token that was voted for; what is missing to 1 is "none of them"."""
    ordered = in_order(votes)
    tokens = sorted({vote.token for vote in ordered})
    rest = terms.wrong_values + 1 - len(tokens)
    logs = [sum(_log_likelihood(vote, token, terms) for vote in ordered) for token in tokens]
    other = sum(_log_likelihood(vote, None, terms) for vote in ordered) + math.log(rest) if rest > 0 else -math.inf
    top = max([*logs, other])
    weights = [math.exp(log - top) for log in logs]
    total = sum(weights) + math.exp(other - top)
    return {token: weight / total for token, weight in zip(tokens, weights, strict=True)}


def _log_likelihood(vote: Vote, truth: str | None, terms: Terms) -> float:
    skill = min(max(vote.skill, FLOOR), CEILING)
    right, wrong = skill, (1 - skill) / terms.wrong_values
    if vote.source is not Source.SHOWN or vote.shown is None:
        return math.log(right if vote.token == truth else wrong)
    if truth == vote.shown:
        return math.log(1 - terms.slip_rate if vote.token == truth else terms.slip_rate / terms.wrong_values)
    if vote.token == vote.shown:
        return math.log(max(1 - terms.catch_rate, 1e-6))
    return math.log(max(terms.catch_rate, 1e-6) * (right if vote.token == truth else wrong))


@dataclass(frozen=True)
class Fitted:
    """What EM found, for n questions and k voters.

    `value`: (n,) the best value of each question, numbered as given. `posterior`: (n,) its probability. `skill`: (k,)
    the probability that each voter is right. `rounds`: of EM until nothing moved by more than the tolerance.
    """

    value: Ints
    posterior: Floats
    skill: Floats
    rounds: int


def fit(
    question: Ints,
    voter: Ints,
    value: Ints,
    *,
    right: Floats | float = 9.7,
    wrong: Floats | float = 0.3,
    wrong_values: float = 20.0,
    max_rounds: int = 30,
    tolerance: float = 1e-5,
) -> Fitted:
    """EM over all answers at once. `question` and `voter` count from 0; `value` is any integer per distinct answer.

    The three arrays have one element an answer: (answers,). `right` and `wrong` are the Beta prior of each voter (one
    number, or one a voter: gold results add to them). 100,000 answers take about 0.05 s on one core.

    Three voters on two questions, of whom the third is always alone:

    >>> found = fit(np.array([0, 0, 0, 1, 1, 1]), np.array([0, 1, 2, 0, 1, 2]), np.array([7, 7, 5, 8, 8, 6]))
    >>> found.value.tolist(), bool(found.skill[2] < found.skill[0])
    ([7, 8], True)
    """
    questions, voters = int(question.max()) + 1, int(voter.max()) + 1
    span = int(value.max()) + 1
    proposed, candidate = np.unique(question.astype(np.int64) * span + value, return_inverse=True)
    owner = proposed // span
    first = np.searchsorted(owner, np.arange(questions))
    proposals = np.bincount(owner, minlength=questions)
    unsaid = wrong_values + 1 - proposals
    rest = np.log(unsaid, where=unsaid > 0, out=np.full(questions, -np.inf))  # all of a closed list may have been said
    answered = np.bincount(voter, minlength=voters)
    belief = np.bincount(candidate) / np.bincount(question, minlength=questions)[owner]
    skill: Floats = np.zeros(voters)
    rounds = 0
    for _ in range(max_rounds):
        rounds += 1
        expected = np.bincount(voter, weights=belief[candidate], minlength=voters)
        before, skill = skill, np.clip((expected + right) / (answered + right + wrong), FLOOR, CEILING)
        gain = np.log(skill) - np.log1p(-skill) + math.log(wrong_values)
        support = np.bincount(candidate, weights=gain[voter])
        top = np.maximum(np.maximum.reduceat(support, first), rest)
        weight = np.exp(support - top[owner])
        belief = weight / (np.add.reduceat(weight, first) + np.exp(rest - top))[owner]
        if np.abs(skill - before).max() < tolerance:
            break
    order = np.lexsort((belief, owner))
    best = order[np.searchsorted(owner[order], np.arange(questions), side="right") - 1]
    return Fitted(proposed[best] % span, belief[best], skill, rounds)
