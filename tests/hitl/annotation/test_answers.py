"""Answers: taken exactly once, refused with a sentence, normalised, and undone while nothing depends on them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import ValidationError
from sqlmodel import Session, select

from extractor.kinds import AmbiguousValue
from hitl import pipeline
from hitl.annotation.answers import (
    AlreadyAnswered,
    AnswerInput,
    LeaseLost,
    NotYours,
    TooLateToUndo,
    WorkWithdrawn,
    undo,
)
from hitl.annotation.tasks import hand_out
from hitl.platform import db
from hitl.work.queue_rows import withdraw_all
from hitl.work.typed import Unparseable
from models.states import TaskState
from models.tables import Answer, Document, Release, Task, User, Workspace
from tests import factories
from tests.factories import NOW
from tests.hitl.crowd import answer, create_people, create_read_document, set_policy, start, verdict, work_off

TRUTH = {"vendor": "ACME LTD", "date": "2026-01-31", "total": "12.50"}


@pytest.fixture
def people(session: Session, workspace: Workspace) -> list[User]:
    set_policy(session, workspace)
    return create_people(session, workspace, 3)


@pytest.fixture
def document(session: Session, workspace: Workspace, people: list[User]) -> Document:
    document = create_read_document(session, workspace)
    start(session, document)
    return document


def take(session: Session, person: User, field: str = "total") -> Task:
    return hand_out(session, person, now=NOW, field=field)[0]


def test_the_same_key_twice_is_one_answer(session: Session, people: list[User], document: Document):
    task = take(session, people[0])
    token = task.lease_token or ""
    said = AnswerInput(value="12.50", idempotency_key="once")
    first = pipeline.take_answer(session, task.id, people[0], token, said, now=NOW)
    second = pipeline.take_answer(session, task.id, people[0], token, said, now=NOW)
    assert (first.answer_id, first.is_repeat, second.is_repeat) == (second.answer_id, False, True)
    assert len(session.exec(select(Answer)).all()) == 1


def test_a_key_of_somebody_else_is_refused(session: Session, people: list[User], document: Document):
    answer(session, people[0], take(session, people[0]), "12.50", idempotency_key="mine")
    with pytest.raises(NotYours):
        answer(session, people[1], take(session, people[1], "date"), "2026-01-31", idempotency_key="mine")


def test_refusals(session: Session, people: list[User], document: Document):
    task = take(session, people[0])
    with pytest.raises(NotYours):
        answer(session, people[1], task, "12.50")
    with pytest.raises(LeaseLost) as lost:
        pipeline.take_answer(session, task.id, people[0], "stale", AnswerInput(value="1", idempotency_key="x"), now=NOW)
    assert "next" in lost.value.next_step
    answer(session, people[0], task, "12.50")
    with pytest.raises(AlreadyAnswered):
        answer(session, people[0], task, "12.50")
    with pytest.raises(WorkWithdrawn):
        pipeline.take_answer(session, "tsk_none", people[0], "", AnswerInput(value="1", idempotency_key="y"), now=NOW)


def test_work_of_a_cancelled_document_is_refused(session: Session, people: list[User], document: Document):
    task = take(session, people[0])
    token = task.lease_token or ""
    withdraw_all(session, document, why="cancelled", actor="me", now=NOW)
    with pytest.raises(WorkWithdrawn):
        pipeline.take_answer(
            session, task.id, people[0], token, AnswerInput(value="1.00", idempotency_key="z"), now=NOW
        )


def test_what_cannot_be_parsed_is_told_and_the_task_stays(session: Session, people: list[User], document: Document):
    task = take(session, people[0])
    with pytest.raises(Unparseable, match="cannot be read as money") as refused:
        answer(session, people[0], task, "twelve")
    assert "illegible" in refused.value.next_step
    assert task.state == TaskState.LEASED
    answer(session, people[0], task, "12.50")


GERMAN = factories.a_type().model_copy(update={"name": "quittung", "decimal_mark": ",", "currency": "EUR"})


def test_an_amount_is_parsed_once_and_two_people_agree_on_what_is_printed(
    session: Session, workspace: Workspace, people: list[User]
):
    document = create_read_document(session, workspace, {"total": ("12.50", 0.4)}, GERMAN)
    set_policy(session, workspace, "quittung")
    start(session, document)
    for person, typed in zip(people, ("12,50", "12.50"), strict=False):
        task = take(session, person, field="total")
        answer(session, person, task, typed)
    assert [row.value for row in session.exec(select(Answer)) if row.text in ("12,50", "12.50")] == ["12.50", "12.50"]


def test_what_may_mean_two_values_is_asked_about(session: Session, people: list[User], document: Document):
    task = take(session, people[0], field="total")
    token = task.lease_token or ""
    typed = AnswerInput(value="1.234", idempotency_key="a")
    with pytest.raises(AmbiguousValue, match="may mean") as asked:
        pipeline.take_answer(session, task.id, people[0], token, typed, now=NOW)
    assert asked.value.readings == ("1.234", "1234.00")
    wrong = typed.model_copy(update={"meant": "12.34"})
    with pytest.raises(AmbiguousValue):
        pipeline.take_answer(session, task.id, people[0], token, wrong, now=NOW)
    pipeline.take_answer(session, task.id, people[0], token, typed.model_copy(update={"meant": "1234.00"}), now=NOW)
    assert session.exec(select(Answer)).one().value == "1234.00"


@pytest.mark.parametrize(
    ("field", "typed", "stored"),
    [("total", "$ 1,212.50", "1212.50"), ("date", "31.01.2026", "2026-01-31"), ("vendor", " Acme   Ltd ", "Acme Ltd")],
)
def test_what_is_typed_is_normalised_by_kind(
    session: Session, people: list[User], document: Document, field: str, typed: str, stored: str
):
    answer(session, people[0], take(session, people[0], field), typed)
    row = session.exec(select(Answer)).one()
    assert (row.value, row.text) == (stored, typed)


def test_names_are_the_same_whatever_their_case(session: Session, people: list[User], document: Document):
    answer(session, people[0], take(session, people[0], "vendor"), "Acme Ltd.")
    agreed = verdict(session, document, "vendor")
    assert (agreed.state, agreed.value) == ("agreed", "Acme Ltd.")  # as a person spelled it


@pytest.mark.parametrize("wrong", [{}, {"value": ""}, {"value_state": "not_found"}, {"value": "1", "source": "guess"}])
def test_an_answer_must_say_something(wrong):
    with pytest.raises(ValidationError):
        AnswerInput(idempotency_key="k", **wrong)


def test_a_skip_is_an_answer_that_says_nothing(session: Session, people: list[User], document: Document):
    task = take(session, people[0])
    told = answer(session, people[0], task, ".found", skip_reason="stamp over it")
    assert told.answer_id is None
    assert verdict(session, document, "total").state == "pending"
    assert hand_out(session, people[0], now=NOW, field="total") == []


def test_illegible_takes_two_and_is_released_as_an_exception(session: Session, people: list[User], document: Document):
    said = TRUTH | {"total": ".illegible"}
    work_off(session, people[0], said)
    assert document.state == "in_review"
    work_off(session, people[1], said)
    assert document.state == "released"
    assert document.exceptions[0]["code"] == "illegible"
    assert verdict(session, document, "total").value is None


def test_an_answer_can_be_undone_and_given_again(session: Session, people: list[User], document: Document):
    task = take(session, people[0])
    told = answer(session, people[0], task, "72.50")
    assert len(session.exec(select(Task).where(Task.field == "total")).all()) == 2  # a mismatch: the next is asked
    again = undo(session, told.answer_id or "", people[0], now=NOW)
    assert (again.id, again.leased_to) == (task.id, people[0].id)
    states = session.exec(select(Task.state).where(Task.field == "total")).all()
    assert sorted(states) == ["leased", "withdrawn"]
    answer(session, people[0], again, "12.50")
    assert verdict(session, document, "total").value == "12.50"


def test_an_agreement_can_be_undone_before_the_release(session: Session, people: list[User], document: Document):
    told = answer(session, people[0], take(session, people[0]), "12.50")
    assert verdict(session, document, "total").state == "agreed"
    undo(session, told.answer_id or "", people[0], now=NOW)
    total = verdict(session, document, "total")
    assert (total.state, total.value) == ("pending", None)


def test_it_is_too_late_once_something_depends_on_it(session: Session, people: list[User], document: Document):
    told = answer(session, people[0], take(session, people[0]), "72.50")
    take(session, people[1])
    with pytest.raises(TooLateToUndo, match="next person"):
        undo(session, told.answer_id or "", people[0], now=NOW)
    with pytest.raises(NotYours):
        undo(session, told.answer_id or "", people[1], now=NOW)


def test_it_is_too_late_after_the_release(session: Session, people: list[User], document: Document):
    work_off(session, people[0], TRUTH)
    last = session.exec(select(Answer)).all()[-1]
    with pytest.raises(TooLateToUndo, match="released"):
        undo(session, last.id, people[0], now=NOW)


def test_two_answers_at_once_are_taken_one_after_the_other(session: Session, workspace: Workspace, people: list[User]):
    readings = dict.fromkeys(TRUTH, (None, 0.0))
    document = create_read_document(session, workspace, readings)  # nothing found: two people a field
    start(session, document)
    held = {person.id: hand_out(session, person, now=NOW, count=3) for person in people[:2]}
    assert [len(tasks) for tasks in held.values()] == [3, 3]
    given = [(task.id, user_id, task.lease_token, task.field) for user_id, got in held.items() for task in got]
    session.commit()

    def send(task_id: str, user_id: str, token: str, field: str) -> None:
        with Session(db.engine()) as own:
            said = AnswerInput(value=TRUTH[field], idempotency_key=task_id)
            pipeline.take_answer(own, task_id, own.get_one(User, user_id), token, said, now=NOW)
            own.commit()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda arguments: send(*arguments), given))
    session.expire_all()
    assert document.state == "released"
    assert len(session.exec(select(Release)).all()) == 1
