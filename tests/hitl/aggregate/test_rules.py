"""The rules on single fields: when one blind person is enough, when not, and what a shown value is worth."""

from __future__ import annotations

import pytest

from hitl.aggregate import RULES, Outcome, Source, Terms, Vote
from hitl.aggregate.one_coin import posteriors

TERMS = Terms()


def machine(token: str = "=a", skill: float = 0.85) -> Vote:
    return Vote("machine", token, skill, Source.MACHINE)


def blind(voter: str, token: str = "=a", skill: float = 0.97) -> Vote:
    return Vote(voter, token, skill)


def shown(voter: str, token: str, value: str = "=a", skill: float = 0.97) -> Vote:
    return Vote(voter, token, skill, Source.SHOWN, value)


def one_coin(*votes: Vote, terms: Terms = TERMS):
    return RULES["one_coin"](votes, terms)


def test_one_voice_has_the_posterior_of_its_skill():
    assert posteriors([blind("p", skill=0.9)], TERMS)["=a"] == pytest.approx(0.9)


def test_machine_and_one_blind_person_agree():
    decision = one_coin(machine(), blind("p"))
    assert (decision.outcome, decision.token, decision.sources) == (Outcome.AGREED, "=a", 2)
    assert decision.posterior > 0.999


def test_an_unsure_machine_and_one_person_are_not_enough():
    assert one_coin(machine(skill=0.3), blind("p")).outcome is Outcome.UNSURE
    assert one_coin(machine(skill=0.3), blind("p"), blind("q")).outcome is Outcome.AGREED


def test_a_poor_person_is_not_believed_as_a_good_one():
    assert one_coin(machine(), blind("p", skill=0.7)).outcome is Outcome.UNSURE


def test_a_mismatch_is_contested_until_a_third_speaks():
    assert one_coin(machine(), blind("p", "=b")).outcome is Outcome.CONTESTED
    decision = one_coin(machine(), blind("p", "=b"), blind("q", "=b"))
    assert (decision.outcome, decision.token) == (Outcome.AGREED, "=b")


def test_machines_alone_never_agree():
    assert one_coin(machine(skill=0.9999)).outcome is Outcome.UNSURE


def test_confirming_a_shown_value_is_no_independent_evidence():
    assert one_coin(machine(), shown("p", "=a"), shown("q", "=a")).outcome is Outcome.UNSURE
    few = posteriors([machine(), shown("p", "=a")], TERMS)["=a"]
    assert few < posteriors([machine(), blind("p")], TERMS)["=a"]
    assert few == pytest.approx(0.85 * 0.995 / (0.85 * 0.995 + 0.15 * 0.25), abs=1e-3)


def test_in_verify_mode_a_confirmation_settles_and_a_mending_does_not():
    verify = Terms(verify=True)
    assert one_coin(machine(), shown("p", "=a"), terms=verify).outcome is Outcome.AGREED
    mended = (machine(), shown("p", "=b"))
    assert one_coin(*mended, terms=verify).outcome is Outcome.CONTESTED
    assert one_coin(*mended, blind("q", "=b"), terms=verify).token == "=b"


def test_a_state_is_an_answer_like_any_other():
    decision = one_coin(blind("p", "illegible"), blind("q", "illegible"))
    assert (decision.outcome, decision.token) == (Outcome.AGREED, "illegible")
    assert one_coin(blind("p", "absent"), blind("q", "empty")).outcome is Outcome.CONTESTED


def test_on_closed_lists_errors_collide_more():
    checkbox = Terms(choices=2, wrong_values=2)
    assert one_coin(machine(), blind("p"), terms=checkbox).outcome is Outcome.UNSURE
    decision = RULES["dawid_skene"]((machine(), blind("p")), checkbox)
    assert decision.outcome is Outcome.UNSURE
    assert RULES["dawid_skene"]((machine(), blind("p"), blind("q")), checkbox).outcome is Outcome.AGREED


def test_fitted_confusions_outweigh_the_skill():
    said_a = {("=a", "=a"): 0.999, ("=b", "=a"): 0.4, ("=a", "=b"): 0.001, ("=b", "=b"): 0.6}
    votes = (Vote("p", "=a", 0.97), Vote("q", "=b", 0.97))
    decision = RULES["dawid_skene"](votes, Terms(choices=2, confusions={"p": said_a}))
    assert decision.token == "=b"


def test_majority_counts_heads():
    assert RULES["majority"]((machine(), blind("p")), TERMS).outcome is Outcome.AGREED
    half = (machine(), blind("p"), blind("q", "=b"), blind("r", "=c"))
    assert RULES["majority"](half, TERMS).outcome is Outcome.CONTESTED


def test_a_single_operator_has_the_last_word():
    decision = RULES["single"]((machine("=a"), blind("p", "=b")), TERMS)
    assert (decision.outcome, decision.token) == (Outcome.AGREED, "=b")
    assert RULES["single"]((machine(),), TERMS).outcome is Outcome.UNSURE


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_nobody_said_anything(rule):
    assert rule([], TERMS).token is None
