"""The work of people: verdicts, audits, tasks, answers, reviews, and what they were shown."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from models.ids import new_id
from models.states import ReviewState, Route, TaskPurpose, TaskState, VerdictState
from models.tables.base import Moment, json_column, moment, one_of, reference

LATEST = text("(coalesce(due_at, 'infinity'::timestamptz))")
HAND_OUT = (text("(-priority)"), text("(NOT pressing)"), LATEST, "created_at", "id")  # all upwards: a place is one row
FREE = text("state = 'open' AND for_user_id IS NULL")
OWN = text("state = 'open' AND for_user_id IS NOT NULL")
UNANSWERED = text("state IN ('open', 'leased')")
WAITING = ("workspace_id", "state", "kind", "created_at")
SUMMED = ["document_id", "field", "purpose", "due_at"]
PATIENT = text("state = 'open' AND NOT pressing")


class Verdict(SQLModel, table=True):
    """What is decided of one field of one document in one run. The field name ``document_type`` is the class itself."""

    __table_args__ = (
        UniqueConstraint("document_id", "run", "field"),
        one_of("state", VerdictState, "verdict"),
        one_of("route", Route, "verdict"),
    )

    id: str = Field(default_factory=lambda: new_id("ver"), primary_key=True)
    workspace_id: str = reference("workspace.id")
    document_id: str = reference("document.id")
    run: int
    field: str
    kind: str = Field(max_length=32)
    reading_id: str | None = reference("field_reading.id", nullable=True)
    route: str = Field(max_length=32)
    reasons: list[dict[str, Any]] = json_column(list)  # every rule that fired, with its numbers
    threshold: float | None = None  # the tau in force
    audit_probability: float | None = None  # of the draw, drawn or not
    state: str = Field(default=VerdictState.PENDING.value, max_length=32, index=True)
    value_state: str | None = Field(default=None, max_length=32)
    value: Any = json_column(nullable=True)
    page: int | None = None
    box: list[float] | None = json_column(nullable=True)
    posterior: float | None = None
    decided_by: str | None = None  # machine | people | reviewer:<id> | client | operator
    decided_at: Moment | None = moment(nullable=True)
    first_value_state: str | None = Field(default=None, max_length=32)  # as first released: the certificate's loss
    first_value: Any = json_column(nullable=True)
    created_at: Moment = moment()


class Audit(SQLModel, table=True):
    """A blind check of a verdict, drawn before routing. `gold` is a value, so that old audits score new models."""

    __table_args__ = (UniqueConstraint("verdict_id"), one_of("state", VerdictState, "audit"))

    id: str = Field(default_factory=lambda: new_id("aud"), primary_key=True)
    workspace_id: str = reference("workspace.id")
    document_id: str = reference("document.id")
    verdict_id: str = reference("verdict.id")
    probability: float  # pi, by route, stored at the draw
    first_agreed: bool | None = None  # the first keyer said what the machine says; False: two are asked in any case
    second_probability: float | None = None  # with which there was a second keyer; None: not known yet
    state: str = Field(default=VerdictState.PENDING.value, max_length=32, index=True)
    gold_state: str | None = Field(default=None, max_length=32)
    gold: Any = json_column(nullable=True)
    created_at: Moment = moment()
    decided_at: Moment | None = moment(nullable=True)


class GoldItem(SQLModel, table=True):
    """A field whose value we know, for training, exams and control tasks."""

    __tablename__ = "gold_item"

    id: str = Field(default_factory=lambda: new_id("gld"), primary_key=True)
    workspace_id: str = reference("workspace.id")
    document_id: str = reference("document.id")
    field: str
    kind: str = Field(max_length=32)
    value_state: str = Field(max_length=32)
    value: Any = json_column(nullable=True)
    explanation: str = ""
    active: bool = True
    created_at: Moment = moment()


class Task(SQLModel, table=True):
    """One answer wanted from one person. A mismatch opens another task for the same verdict or audit."""

    __table_args__ = (
        one_of("state", TaskState, "task"),
        one_of("purpose", TaskPurpose, "task"),
        # The order in which tasks are handed out (hitl.annotation.front), of all, of one field, one kind, one person.
        Index("task_front", "workspace_id", *HAND_OUT, postgresql_where=FREE),
        Index("task_front_of_field", "workspace_id", "field", *HAND_OUT, postgresql_where=FREE),
        Index("task_front_of_kind", "workspace_id", "kind", *HAND_OUT, postgresql_where=FREE),
        Index("task_front_of_person", "for_user_id", *HAND_OUT, postgresql_where=OWN),
        Index("task_of_field", "document_id", "field"),
        Index("task_grows_old", "created_at", postgresql_where=PATIENT),
        Index("task_falls_due", "due_at", postgresql_where=PATIENT),
        Index("task_in_hand", "leased_to", postgresql_where=text("state = 'leased'")),
        # What waits, counted from the index alone; and the oldest of it.
        Index("task_waiting", *WAITING, postgresql_where=UNANSWERED, postgresql_include=SUMMED),
        Index("task_oldest", "workspace_id", "created_at", "id", postgresql_where=text("state = 'open'")),
    )

    id: str = Field(default_factory=lambda: new_id("tsk"), primary_key=True)
    workspace_id: str = reference("workspace.id")
    document_id: str = reference("document.id", index=False)
    field: str
    kind: str = Field(max_length=32)
    purpose: str = Field(max_length=32)
    verdict_id: str | None = reference("verdict.id", nullable=True)
    audit_id: str | None = reference("audit.id", nullable=True)
    gold_item_id: str | None = reference("gold_item.id", nullable=True)
    mode: str = Field(default="blind", max_length=32)  # blind | verify
    shown_value: Any = json_column(nullable=True)  # verify mode: what was shown, right or seeded wrong
    seeded: bool = False  # verify mode: the shown value is wrong on purpose
    whole_page: bool = False  # audits and suspected absence
    state: str = Field(default=TaskState.OPEN.value, max_length=32)
    priority: int = 0
    pressing: bool = False  # due soon, or old: it goes before the field in hand (hitl.annotation.tasks.mark_pressing)
    due_at: Moment | None = moment(nullable=True)
    for_user_id: str | None = reference("person.id", nullable=True)  # returned work, exams
    leased_to: str | None = reference("person.id", nullable=True)
    lease_token: str | None = None  # fencing token; an answer with an old one is refused
    lease_until: Moment | None = moment(nullable=True, index=True)
    created_at: Moment = moment()
    answered_at: Moment | None = moment(nullable=True)


class Answer(SQLModel, table=True):
    """What one person said. Never changed; an undone answer is marked, not deleted."""

    __table_args__ = (
        UniqueConstraint("idempotency_key"),
        Index("answer_of_document", "user_id", "document_id"),
        Index("answer_newest", "user_id", "created_at"),
    )

    id: str = Field(default_factory=lambda: new_id("ans"), primary_key=True)
    workspace_id: str = reference("workspace.id")
    task_id: str = reference("task.id")
    document_id: str = reference("document.id")
    user_id: str = reference("person.id", index=False)
    idempotency_key: str
    value_state: str = Field(max_length=32)
    value: Any = json_column(nullable=True)  # normalised by kind
    text: str | None = None  # as typed
    page: int | None = None
    box: list[float] | None = json_column(nullable=True)
    source: str = Field(default="typed", max_length=32)  # typed | ocr | confirmed
    skip_reason: str | None = None
    seconds: float | None = None
    keystrokes: int | None = None
    is_right: bool | None = None  # gold, exam and training tasks
    undone_at: Moment | None = moment(nullable=True)
    number: int = 0  # so many answers had the person given with it, counted from the first that has one
    created_at: Moment = moment()


class Review(SQLModel, table=True):
    """A level-2 or level-3 decision on a contested field (its verdict or audit) or on a whole document (neither)."""

    __table_args__ = (one_of("state", ReviewState, "review"), Index("review_next", "workspace_id", "state", "level"))

    id: str = Field(default_factory=lambda: new_id("rev"), primary_key=True)
    workspace_id: str = reference("workspace.id")
    document_id: str = reference("document.id")
    verdict_id: str | None = reference("verdict.id", nullable=True)
    audit_id: str | None = reference("audit.id", nullable=True)
    level: int = 2
    reason: str = Field(max_length=32)  # contested | grader | random | exhausted | escalated | correction
    probability: float = 1.0  # with which it was picked
    grader_score: float | None = None
    features: dict[str, Any] = json_column()  # the grader's features at decision time
    state: str = Field(default=ReviewState.OPEN.value, max_length=32)
    leased_to: str | None = reference("person.id", nullable=True)
    lease_token: str | None = None
    lease_until: Moment | None = moment(nullable=True)
    decided_by: str | None = reference("person.id", nullable=True)
    changes: list[dict[str, Any]] = json_column(list)  # field, from, to
    changed_fraction: float | None = None
    note: str = ""
    seconds: float | None = None
    created_at: Moment = moment()
    decided_at: Moment | None = moment(nullable=True)


class Exposure(SQLModel, table=True):
    """How much of one document one person has seen: fields keyed and whole pages shown."""

    __table_args__ = (UniqueConstraint("user_id", "document_id"),)

    id: str = Field(default_factory=lambda: new_id("exp"), primary_key=True)
    user_id: str = reference("person.id")
    document_id: str = reference("document.id")
    fields: list[str] = json_column(list)
    pages: list[int] = json_column(list)
    updated_at: Moment = moment()
