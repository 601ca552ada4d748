"""Rules that count heads: the strict majority of independent sources, and the one voice of a single operator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hitl.aggregate.one_coin import posteriors
from hitl.aggregate.votes import NOTHING, Decision, Outcome, Source, Terms, Vote, decide, in_order


def rule(votes: Sequence[Vote], terms: Terms) -> Decision:
    """Agreed when more than half of the voters say the same. The reported posterior is the share, not a probability.

    >>> votes = [Vote(voter, token, 0.97) for voter, token in (("ana", "yes"), ("ben", "yes"), ("cleo", "no"))]
    >>> found = rule(votes, Terms())
    >>> found.outcome.value, found.token, round(found.posterior, 2)
    ('agreed', 'yes', 0.67)
    >>> rule(votes[1:], Terms()).outcome.value  # a tie is nobody's
    'contested'
    """
    if not votes:
        return NOTHING
    counts = Counter(vote.token for vote in votes)
    shares = {token: count / len(votes) for token, count in counts.items()}
    found = decide(votes, shares, _without_posterior(terms))
    if found.outcome is Outcome.AGREED and found.posterior <= 0.5:
        return Decision(Outcome.CONTESTED, found.token, found.posterior, found.sources)
    return found


def single(votes: Sequence[Vote], terms: Terms) -> Decision:
    """Single operator: the one person's answer stands, and two who differ are contested."""
    said = {vote.token for vote in votes if vote.source is not Source.MACHINE}
    if len(said) != 1:
        return Decision(Outcome.CONTESTED, None, 0.0, 0) if said else NOTHING
    token = said.pop()
    agreeing = {vote.voter for vote in in_order(votes) if vote.token == token}
    return Decision(Outcome.AGREED, token, posteriors(votes, terms)[token], len(agreeing))


def _without_posterior(terms: Terms) -> Terms:
    return Terms(posterior=0.5, sources=terms.sources, verify=terms.verify)
