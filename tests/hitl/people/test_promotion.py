"""Ranks by the 75th percentile of error and by speed, proposals, and the manager who confirms them."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlmodel import Session

from hitl.people.promotion import FEWEST, NotAManager, NotProposed, confirm, error_75, proposals, rank, standings
from models.states import Role
from models.tables import Answer, User, Workspace
from tests import factories
from tests.factories import NOW
from tests.hitl.crowd import create_people


def work(errors: int, seconds: float, fields: int = 60) -> list[tuple[str, bool, float]]:
    return [(f"doc{i % 20}", i < errors, seconds) for i in range(fields)]


def test_the_75th_percentile_is_not_flattered_by_easy_batches():
    easy = [(f"doc{i}", False, 1.0) for i in range(10)]
    hard = [(f"hard{i}", i % 2 == 0, 1.0) for i in range(10)]
    assert error_75(easy) == 0.0
    assert error_75(easy + hard) >= 0.25


def test_error_outweighs_speed():
    ranked = {s.user_id: s for s in rank("validator", {"slow_right": work(0, 9.0), "fast_wrong": work(40, 1.0)})}
    assert ranked["slow_right"].score < ranked["fast_wrong"].score
    assert (ranked["slow_right"].error_rank, ranked["slow_right"].speed_rank) == (0.0, 1.0)


def test_ties_share_a_rank():
    ranked = rank("validator", {name: work(0, 3.0) for name in "abc"})
    assert {s.score for s in ranked} == {0.0}


def furnish(session: Session, workspace: Workspace, now: datetime = NOW) -> tuple[list[User], list[User]]:
    """Five validators and five reviewers, each worse and slower than the one before."""
    validators = create_people(session, workspace, 5)
    reviewers = create_people(session, workspace, 5, Role.REVIEWER)
    for level in (validators, reviewers):
        for place, person in enumerate(level):
            for number in range(FEWEST):
                document = factories.create_document(session, workspace)
                verdict = factories.create_verdict(session, document, state="final", value_state="found", value="12.50")
                task = factories.create_task(session, verdict, state="answered")
                wrong = number % 10 < 2 * place
                session.add(
                    Answer(
                        workspace_id=workspace.id, task_id=task.id, document_id=document.id, user_id=person.id,
                        idempotency_key=f"{person.id}{number}", value_state="found",
                        value="1.00" if wrong else "12.50", seconds=3.0 + place, created_at=now,
                    )
                )  # fmt: skip
    session.flush()
    return validators, reviewers


def test_the_best_and_the_last_are_proposed(session: Session, workspace: Workspace):
    validators, reviewers = furnish(session, workspace)
    ranked = [s.user_id for s in standings(session, workspace.id, now=NOW) if s.role == "validator"]
    assert ranked == [person.id for person in validators]
    found = {(p.user_id, p.to_role) for p in proposals(session, workspace.id, now=NOW)}
    assert found == {
        (validators[0].id, Role.REVIEWER),
        (reviewers[0].id, Role.MANAGER),
        (reviewers[4].id, Role.VALIDATOR),
    }


def test_a_manager_confirms_what_is_proposed_and_nobody_promotes_themselves(session: Session, workspace: Workspace):
    validators, _ = furnish(session, workspace)
    best, worse = validators[0], validators[3]
    manager = create_people(session, workspace, 1, Role.MANAGER)[0]
    with pytest.raises(NotAManager):
        confirm(session, best, Role.REVIEWER, best, now=NOW)
    with pytest.raises(NotProposed):
        confirm(session, worse, Role.REVIEWER, manager, now=NOW)
    with pytest.raises(NotProposed):
        confirm(session, best, Role.MANAGER, manager, now=NOW)
    assert confirm(session, best, Role.REVIEWER, manager, now=NOW).role == "reviewer"
