"""Who may key, audit or review what."""

from __future__ import annotations

import pytest
from sqlmodel import Session

from hitl.people.eligible import barred_from, has_seen, keyers, keyers_left, reviewers
from models.states import Role
from models.tables import Answer, Review, User, Workspace
from tests import factories
from tests.factories import NOW


@pytest.fixture
def people(session: Session, workspace: Workspace) -> dict[str, User]:
    """Validators who may work, rest or are gone; a reviewer, a manager, and somebody of another workspace."""
    elsewhere = factories.create_workspace(session)
    made = {
        "vera": (workspace, Role.VALIDATOR, {}),
        "trained": (workspace, Role.VALIDATOR, {"trained_kinds": ["money"]}),
        "paused": (workspace, Role.VALIDATOR, {"paused_reason": "too fast"}),
        "gone": (workspace, Role.VALIDATOR, {"active": False}),
        "rita": (workspace, Role.REVIEWER, {}),
        "mona": (workspace, Role.MANAGER, {}),
        "stranger": (elsewhere, Role.VALIDATOR, {}),
    }
    return {name: factories.create_user(session, at, role, **columns) for name, (at, role, columns) in made.items()}


def names(people: dict[str, User], ids: set[str]) -> set[str]:
    return {name for name, user in people.items() if user.id in ids}


def test_active_validators_key(session: Session, workspace: Workspace, people: dict[str, User]):
    assert names(people, keyers(session, workspace.id, "money")) == {"vera", "trained"}


def test_where_an_exam_is_asked_only_the_trained_key(session: Session, workspace: Workspace, people: dict[str, User]):
    workspace.settings = {"exam_required": True}
    session.flush()
    assert names(people, keyers(session, workspace.id, "money")) == {"trained"}
    assert names(people, keyers(session, workspace.id, "date")) == set()


def test_without_validators_everybody_keys(session: Session, workspace: Workspace, people: dict[str, User]):
    for name in ("vera", "trained", "paused"):
        people[name].active = False
    session.flush()
    assert names(people, keyers(session, workspace.id, "money")) == {"rita", "mona"}


def test_reviewers_are_of_the_level_or_above(session: Session, workspace: Workspace, people: dict[str, User]):
    assert names(people, reviewers(session, workspace.id, 2)) == {"rita", "mona"}
    assert names(people, reviewers(session, workspace.id, 3)) == {"mona"}
    assert names(people, reviewers(session, workspace.id, 2, {people["mona"].id})) == {"rita"}


def test_who_answered_or_is_at_it_is_asked_no_more(session: Session, workspace: Workspace, people: dict[str, User]):
    document = factories.create_document(session, workspace)
    verdict = factories.create_verdict(session, document)
    answer(session, people["vera"], factories.create_task(session, verdict, state="answered").id, document.id)
    factories.create_task(session, verdict, state="leased", leased_to=people["rita"].id)
    assert names(people, has_seen(session, document.id, "total")) == {"vera", "rita"}
    assert has_seen(session, document.id, "date") == set()
    assert names(people, keyers_left(session, workspace.id, document.id, "total", "money")) == {"trained"}


def test_what_was_taken_back_counts_as_not_seen(session: Session, workspace: Workspace, people: dict[str, User]):
    document = factories.create_document(session, workspace)
    task = factories.create_task(session, factories.create_verdict(session, document), state="open")
    answer(session, people["vera"], task.id, document.id, undone_at=NOW)
    assert has_seen(session, document.id, "total") == set()


def test_nobody_decides_on_their_own_answer_or_their_own_decision(
    session: Session, workspace: Workspace, people: dict[str, User]
):
    document = factories.create_document(session, workspace)
    verdict = factories.create_verdict(session, document)
    answer(session, people["rita"], factories.create_task(session, verdict, state="answered").id, document.id)
    common = {"workspace_id": workspace.id, "document_id": document.id, "verdict_id": verdict.id, "created_at": NOW}
    factories.save(session, Review(
        **common, reason="contested", state="escalated", decided_by=people["mona"].id,
    ))  # fmt: skip
    review = factories.save(session, Review(**common, reason="escalated", level=3))
    assert names(people, barred_from(session, review, "total")) == {"rita", "mona"}
    assert names(people, barred_from(session, review, "date")) == {"mona"}
    assert names(people, barred_from(session, review, None)) == {"rita", "mona"}


def answer(session: Session, user: User, task_id: str, document_id: str, **columns: object) -> None:
    factories.save(session, Answer(
        workspace_id=user.workspace_id, task_id=task_id, document_id=document_id, user_id=user.id,
        idempotency_key=f"{user.id}{task_id}", value_state="found", value="1", created_at=NOW, **columns,
    ))  # fmt: skip
