"""Qualification: control tasks of known value (gold), mixed into the tasks of a person and scored; training and exams.

The rate falls with tenure: who is new meets a control task in one of five, an old hand in one of thirty. On the screen
a control task is a task like any other; only training explains.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from extractor.kinds import Locale, canonical
from hitl.aggregate.equality import TYPE_FIELD, token_of
from hitl.annotation.standing import Standing
from hitl.people import skills
from hitl.platform.locks import hold
from hitl.platform.moves import record
from hitl.routing.sampling import draw_number
from hitl.work.queue_rows import OUTSTANDING
from hitl.work.typed import understood
from models.states import DocumentState, TaskPurpose, TaskState
from models.tables import Answer, Document, Example, GoldItem, Task, User
from models.values import ValueState

NEWCOMER_RATE, VETERAN_RATE, FADE = 0.20, 0.03, 30.0
QUESTIONS = 10  # of a training or an exam
PASS_MARK = 0.9


class TooFewGold(Exception):
    """There are not enough gold items of this kind that the person has not seen."""


@dataclass(frozen=True, slots=True)
class ExamResult:
    """How an exam stands. `is_passed` is None until every question is answered."""

    right: int
    answered: int
    asked: int
    is_passed: bool | None


def gold_rate(controls_done: int) -> float:
    """The share of control tasks for somebody who has done so many of them."""
    return VETERAN_RATE + (NEWCOMER_RATE - VETERAN_RATE) * math.exp(-controls_done / FADE)


def add_gold(
    session: Session,
    document: Document,
    field: str,
    kind: str,
    value_state: str,
    value: Any,
    *,
    explanation: str = "",
    actor: str,
    now: datetime,
) -> GoldItem:
    """Make a field whose value is known into a control item. Raises Unparseable, AmbiguousValue."""
    if value_state == "found" and field != TYPE_FIELD:
        value = understood(kind, value, None, Locale())
    item = GoldItem(
        workspace_id=document.workspace_id,
        document_id=document.id,
        field=field,
        kind=kind,
        value_state=value_state,
        value=value,
        explanation=explanation,
        created_at=now,
    )
    session.add(item)
    session.flush()
    record(
        session,
        action="gold.added",
        subject=item.id,
        stream=document.id,
        workspace_id=document.workspace_id,
        actor=actor,
        now=now,
        data={"field": field},
    )
    return item


def harvest(session: Session, workspace_id: str, *, now: datetime, limit: int = 200) -> int:
    """Make gold of what two blind people or a reviewer settled, newest first. Returns how many items were added."""
    held = exists().where(
        col(GoldItem.document_id) == col(Example.document_id), col(GoldItem.field) == col(Example.field)
    )
    examples = session.exec(
        select(Example, Document)
        .join(Document, col(Document.id) == col(Example.document_id))
        .where(
            Example.workspace_id == workspace_id,
            col(Example.independent),
            col(Example.source).in_(["audit", "reviewer"]),
            Document.state != DocumentState.ERASED.value,
            ~held,
        )
        .order_by(col(Example.created_at).desc(), col(Example.id).desc())
        .limit(limit)
    ).all()
    hold(session, *(document.id for _, document in examples))
    newest = {(example.document_id, example.field): (example, document) for example, document in reversed(examples)}
    for example, document in newest.values():
        answer = (example.value_state, canonical(example.value))
        add_gold(session, document, example.field, example.kind, *answer, actor="system:gold", now=now)
    return len(newest)


def is_due(user: User, standing: Standing) -> bool:
    """Whether the next task of `user` is a control task: drawn by keyed hash of the answer that they gave last."""
    if standing.has_control:
        return False
    drawn = draw_number(standing.audit_key, user.id, f"gold\n{standing.last_answer}", 0)
    return drawn < gold_rate(standing.controls_done)


def open_control(
    session: Session,
    user: User,
    *,
    field: str | None,
    now: datetime,
    exactly: bool = False,
    kinds: Collection[str] | None = None,
) -> Task | None:
    """A control task for `user`, of `field` if there is one (or only then); None when all gold is used up.

    `kinds`: only of these, for those who must pass an exam before they get work of a kind.
    """
    items = unseen(session, user, limit=1, field=field, kinds=kinds)
    if not items and not exactly:
        items = unseen(session, user, limit=1, kinds=kinds)
    return _ask(session, user, items[0], TaskPurpose.GOLD, now) if items else None


def unseen(
    session: Session, user: User, *, limit: int, field: str | None = None, kinds: Collection[str] | None = None
) -> list[GoldItem]:
    """Active gold items about fields that `user` never had in hand, in an order of their own for each person."""
    answered, had = aliased(Answer), aliased(Task)
    was_answered = exists().where(
        col(answered.user_id) == user.id,
        col(answered.task_id) == col(had.id),
        col(had.document_id) == col(GoldItem.document_id),
        col(had.field) == col(GoldItem.field),
    )
    in_hand = exists().where(
        col(Task.document_id) == col(GoldItem.document_id),
        col(Task.field) == col(GoldItem.field),
        (col(Task.for_user_id) == user.id) | (col(Task.leased_to) == user.id),
        col(Task.state).in_([TaskState.OPEN.value, TaskState.LEASED.value]),
    )
    wanted = select(GoldItem).where(
        GoldItem.workspace_id == user.workspace_id, col(GoldItem.active), ~was_answered, ~in_hand
    )
    if field is not None:
        wanted = wanted.where(GoldItem.field == field)
    if kinds is not None:
        wanted = wanted.where(col(GoldItem.kind).in_(kinds))
    order = func.md5(func.concat(col(GoldItem.id), user.id))
    return list(session.exec(wanted.order_by(order).limit(limit)).all())


def score_control(session: Session, task: Task, user: User, answer: Answer, *, now: datetime) -> None:
    """Mark the answer right or wrong. Gold and exam tasks count for the skill, training does not."""
    gold = session.get_one(GoldItem, task.gold_item_id)
    answer.is_right = token_of(gold.kind, answer.value_state, answer.value) == token_of(
        gold.kind, gold.value_state, gold.value
    )
    session.add(answer)
    session.flush()
    if task.purpose != TaskPurpose.TRAINING.value:
        skills.count_control(session, user.id, task.kind, is_right=answer.is_right, now=now)
    if task.purpose == TaskPurpose.EXAM.value:
        grade_exam(session, user, task.kind, now=now)


def score_seeded(session: Session, task: Task, user: User, answer: Answer, *, now: datetime) -> None:
    """A wrong value was shown on purpose: was it caught?"""
    shown = token_of(task.kind, ValueState.FOUND.value, task.shown_value)
    caught = token_of(task.kind, answer.value_state, answer.value) != shown
    skills.count_seeded(session, user.id, task.kind, caught=caught, now=now)


def take_back_control(session: Session, task: Task, answer: Answer, *, now: datetime) -> None:
    """An undone answer to a control task does not count."""
    if answer.is_right is not None and task.purpose != TaskPurpose.TRAINING.value:
        skills.take_back_control(session, answer.user_id, task.kind, is_right=answer.is_right, now=now)


def kinds_prepared(session: Session, workspace_id: str) -> list[str]:
    """The kinds of which there are questions."""
    wanted = select(GoldItem.kind).where(GoldItem.workspace_id == workspace_id, col(GoldItem.active)).distinct()
    return sorted(session.exec(wanted).all())


def questions_waiting(session: Session, user: User) -> dict[tuple[str, str], int]:
    """How many tasks wait for this person alone, by kind and purpose."""
    rows = session.exec(
        select(Task.kind, Task.purpose, func.count())
        .where(Task.for_user_id == user.id, col(Task.state).in_(OUTSTANDING))
        .group_by(col(Task.kind), col(Task.purpose))
    ).all()
    return {(kind, purpose): count for kind, purpose, count in rows}


def start_training(session: Session, user: User, kind: str, *, now: datetime, questions: int = QUESTIONS) -> list[Task]:
    """Open training tasks of one kind for `user`: each answer is explained, none counts. Raises TooFewGold."""
    return _start(session, user, kind, TaskPurpose.TRAINING, questions, now)


def start_exam(session: Session, user: User, kind: str, *, now: datetime, questions: int = QUESTIONS) -> list[Task]:
    """Open an exam of one kind for `user`; nine of ten right admit them to real work of it. Raises TooFewGold."""
    return _start(session, user, kind, TaskPurpose.EXAM, questions, now)


def exam_result(session: Session, user: User, kind: str) -> ExamResult:
    """How the latest exam of `user` in `kind` stands."""
    latest = session.exec(
        select(func.max(Task.created_at)).where(
            Task.for_user_id == user.id, Task.kind == kind, Task.purpose == TaskPurpose.EXAM.value
        )
    ).one()
    tasks = session.exec(
        select(Task).where(
            Task.for_user_id == user.id,
            Task.kind == kind,
            Task.purpose == TaskPurpose.EXAM.value,
            Task.created_at == latest,
        )
    ).all()
    answers = session.exec(
        select(Answer).where(col(Answer.task_id).in_([task.id for task in tasks]), col(Answer.undone_at).is_(None))
    ).all()
    right = sum(bool(answer.is_right) for answer in answers)
    done = bool(tasks) and len(answers) == len(tasks)
    return ExamResult(right, len(answers), len(tasks), right >= PASS_MARK * len(tasks) if done else None)


def is_marked(session: Session, task: Task) -> bool:
    """Whether every question of the exam that `task` belongs to is answered, so that its result is on record."""
    unanswered = select(Task.id).where(
        Task.for_user_id == task.for_user_id,
        Task.kind == task.kind,
        Task.purpose == TaskPurpose.EXAM.value,
        Task.created_at == task.created_at,
        Task.state != TaskState.ANSWERED.value,
    )
    return session.exec(unanswered).first() is None


def grade_exam(session: Session, user: User, kind: str, *, now: datetime) -> ExamResult:
    """After an exam answer: admit `user` to the kind when the exam is passed, and put the result on record."""
    result = exam_result(session, user, kind)
    if result.is_passed is None:
        return result
    if result.is_passed and kind not in user.trained_kinds:
        user.trained_kinds = sorted({*user.trained_kinds, kind})
        session.add(user)
    record(
        session,
        action="exam.passed" if result.is_passed else "exam.failed",
        subject=user.id,
        stream=user.id,
        workspace_id=user.workspace_id,
        actor="system:exam",
        now=now,
        data={"kind": kind, "right": result.right, "asked": result.asked},
    )
    return result


def _start(session: Session, user: User, kind: str, purpose: TaskPurpose, questions: int, now: datetime) -> list[Task]:
    items = unseen(session, user, limit=questions, kinds=[kind])
    if len(items) < questions:
        raise TooFewGold(f"{questions} gold items of kind {kind} are needed, {len(items)} are there.")
    return [_ask(session, user, item, purpose, now) for item in items]


def _ask(session: Session, user: User, item: GoldItem, purpose: TaskPurpose, now: datetime) -> Task:
    task = Task(
        workspace_id=item.workspace_id,
        document_id=item.document_id,
        field=item.field,
        kind=item.kind,
        purpose=purpose.value,
        gold_item_id=item.id,
        whole_page=item.value_state != "found",
        for_user_id=user.id,
        created_at=now,
    )
    session.add(task)
    session.flush()
    return task
