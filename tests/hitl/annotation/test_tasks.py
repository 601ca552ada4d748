"""Handing out: one person one task, leases that end, batches of one field, exposure, and who is asked at all."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import Session, insert, select

from hitl import pipeline
from hitl.annotation.answers import AnswerInput, LeaseLost, NotYours
from hitl.annotation.queue import queue_summary
from hitl.annotation.tasks import expire_leases, hand_back, hand_out, take_up_again
from hitl.platform import db
from hitl.settings import settings
from models.states import Role, TaskState
from models.tables import Event, Exposure, Review, Task, User, Workspace
from tests.factories import NOW, a_type, create_document
from tests.hitl.crowd import answer, create_people, create_read_document, set_policy, start, work_off

LATER = NOW + timedelta(seconds=settings().lease_seconds + 1)
TRUTH = {"vendor": "ACME LTD", "date": "2026-01-31", "total": "12.50"}


@pytest.fixture
def people(session: Session, workspace: Workspace) -> list[User]:
    set_policy(session, workspace)
    return create_people(session, workspace, 3)


def test_a_task_is_handed_to_one_person_only(session: Session, workspace: Workspace, people: list[User]):
    start(session, create_read_document(session, workspace))
    mine = {t.id for t in hand_out(session, people[0], now=NOW, count=2)}
    yours = {t.id for t in hand_out(session, people[1], now=NOW, count=5)}
    assert (len(mine), len(yours)) == (2, 1)
    assert not mine & yours
    assert hand_out(session, people[2], now=NOW) == []


def test_many_at_once_never_get_the_same_task(session: Session, workspace: Workspace):
    set_policy(session, workspace)
    people = create_people(session, workspace, 4)
    for _ in range(4):
        start(session, create_read_document(session, workspace))
    session.commit()

    def take_all(person: User) -> list[str]:
        taken: list[str] = []
        while True:
            with Session(db.engine()) as own:
                tasks = [task.id for task in hand_out(own, own.get_one(User, person.id), now=NOW, count=2)]
                own.commit()
            if not tasks:
                return taken
            taken += tasks

    with ThreadPoolExecutor(4) as pool:
        taken = [task_id for ids in pool.map(take_all, people) for task_id in ids]
    assert len(taken) == len(set(taken)) == 12


def test_the_same_field_of_a_document_never_comes_twice(session: Session, workspace: Workspace, people: list[User]):
    document = create_read_document(session, workspace, {"total": (None, 0.0)})
    start(session, document)  # nothing found: two tasks a field
    assert session.exec(select(Task).where(Task.field == "total")).all().__len__() == 2
    got = hand_out(session, people[0], now=NOW, count=10)
    assert sorted(t.field for t in got) == ["date", "total", "vendor"]
    assert hand_out(session, people[0], now=NOW, count=10) == []


def test_a_lease_that_ran_out_goes_back_and_is_still_its_last_holders_to_take_up(
    session: Session, workspace: Workspace, people: list[User]
):
    start(session, create_read_document(session, workspace, {"total": ("12.50", 0.9)}))
    task = hand_out(session, people[0], now=NOW, field="total")[0]
    old = task.lease_token or ""
    expire_leases(session, now=LATER)
    assert not take_up_again(session, task, people[1], old, now=LATER)  # who never had it
    assert take_up_again(session, task, people[0], old, now=LATER)
    assert (task.state, task.leased_to) == ("leased", people[0].id)
    assert (task.lease_until or LATER) > LATER
    expire_leases(session, now=LATER + timedelta(hours=1))
    late = AnswerInput(value="12.50", idempotency_key="late")
    assert pipeline.take_answer(session, task.id, people[0], old, late, now=LATER + timedelta(hours=2)).answer_id


def test_a_lease_that_ran_out_and_was_taken_by_another_is_lost(
    session: Session, workspace: Workspace, people: list[User]
):
    start(session, create_read_document(session, workspace, {"total": ("12.50", 0.9)}))
    task = hand_out(session, people[0], now=NOW, field="total")[0]
    old = task.lease_token or ""
    expire_leases(session, now=LATER)
    hand_out(session, people[1], now=LATER, field="total")
    assert not take_up_again(session, task, people[0], old, now=LATER)
    late = AnswerInput(value="12.50", idempotency_key="late")
    with pytest.raises(NotYours, match="taken by another person"):
        pipeline.take_answer(session, task.id, people[0], old, late, now=LATER)


def test_who_skipped_a_task_or_is_paused_does_not_take_it_up_again(
    session: Session, workspace: Workspace, people: list[User]
):
    start(session, create_read_document(session, workspace))
    for person, why in ((people[0], "language"), (people[1], "")):
        task = hand_out(session, person, now=NOW, field="total")[0]
        token = task.lease_token or ""
        hand_back(session, task, person, token, why, now=NOW)
        person.paused_reason = None if why else "a break"
        assert not take_up_again(session, task, person, token, now=NOW)


def test_an_old_token_is_dead_once_the_task_was_handed_out_again(
    session: Session, workspace: Workspace, people: list[User]
):
    start(session, create_read_document(session, workspace, {"total": ("12.50", 0.9)}))
    task = hand_out(session, people[0], now=NOW, field="total")[0]
    old = task.lease_token or ""
    assert expire_leases(session, now=NOW) == 0
    assert expire_leases(session, now=LATER) == 1
    late = AnswerInput(value="12.50", idempotency_key="late")
    assert hand_out(session, people[0], now=LATER, field="total")[0].id == task.id
    with pytest.raises(LeaseLost):  # the same person, but a new lease: the page that still has the old one is told
        pipeline.take_answer(session, task.id, people[0], old, late, now=LATER)


def test_a_late_answer_counts_while_nobody_else_has_the_task(
    session: Session, workspace: Workspace, people: list[User]
):
    start(session, create_read_document(session, workspace))
    task = hand_out(session, people[0], now=NOW)[0]
    assert answer(session, people[0], task, TRUTH[task.field], now=LATER).answer_id


def test_batches_are_of_one_field(session: Session, workspace: Workspace, people: list[User]):
    for minute in range(4):
        start(session, create_read_document(session, workspace), now=NOW + timedelta(minutes=minute))
    first = hand_out(session, people[0], now=NOW)[0]
    answer(session, people[0], first, TRUTH[first.field])
    following = hand_out(session, people[0], now=NOW, count=3)
    assert {t.field for t in following} == {first.field}


def test_priority_and_due_time_go_before_the_batch(session: Session, workspace: Workspace, people: list[User]):
    start(session, create_read_document(session, workspace))
    first = hand_out(session, people[0], now=NOW)[0]
    answer(session, people[0], first, TRUTH[first.field])
    soon = create_read_document(session, workspace, due_at=NOW + timedelta(minutes=10))
    high = create_read_document(session, workspace, priority=5)
    start(session, soon)
    start(session, high)
    order = [t.document_id for t in hand_out(session, people[0], now=NOW, count=8)]
    assert order[:6] == [high.id] * 3 + [soon.id] * 3


def test_kinds_can_be_chosen(session: Session, workspace: Workspace, people: list[User]):
    start(session, create_read_document(session, workspace))
    assert [t.field for t in hand_out(session, people[0], now=NOW, count=5, kinds=["money"])] == ["total"]
    assert hand_out(session, people[0], now=NOW, kinds=["checkbox"]) == []


def test_who_is_paused_gets_nothing(session: Session, workspace: Workspace, people: list[User]):
    start(session, create_read_document(session, workspace))
    people[0].paused_reason = "too many errors"
    assert hand_out(session, people[0], now=NOW) == []


def test_a_held_document_waits(session: Session, workspace: Workspace, people: list[User]):
    document = create_read_document(session, workspace, held_reason="check the stamp")
    start(session, document)
    assert hand_out(session, people[0], now=NOW) == []
    reasons = [row["reason"] for row in queue_summary(session, workspace.id, now=NOW)["blocked"]]
    assert reasons == ["check the stamp"]


def test_nobody_sees_more_of_a_document_than_the_cap(session: Session, workspace: Workspace, people: list[User]):
    workspace.settings = {"exposure_cap": 0.5}
    fields = {f"f{i}": "line" for i in range(5)}
    spec = a_type("form", **fields)
    document = create_read_document(session, workspace, dict.fromkeys(fields, ("x", 0.9)), spec)
    set_policy(session, workspace, "form")
    start(session, document)
    assert work_off(session, people[0], dict.fromkeys(fields, "x")) == 3  # of six decisions, the type is one
    seen = session.exec(select(Exposure).where(Exposure.user_id == people[0].id)).one()
    assert len(seen.fields) == 3


def test_who_skips_is_not_asked_again_and_the_next_one_is(session: Session, workspace: Workspace, people: list[User]):
    start(session, create_read_document(session, workspace))
    task = hand_out(session, people[0], now=NOW, field="total")[0]
    hand_back(session, task, people[0], task.lease_token or "", "cannot judge", now=NOW)
    assert task.state == TaskState.OPEN
    assert hand_out(session, people[0], now=NOW, field="total") == []
    assert hand_out(session, people[1], now=NOW, field="total")[0].id == task.id


def test_closing_the_browser_is_no_skip(session: Session, workspace: Workspace, people: list[User]):
    start(session, create_read_document(session, workspace))
    task = hand_out(session, people[0], now=NOW, field="total")[0]
    hand_back(session, task, people[0], task.lease_token or "", "", now=NOW)
    assert hand_out(session, people[0], now=NOW, field="total")[0].id == task.id


def test_what_all_have_skipped_goes_to_level_two(session: Session, workspace: Workspace, people: list[User]):
    start(session, create_read_document(session, workspace))
    for person in people:
        task = hand_out(session, person, now=NOW, field="total")[0]
        hand_back(session, task, person, task.lease_token or "", "cannot judge", now=NOW)
    review = session.exec(select(Review)).one()
    assert review.reason == "exhausted"
    blocked = queue_summary(session, workspace.id, now=NOW)["blocked"]
    assert [row["review_id"] for row in blocked] == [review.id]
    create_people(session, workspace, 1, Role.REVIEWER)
    assert queue_summary(session, workspace.id, now=NOW)["blocked"] == []


def test_without_validators_everybody_keys_and_with_nobody_work_waits(session: Session, workspace: Workspace):
    set_policy(session, workspace)
    document = create_read_document(session, workspace)
    start(session, document)
    summary = queue_summary(session, workspace.id, now=NOW)
    assert summary["tasks"]["open"] == 3
    assert len(summary["blocked"]) == 3
    admin = create_people(session, workspace, 1, Role.ADMIN)[0]
    assert queue_summary(session, workspace.id, now=NOW)["blocked"] == []
    assert work_off(session, admin, TRUTH) == 3
    assert document.state == "released"


def test_every_lease_is_on_record(session: Session, workspace: Workspace, people: list[User]):
    start(session, create_read_document(session, workspace))
    hand_out(session, people[0], now=NOW, count=2)
    leased = session.exec(select(Event).where(Event.action == "task.leased")).all()
    assert [event.actor for event in leased] == [people[0].id] * 2


def test_no_step_of_handing_out_is_repeated_for_every_open_task(
    session: Session, workspace: Workspace, people: list[User]
):
    """2,000 open tasks cost one pass over the queue, not a search for each."""
    columns = {"workspace_id": workspace.id, "kind": "line", "purpose": "review", "state": "open", "created_at": NOW}
    for _ in range(10):
        document = create_document(session, workspace, state="in_review")
        fields = [f"f{number // 2}" for number in range(200)]  # two answers wanted of each
        session.execute(insert(Task), [columns | {"document_id": document.id, "field": field} for field in fields])
    session.commit()
    asked, *_ = statements_of(session, lambda: hand_out(session, people[0], now=NOW, count=4), "SKIP LOCKED")
    explained = session.connection().exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {asked[0]}", asked[1])
    plan = explained.scalar_one()[0]["Plan"]
    assert max(node["Actual Loops"] for node in nodes(plan)) <= 32 + 32  # the length of the walks
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 1000


def statements_of(session: Session, action: Callable[[], object], holding: str) -> list[tuple[str, Any]]:
    """The statements that `action` sends and that hold this text, with their parameters."""
    sent: list[tuple[str, Any]] = []

    def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", keep)
    try:
        action()
    finally:
        event.remove(engine, "before_cursor_execute", keep)
    return [one for one in sent if holding in one[0]]


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for part in plan.get("Plans", []) for node in nodes(part))]
