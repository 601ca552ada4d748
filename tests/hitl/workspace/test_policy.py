"""Policies: defaults on first sight, numbered versions, and documents that keep the one they were routed under."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from sqlmodel import Session, select

from hitl.workspace.policy import FieldPolicy, Policy, current_policy, pinned_policy, save_policy
from models.states import Route
from models.tables import PolicyVersion, Workspace
from tests.factories import NOW


def test_the_first_asker_writes_version_one(session: Session, workspace: Workspace):
    row, policy = current_policy(session, workspace.id, "receipt", now=NOW)
    assert (row.number, policy) == (1, Policy())
    assert current_policy(session, workspace.id, "receipt", now=NOW)[0].id == row.id
    assert len(session.exec(select(PolicyVersion)).all()) == 1


def test_a_saved_policy_is_the_next_version_and_the_old_one_stays(session: Session, workspace: Workspace):
    first, _ = current_policy(session, workspace.id, "receipt", now=NOW)
    saved = save_policy(session, workspace.id, "receipt", Policy(cap=3), actor="me", now=NOW)
    assert saved.number == 2
    assert current_policy(session, workspace.id, "receipt", now=NOW)[1].cap == 3
    assert pinned_policy(session, first.id, workspace.id, "receipt", now=NOW).cap == 5
    assert pinned_policy(session, None, workspace.id, "receipt", now=NOW).cap == 3


def test_a_single_operator_is_never_audited():
    assert Policy(single_operator=True).rate(Route.ACCEPT) == 0.0
    assert Policy(single_operator=True).rule_of("total") == "single"


def test_a_field_may_have_a_rule_of_its_own():
    policy = Policy(fields={"kind": FieldPolicy(rule="dawid_skene")})
    assert (policy.rule_of("kind"), policy.rule_of("total")) == ("dawid_skene", "one_coin")


@pytest.mark.parametrize("wrong", [{"cap": 0}, {"posterior": 1.0}, {"unknown": 1}, {"audit_rate": {"accept": 2}}])
def test_nonsense_is_refused(wrong):
    with pytest.raises(ValidationError):
        Policy(**wrong)


def test_a_version_of_before_loads_with_its_values_in_force(session: Session, workspace: Workspace):
    """Constants were knobs once: what a stored version says of them is what its documents are worked by."""
    stored = Policy().model_dump(mode="json") | {
        "posterior": 0.99,
        "people_most": 0.002,
        "required_fields_reviewed": False,
    }
    row, _ = current_policy(session, workspace.id, "receipt", now=NOW)
    row.policy = stored
    session.flush()
    policy = pinned_policy(session, row.id, workspace.id, "receipt", now=NOW)
    assert policy.model_dump(mode="json") == stored
    assert policy.machine_target(0.02) == pytest.approx(0.018)
    kept = save_policy(session, workspace.id, "receipt", policy.model_copy(update={"cap": 3}), actor="test", now=NOW)
    assert (kept.policy["posterior"], kept.policy["cap"]) == (0.99, 3)
