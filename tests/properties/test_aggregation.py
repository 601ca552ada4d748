"""What every aggregation rule must keep: order is nothing, unanimity agrees, a tie is contested, people are needed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hitl.aggregate import RULES, Outcome, Source, Terms, Vote

TOKENS = st.sampled_from(["=a", "=b", "=c", "absent", "illegible"])
SKILLS = st.floats(0.55, 0.999)
names = st.sampled_from(sorted(RULES))


@st.composite
def crowds(draw):
    """Any machine vote, then people who are blind or were shown something."""
    votes = []
    if draw(st.booleans()):
        votes.append(Vote("machine", draw(TOKENS), draw(SKILLS), Source.MACHINE))
    for number in range(draw(st.integers(0, 6))):
        shown = draw(st.none() | TOKENS)
        source = Source.SHOWN if shown else Source.BLIND
        votes.append(Vote(f"p{number}", draw(TOKENS), draw(SKILLS), source, shown))
    return votes


TERMS = st.builds(Terms, verify=st.booleans(), posterior=st.sampled_from([0.9, 0.999]), sources=st.integers(1, 3))


@given(names, crowds(), TERMS, st.randoms())
def test_the_order_of_answers_does_not_matter(name, votes, terms, random):
    mixed = list(votes)
    random.shuffle(mixed)
    assert RULES[name](votes, terms) == RULES[name](mixed, terms)


@given(names, TOKENS, st.lists(st.floats(0.9, 0.999), min_size=3, max_size=6))
def test_blind_people_who_all_say_the_same_agree(name, token, skills):
    decision = RULES[name]([Vote(f"p{i}", token, skill) for i, skill in enumerate(skills)], Terms())
    assert (decision.outcome, decision.token) == (Outcome.AGREED, token)


@given(names, st.integers(1, 3), SKILLS)
def test_a_tie_is_contested(name, each, skill):
    votes = [Vote(f"{token}{i}", token, skill) for token in ("=a", "=b") for i in range(each)]
    assert RULES[name](votes, Terms(posterior=0.51)).outcome is Outcome.CONTESTED


@given(names, crowds(), TERMS)
def test_nothing_is_agreed_without_a_person(name, votes, terms):
    decision = RULES[name]([vote for vote in votes if vote.source is Source.MACHINE], terms)
    assert decision.outcome is not Outcome.AGREED


@given(st.sampled_from(["one_coin", "majority", "dawid_skene"]), crowds())
def test_an_agreement_has_two_independent_sources_and_one_blind_person(name, votes):
    decision = RULES[name](votes, Terms(posterior=0.6))
    if decision.outcome is Outcome.AGREED:
        agreeing = [v for v in votes if v.token == decision.token and v.source is not Source.SHOWN]
        assert len(agreeing) >= 2
        assert any(v.source is Source.BLIND for v in agreeing)


@given(names, crowds(), TERMS)
def test_a_posterior_is_a_probability(name, votes, terms):
    assert 0.0 <= RULES[name](votes, terms).posterior <= 1.0
