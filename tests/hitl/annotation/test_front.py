"""The front of the queue: the same tasks in the same order as by looking at all of them, at the cost of a few."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from sqlmodel import Session, col, insert, select

from hitl.annotation import front
from hitl.annotation.tasks import hand_out, mark_pressing
from models.states import TaskState
from models.tables import Answer, Document, Task, User, Workspace
from tests import factories
from tests.factories import NOW
from tests.hitl.annotation.test_tasks import nodes, statements_of
from tests.hitl.crowd import create_people

FIELDS = {"vendor": "name", "date": "date", "total": "money"}


def fill(session: Session, workspace: Workspace, user: User, rng: np.random.Generator, documents: int) -> list[Task]:
    """Open tasks of all priorities, dues and ages; of some fields the person has answered another task already."""
    for _ in range(documents):
        priority, hours = int(rng.integers(0, 3)), float(rng.choice([-1, 0.5, 30, np.nan]))
        due = None if np.isnan(hours) else NOW + timedelta(hours=hours)
        held = "look" if rng.random() < 0.1 else None
        document = factories.create_document(session, workspace, state="in_review", held_reason=held)
        for field, kind in FIELDS.items():
            verdict = factories.create_verdict(session, document, field, kind=kind)
            made = NOW - timedelta(minutes=int(rng.integers(0, 600)))
            personal = user.id if rng.random() < 0.02 else None
            wanted = {"priority": priority, "due_at": due, "created_at": made}
            factories.create_task(session, verdict, for_user_id=personal, **wanted)
            if rng.random() < 0.3:
                say(session, factories.create_task(session, verdict, state="answered"), user)
            elif personal is None and rng.random() < 0.2:
                factories.create_task(session, verdict, **wanted)
    session.commit()
    while mark_pressing(session, now=NOW):
        session.commit()
    return list(session.exec(select(Task).where(Task.state == TaskState.OPEN.value)).all())


def say(session: Session, task: Task, user: User) -> None:
    about = {"workspace_id": task.workspace_id, "task_id": task.id, "document_id": task.document_id}
    given = {"user_id": user.id, "idempotency_key": task.id, "value_state": "absent", "created_at": NOW}
    factories.save(session, Answer(**about, **given))


def by_looking_at_all(session: Session, tasks: list[Task], asked: dict[str, Any]) -> list[str]:
    """The rules, said the slow way."""
    answered = session.exec(select(Task).join(Answer, col(Answer.task_id) == col(Task.id))).all()
    had = {(task.document_id, task.field) for task in answered}
    held = set(session.exec(select(Document.id).where(col(Document.held_reason).is_not(None))).all())

    def key(task: Task) -> tuple[Any, ...]:
        is_due = task.due_at is not None and task.due_at < NOW + timedelta(hours=1)
        presses = is_due or task.created_at < NOW - timedelta(hours=4)
        first = (task.for_user_id is None, -task.priority, not presses, task.field != asked["batch"])
        return (*first, task.due_at is None, task.due_at or NOW, task.created_at, task.id)

    found: dict[tuple[str, str], str] = {}
    for task in sorted(tasks, key=key):
        is_allowed = asked["trained"] is None or task.kind in asked["trained"] or task.for_user_id
        is_wanted = (asked["kinds"] is None or task.kind in asked["kinds"]) and asked["field"] in (None, task.field)
        place = (task.document_id, task.field)
        if is_allowed and is_wanted and place not in had and place[0] not in held:
            found.setdefault(place, task.id)
    return list(found.values())


def questions() -> Iterator[dict[str, Any]]:
    anything: dict[str, Any] = dict.fromkeys(("kinds", "trained", "field", "batch", "purposes")) | {"cap": 1.0}
    yield anything
    yield anything | {"batch": "total"}
    yield anything | {"batch": "date", "field": "date"}
    yield anything | {"batch": "total", "kinds": ["name", "date"]}
    yield anything | {"batch": "vendor", "trained": ["money"]}
    yield anything | {"kinds": ["money", "date"], "trained": ["date", "name"]}


@pytest.mark.parametrize("walk", [2, front.FIRST_WALK])
def test_the_best_are_those_that_looking_at_all_would_find(
    session: Session, workspace: Workspace, walk: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(front, "FIRST_WALK", walk)
    monkeypatch.setattr(front, "PIECES", (2 * walk, 4 * walk))
    user = create_people(session, workspace, 1)[0]
    tasks = fill(session, workspace, user, np.random.default_rng(7), 60)
    for question in questions():
        asked = question | {"workspace": workspace.id, "user": user.id}
        expected = by_looking_at_all(session, tasks, asked)
        found = front.Walk(session, asked, None, now=NOW).choose(2)
        session.rollback()
        assert found, question
        assert found == expected[: len(found)], question


def test_who_may_have_none_of_the_first_gets_what_comes_after(session: Session, workspace: Workspace):
    user, other = create_people(session, workspace, 2)
    for number in range(100):
        document = factories.create_document(session, workspace, state="in_review")
        verdict = factories.create_verdict(session, document)
        factories.create_task(session, verdict, created_at=NOW + timedelta(seconds=number))
        if number < 90:
            say(session, factories.create_task(session, verdict, state="answered"), user)
    session.commit()
    assert len(hand_out(session, user, now=NOW, count=20)) == 10
    assert hand_out(session, user, now=NOW) == []
    assert len(hand_out(session, other, now=NOW, count=20)) == 20


def line_up(session: Session, workspace: Workspace, user: User, count: int, barred: int) -> list[Task]:
    """Open tasks one after the other; the first are of fields that the person answered."""
    tasks = []
    for number in range(count):
        verdict = factories.create_verdict(session, factories.create_document(session, workspace, state="in_review"))
        tasks.append(factories.create_task(session, verdict, created_at=NOW + timedelta(seconds=number)))
        if number < barred:
            say(session, factories.create_task(session, verdict, state="answered"), user)
    session.commit()
    return tasks


def test_who_was_barred_from_many_goes_on_from_there(
    session: Session, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(front, "FIRST_WALK", 4)
    monkeypatch.setattr(front, "PIECES", (8, 8))
    user = create_people(session, workspace, 1)[0]
    tasks = line_up(session, workspace, user, 60, barred=50)
    looks = statements_of(session, lambda: hand_out(session, user, now=NOW), "fit AS")
    assert len(looks) >= 50 // 8
    session.commit()
    handed: list[Task] = []
    assert statements_of(session, lambda: handed.extend(hand_out(session, user, now=NOW)), "fit AS") == []
    assert [task.id for task in handed] == [tasks[51].id]
    urgent = factories.create_verdict(session, factories.create_document(session, workspace, state="in_review"))
    first = factories.create_task(session, urgent, priority=1)
    assert hand_out(session, user, now=NOW)[0].id == first.id

    session.exec(select(Answer).where(Answer.document_id == tasks[30].document_id)).one().undone_at = NOW
    assert hand_out(session, user, now=NOW)[0].id == tasks[52].id
    assert hand_out(session, user, now=NOW + front.KEPT)[0].id == tasks[30].id


def test_nothing_is_left_only_if_nothing_is(session: Session, workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(front, "FIRST_WALK", 4)
    monkeypatch.setattr(front, "PIECES", (8, 8))
    monkeypatch.setattr(front, "LOOKED_AT_MOST", 16)
    user = create_people(session, workspace, 1)[0]
    tasks = line_up(session, workspace, user, 41, barred=40)
    answers = []
    while not (handed := hand_out(session, user, now=NOW)):
        answers.append(handed.is_unfinished)
        session.commit()
    assert [task.id for task in handed] == [tasks[40].id]
    assert answers == [True, True]
    end = None
    while end is None or end.is_unfinished:
        end = hand_out(session, user, now=NOW)
        session.commit()
    assert end == []
    session.exec(select(Answer).where(Answer.document_id == tasks[7].document_id)).one().undone_at = NOW
    session.commit()
    found = None
    while found is None or found.is_unfinished:
        found = hand_out(session, user, now=NOW)
        session.commit()
    assert [task.id for task in found] == [tasks[7].id]


def test_a_lease_reads_the_front_of_an_index_whatever_is_open(session: Session, workspace: Workspace):
    user = create_people(session, workspace, 1)[0]
    document = factories.create_document(session, workspace, state="in_review")
    columns = {"workspace_id": workspace.id, "document_id": document.id, "purpose": "review", "created_at": NOW}
    open_tasks = [columns | {"kind": "money", "field": f"f{number}"} for number in range(5000)]
    session.execute(insert(Task), open_tasks)
    session.commit()
    session.connection().exec_driver_sql("ANALYZE task")
    session.commit()
    for narrowed in ({}, {"field": "f77"}, {"kinds": ["money"]}):
        asked = statements_of(session, lambda n=narrowed: hand_out(session, user, now=NOW, **n), "SKIP LOCKED")
        session.rollback()
        assert len(asked) == 1
        statement, parameters = asked[0]
        explained = session.connection().exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
        plan = nodes(explained.scalar_one()[0]["Plan"])
        walks = [node for node in plan if str(node.get("Index Name", "")).startswith("task_front")]
        assert walks, narrowed
        assert all(node["Actual Rows"] <= front.FIRST_WALK for node in walks)
        assert not [node for node in plan if node["Node Type"] == "Seq Scan" and node.get("Relation Name") == "task"]
