"""Answers: taking one in exactly once, under the lease it was given for, and undoing it while nothing depends on it.

AnswerRefused           every refusal is a sentence and the next thing to do
  NotYours              the task is leased to somebody else
  LeaseLost             the lease ran out and the task went on
  AlreadyAnswered       another answer was taken for this task
  WorkWithdrawn         the task is no longer wanted
  TooLateToUndo         something depends on the answer
    ExamIsMarked        the exam that it belongs to is over
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlmodel import Session, col, select

from hitl.aggregate.equality import field_spec
from hitl.annotation import audit as audits
from hitl.annotation import leases, qualification, tasks
from hitl.annotation.at_hand import next_number, take_in_hand
from hitl.intake.locales import locale_for
from hitl.people import pauses
from hitl.platform.locks import hold
from hitl.platform.moves import advance
from hitl.work import queue_rows
from hitl.work.document import is_about_type, spec_of
from hitl.work.exposure import expose
from hitl.work.typed import Unparseable, understood
from hitl.workspace.workspaces import current_types
from models.states import RELEASED, DocumentState, TaskPurpose, TaskState, VerdictState
from models.tables import Answer, Audit, Document, GoldItem, Task, User, Verdict
from models.values import ValueState

HUMAN_STATES = Literal["found", "absent", "empty", "illegible"]
CONTROLS = {TaskPurpose.GOLD.value, TaskPurpose.TRAINING.value, TaskPurpose.EXAM.value}


class AnswerRefused(Exception):
    """Why an answer was not taken. `next_step` is for the person."""

    next_step: ClassVar[str] = "Go on with the next task."


class NotYours(AnswerRefused):
    """The task is leased to somebody else."""


class LeaseLost(AnswerRefused):
    """The lease ran out and the task went on."""

    next_step = "Your lease had run out and the task went to somebody else. Go on with the next one."


class AlreadyAnswered(AnswerRefused):
    """Another answer was taken for this task."""


class WorkWithdrawn(AnswerRefused):
    """The task is no longer wanted: its document was cancelled, typed anew, erased, or is already decided."""


class TooLateToUndo(AnswerRefused):
    """Something depends on the answer already."""

    next_step = "Tell a reviewer: a released value can be amended."


class ExamIsMarked(TooLateToUndo):
    """The exam that the answer belongs to is over: the result is on record."""

    next_step = "Look under Training how it went."


class AnswerInput(BaseModel):
    """What one person says of one field. For value_state "found" a value is needed, as it was typed.

    `meant` is what it was understood as, where the person was shown that or asked; it must be one of its readings.
    """

    model_config = ConfigDict(extra="forbid")

    value_state: HUMAN_STATES = "found"
    value: str | list[str | dict[str, str | None]] | None = None  # a row of a table: one text, or its cells by name
    meant: str | list[str] | None = None
    text: str | None = None
    page: int | None = Field(default=None, ge=1, le=100_000)
    box: list[float] | None = Field(default=None, min_length=4, max_length=4)
    source: Literal["typed", "ocr", "confirmed"] = "typed"
    seconds: float | None = Field(default=None, ge=0, le=1e6)
    keystrokes: int | None = Field(default=None, ge=0, le=1_000_000)
    skip_reason: str | None = None
    idempotency_key: str = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _says_something(self) -> AnswerInput:
        if self.skip_reason is None and self.value_state == "found" and not (self.value or self.text):
            raise ValueError("value_state 'found' needs a value")
        return self


@dataclass(frozen=True, slots=True)
class Taken:
    """An answer as it was taken in. `row` is None when the task was skipped."""

    task: Task
    document: Document
    row: Answer | None
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of an answer. `is_right` and `correct` are told for training tasks only."""

    answer_id: str | None  # None: the task was skipped
    task_id: str
    is_repeat: bool = False
    is_right: bool | None = None
    correct: Any = None
    explanation: str = ""


def take(session: Session, task_id: str, user: User, token: str, answer: AnswerInput, *, now: datetime) -> Taken:
    """Take one answer for a leased task. The same idempotency key twice changes nothing.

    Raises an AnswerRefused, Unparseable, AmbiguousValue; pauses.Paused where the task was taken back with the pause.
    """
    held = session.get(Task, task_id)
    if held is None or held.workspace_id != user.workspace_id:
        raise WorkWithdrawn("There is no such task.")
    document, repeated = take_in_hand(session, held, answer.idempotency_key)  # one answer of a document after the other
    if repeated is not None:
        if repeated.user_id != user.id:
            raise NotYours("This idempotency key was used by somebody else.")
        return Taken(session.get_one(Task, repeated.task_id), document, repeated, is_repeat=True)
    if leases.may_take_up_again(session, held, user):
        token = tasks.lease(session, held, user, now=now).lease_token or ""  # its time had run out, and nobody took it
    _check_lease(held, user, token)
    if answer.skip_reason is not None:
        tasks.hand_back(session, held, user, token, answer.skip_reason, now=now)
        return Taken(held, document, None)
    _check_wanted(held, document)
    row = _store(session, held, document, user, answer, now)
    advance(session, held, TaskState.ANSWERED, actor=user.id, now=now, answered_at=now)
    expose(session, user.id, document.id, fields=[held.field], now=now)
    return Taken(held, document, row)


def find_answer(session: Session, idempotency_key: str) -> Answer | None:
    """The answer that was sent with this key, whoever sent it."""
    return session.exec(select(Answer).where(Answer.idempotency_key == idempotency_key)).first()


def undo(session: Session, answer_id: str, user: User, *, now: datetime) -> Task:
    """Take one's own answer back and lease its task again. Raises TooLateToUndo (something depends on it), NotYours."""
    answer = session.get(Answer, answer_id)
    if answer is None or answer.user_id != user.id:
        raise NotYours("This is not your answer.")
    document = session.get_one(Document, answer.document_id)
    hold(session, document.id)
    task = session.get_one(Task, answer.task_id)
    if answer.undone_at is not None or task.state != TaskState.ANSWERED.value:
        raise TooLateToUndo("The answer was undone already.")
    if task.purpose == TaskPurpose.EXAM.value and qualification.is_marked(session, task):
        raise ExamIsMarked("The exam is over and marked.")
    if task.purpose in CONTROLS:
        qualification.take_back_control(session, task, answer, now=now)
    else:
        _undo_consequences(session, task, answer, document, now)
    answer.undone_at = now
    session.add(answer)
    leases.put_back(session, task, actor=user.id, why="undone", now=now, answered_at=None)
    return tasks.lease(session, task, user, now=now)


def _undo_consequences(session: Session, task: Task, answer: Answer, document: Document, now: datetime) -> None:
    """Withdraw the next person's task if nobody began it, and open the verdict or audit again."""
    in_work = {DocumentState.IN_REVIEW.value, DocumentState.AWAITING_TYPE.value}
    if document.state not in (in_work | RELEASED if task.audit_id else in_work):
        raise TooLateToUndo("The document is released.")
    subject: Verdict | Audit = (
        session.get_one(Audit, task.audit_id) if task.audit_id else session.get_one(Verdict, task.verdict_id)
    )
    if subject.state not in (VerdictState.PENDING.value, VerdictState.AGREED.value):
        raise TooLateToUndo("A reviewer is at it, or it is decided.")
    if task.audit_id and _decided_with(session, task, document):
        raise TooLateToUndo("The field is decided with it.")
    if isinstance(subject, Audit) and not audits.may_take_back(session, subject, document):
        raise TooLateToUndo("The check went on from your answer.")
    if document.requested_type is not None and is_about_type(task):
        raise TooLateToUndo("The document is being read under the type you named.")
    later = session.exec(
        select(Answer.id)
        .join(Task, col(Task.id) == col(Answer.task_id))
        .where(
            Task.verdict_id == task.verdict_id,
            Task.audit_id == task.audit_id if task.audit_id else col(Task.audit_id).is_(None),
            col(Answer.created_at) > answer.created_at,
            col(Answer.undone_at).is_(None),
        )
    ).first()
    if later is not None:
        raise TooLateToUndo("Somebody answered after you.")
    if task.audit_id is None:
        began = [
            t for t in queue_rows.outstanding(session, verdict_id=task.verdict_id) if t.state == TaskState.LEASED.value
        ]
        if began:
            raise TooLateToUndo("The next person is at it already.")
        queue_rows.withdraw_open(session, verdict_id=task.verdict_id, why="undone", actor=answer.user_id, now=now)
    if isinstance(subject, Audit):
        audits.withdraw_first(session, subject)
    if subject.state == VerdictState.AGREED.value:
        blank = dict.fromkeys(("value_state", "value", "posterior", "decided_by", "decided_at"))
        advance(session, subject, VerdictState.PENDING, actor=answer.user_id, now=now, why="undone", **blank)


def _decided_with(session: Session, task: Task, document: Document) -> bool:
    """Whether the audited field went to people, and their decision may rest on this answer too."""
    verdict = session.get_one(Verdict, task.verdict_id)
    return verdict.decided_by == "people" and document.state not in RELEASED


def _check_lease(task: Task, user: User, token: str) -> None:
    if task.leased_to != user.id:
        pauses.check_not_paused(user)  # that is why it was taken from them
    if not leases.is_held(task, user, token):
        raise lost(task, user)


def lost(task: Task, user: User) -> AnswerRefused:
    """Why a task is no longer in the hands of `user`. Who has it is not told."""
    if task.state == TaskState.WITHDRAWN.value:
        return WorkWithdrawn("This task is no longer wanted.")
    if task.leased_to not in (None, user.id):
        return NotYours("This task was taken by another person.")
    if task.state == TaskState.ANSWERED.value:
        return AlreadyAnswered("This task has its answer already.")
    if task.state == TaskState.LEASED.value:
        return LeaseLost("This task was handed out again since.")
    return LeaseLost("Your lease on this task ran out.")


def _check_wanted(task: Task, document: Document) -> None:
    ended = {DocumentState.CANCELLED.value, DocumentState.ERASED.value, DocumentState.FAILED.value}
    if task.purpose not in CONTROLS and document.state in ended:
        raise WorkWithdrawn(f"The document is {document.state}.")


def _store(session: Session, task: Task, document: Document, user: User, answer: AnswerInput, now: datetime) -> Answer:
    given = answer.value if answer.value is not None else answer.text
    row = Answer(
        workspace_id=task.workspace_id,
        task_id=task.id,
        document_id=task.document_id,
        user_id=user.id,
        idempotency_key=answer.idempotency_key,
        value_state=answer.value_state,
        value=_value(session, task, document, answer) if answer.value_state == ValueState.FOUND.value else None,
        text=answer.text if answer.text is not None else (given if isinstance(given, str) else None),
        page=answer.page,
        box=answer.box,
        source=answer.source,
        seconds=answer.seconds,
        keystrokes=answer.keystrokes,
        number=next_number(user.id),
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row


def _value(session: Session, task: Task, document: Document, answer: AnswerInput) -> Any:
    """A value that was shown and confirmed is in the project's form; anything else is parsed."""
    given = answer.value if answer.value is not None else answer.text
    if answer.source == "confirmed" and task.shown_value is not None and given == task.shown_value:
        return given
    return parse(session, task, document, given, answer.meant)


def parse(session: Session, task: Task | Verdict, document: Document, given: Any, meant: Any = None) -> Any:
    """What was typed, as a value of its field. Raises Unparseable, AmbiguousValue."""
    if is_about_type(task):
        types = current_types(session, document.workspace_id)
        if given not in types:
            raise Unparseable(f"{given!r} is not a document type here; the types are {', '.join(types)}.")
        return given
    spec = spec_of(session, document)
    field = field_spec(spec, task.field)
    return understood(task.kind, given, field, locale_for(session, document, spec, field), meant)


def outcome(session: Session, taken: Taken) -> Accepted:
    """What the person is told. Training tasks explain; of control tasks and exams nobody is told while they work."""
    task, row = taken.task, taken.row
    if row is None:
        return Accepted(None, task.id)
    if task.purpose != TaskPurpose.TRAINING.value or task.gold_item_id is None:
        return Accepted(row.id, task.id, taken.is_repeat)
    item = session.get_one(GoldItem, task.gold_item_id)
    correct = item.value if item.value_state == ValueState.FOUND.value else item.value_state
    return Accepted(row.id, task.id, taken.is_repeat, row.is_right, correct, item.explanation)
