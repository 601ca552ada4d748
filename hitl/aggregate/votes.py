"""What every aggregation rule takes and gives: votes on normalised tokens, the terms of agreement, and a decision."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from hitl.aggregate.calibration import Calibration


class Source(StrEnum):
    """How a vote came about. Only the first two are independent evidence."""

    MACHINE = "machine"
    BLIND = "blind"  # a person typed what they saw
    SHOWN = "shown"  # a person confirmed or mended a text that was put before them


@dataclass(frozen=True, slots=True)
class Vote:
    """One voice. `token` is the canonical form of the answer: equal tokens are equal values (`equality`)."""

    voter: str
    token: str
    skill: float  # probability that this voter is right, unaided
    source: Source = Source.BLIND
    shown: str | None = None  # the token that was put before them, for Source.SHOWN


class Outcome(StrEnum):
    AGREED = "agreed"
    UNSURE = "unsure"  # nobody disagrees, but the evidence is not enough
    CONTESTED = "contested"


@dataclass(frozen=True, slots=True)
class Terms:
    """When votes amount to an agreement."""

    posterior: float = 0.999
    sources: int = 2  # agreeing independent sources
    wrong_values: float = 20.0  # two errors fall on the same value once in so many
    choices: int | None = None  # closed list: the number of possible answers
    verify: bool = False  # verify mode: a confirmation counts as a source
    catch_rate: float = 0.75
    slip_rate: float = 0.005  # a right value that was shown is "mended" wrongly
    calibration: Calibration = field(default_factory=Calibration)
    # closed lists: P(said | truth) by voter, where it was fitted (hitl.aggregate.dawid_skene.fit)
    confusions: Mapping[str, Mapping[tuple[str, str], float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """`token` is the best supported answer, None when nobody voted. `posterior` is calibrated."""

    outcome: Outcome
    token: str | None
    posterior: float
    sources: int  # independent sources that agree with `token`


Rule = Callable[[Sequence[Vote], Terms], Decision]

NOTHING = Decision(Outcome.UNSURE, None, 0.0, 0)


def in_order(votes: Iterable[Vote]) -> list[Vote]:
    """Votes sorted, so that no sum depends on who answered first, to the last bit."""
    return sorted(votes, key=lambda vote: (vote.token, vote.voter, vote.source))


def support(votes: Sequence[Vote], token: str, terms: Terms) -> tuple[int, bool]:
    """How many independent sources say `token`, and whether a person is among them who counts."""
    counted = {Source.MACHINE, Source.BLIND} | ({Source.SHOWN} if terms.verify else set())
    agreeing = [vote for vote in votes if vote.token == token and vote.source in counted]
    return len({vote.voter for vote in agreeing}), any(vote.source is not Source.MACHINE for vote in agreeing)


def decide(votes: Sequence[Vote], posteriors: Mapping[str, float], terms: Terms) -> Decision:
    """Agreed when the best token has enough independent sources, a person among them, and its posterior is enough."""
    ranked = sorted(posteriors, key=lambda token: (-posteriors[token], token))
    if not ranked:
        return NOTHING
    best = ranked[0]
    sources, has_person = support(votes, best, terms)
    posterior = terms.calibration(posteriors[best])
    is_tie = len(ranked) > 1 and posteriors[ranked[1]] >= posteriors[best]
    is_sure = posterior >= terms.posterior or terms.verify
    if sources >= terms.sources and has_person and is_sure and not is_tie:
        return Decision(Outcome.AGREED, best, posterior, sources)
    contested = len({vote.token for vote in votes}) > 1
    return Decision(Outcome.CONTESTED if contested else Outcome.UNSURE, best, posterior, sources)
