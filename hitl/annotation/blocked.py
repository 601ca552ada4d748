"""What is blocked: work that nobody of the workspace may do as things stand, each with its cause and its cure.

One definition for the API and the pages. A review is blocked when nobody of its level is left who did not key or decide
it; a field when no keyer is left who has not had it, or when it was returned to somebody who may not work; a kind when
nobody may key it; a document when it is held, when it may be several, or when no document type fits it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlmodel import Session, col, func, select

from hitl.aggregate.equality import TYPE_FIELD
from hitl.people import eligible
from hitl.work import queue_rows
from hitl.work.document import cuts_are_known
from models.states import IN_WORK, DocumentState, TaskPurpose, TaskState
from models.tables import Answer, Audit, Document, Review, Task, User, Verdict

LOOKED_AT = 200  # fields and reviews that are looked at, oldest first
Cause = Literal["no_reviewer", "no_keyer", "held", "several", "no_type"]


@dataclass(frozen=True, slots=True)
class Blocked:
    """One piece of work that waits in vain; `count` tasks where it is about a whole kind."""

    cause: Cause
    reason: str
    next_step: str
    document_id: str | None = None
    field: str | None = None
    review_id: str | None = None
    kind: str | None = None
    count: int = 1

    def as_dict(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}


def blocked(session: Session, workspace_id: str) -> list[Blocked]:
    """All that is blocked in a workspace: reviews, kinds, fields, documents."""
    return [
        *_reviews(session, workspace_id),
        *_kinds(session, workspace_id),
        *_fields(session, workspace_id),
        *_documents(session, workspace_id),
    ]


def field_of(session: Session, review: Review) -> str | None:
    """The field that a review is about; None for a whole document."""
    verdict_id = review.verdict_id
    if review.audit_id:
        verdict_id = session.get_one(Audit, review.audit_id).verdict_id
    return session.get_one(Verdict, verdict_id).field if verdict_id else None


def _reviews(session: Session, workspace_id: str) -> Iterator[Blocked]:
    waiting = (
        select(Review)
        .where(Review.workspace_id == workspace_id, col(Review.state).in_(queue_rows.UNDECIDED))
        .order_by(col(Review.created_at), col(Review.id))
        .limit(LOOKED_AT)
    )
    for review in session.exec(waiting).all():
        field = field_of(session, review)
        if not eligible.reviewers(session, workspace_id, review.level, eligible.barred_from(session, review, field)):
            yield Blocked(
                "no_reviewer",
                f"nobody of level {review.level} may decide this",
                "Invite a reviewer who did not key this document, or turn on single_operator mode.",
                document_id=review.document_id,
                field=field,
                review_id=review.id,
            )


def _kinds(session: Session, workspace_id: str) -> Iterator[Blocked]:
    waiting = session.exec(
        select(Task.kind, func.count())
        .where(Task.workspace_id == workspace_id, Task.state == TaskState.OPEN.value)
        .group_by(col(Task.kind))
        .order_by(col(Task.kind))
    ).all()
    step = "Invite a validator, end a pause, or have somebody take the exam of this kind."
    for kind, count in waiting:
        if not eligible.keyers(session, workspace_id, kind):
            yield Blocked("no_keyer", f"nobody may key the kind {kind}", step, kind=kind, count=count)


def _fields(session: Session, workspace_id: str) -> Iterator[Blocked]:
    tasks = session.exec(
        select(Task)
        .where(
            Task.workspace_id == workspace_id,
            Task.state == TaskState.OPEN.value,
            col(Task.purpose).in_([TaskPurpose.REVIEW.value, TaskPurpose.AUDIT.value]),
        )
        .order_by(col(Task.created_at), col(Task.id))
        .limit(LOOKED_AT)
    ).all()
    keyers = {kind: eligible.keyers(session, workspace_id, kind) for kind in {task.kind for task in tasks}}
    had = _who_had(session, tasks)
    told: set[tuple[str, str]] = set()
    for task in tasks:
        about = (task.document_id, task.field)
        may = keyers[task.kind]
        if not may or about in told:
            continue
        if task.for_user_id is None and not may - had[about]:
            told.add(about)
            yield _field(task, "everybody who may key has had this field", "Invite a validator, or end a pause.")
        elif task.for_user_id is not None and not _may_work(session, task.for_user_id):
            told.add(about)
            yield _field(task, "returned to somebody who may not work", "Let them go on, or activate them again.")


def _field(task: Task, reason: str, next_step: str) -> Blocked:
    return Blocked("no_keyer", reason, next_step, document_id=task.document_id, field=task.field, kind=task.kind)


def _who_had(session: Session, tasks: Sequence[Task]) -> dict[tuple[str, str], set[str]]:
    """Who answered or skipped each field of these tasks' documents, or is at it now."""
    documents = {task.document_id for task in tasks}
    answered = session.exec(
        select(Task.document_id, Task.field, Answer.user_id)
        .join(Answer, col(Answer.task_id) == col(Task.id))
        .where(col(Task.document_id).in_(documents), col(Answer.undone_at).is_(None))
    ).all()
    leased = session.exec(
        select(Task.document_id, Task.field, Task.leased_to).where(
            col(Task.document_id).in_(documents), Task.state == TaskState.LEASED.value
        )
    ).all()
    had: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for document_id, field, user_id in [*answered, *leased]:
        if user_id is not None:
            had[document_id, field].add(user_id)
    return had


def _may_work(session: Session, user_id: str) -> bool:
    user = session.get_one(User, user_id)
    return user.active and user.paused_reason is None


def _documents(session: Session, workspace_id: str) -> Iterator[Blocked]:
    held = session.exec(
        select(Document).where(
            Document.workspace_id == workspace_id,
            col(Document.state).in_([state.value for state in IN_WORK]),
            col(Document.held_reason).is_not(None),
        )
    ).all()
    for document in held:
        step = "Look at the document, then release the hold."
        if document.repeat_of:
            step = "Say on its page, or by POST /v1/documents/ID/repeat, whether it is a copy."
        yield Blocked("held", str(document.held_reason), step, document_id=document.id)
    several = session.exec(
        select(Document).where(
            Document.workspace_id == workspace_id,
            Document.state == DocumentState.AWAITING_SPLIT.value,
            ~cuts_are_known(),
        )
    ).all()
    for document in several:
        step = "Say at which pages its documents begin: /documents/ID/split, or POST /v1/documents/ID/split."
        yield Blocked("several", "may hold several documents", step, document_id=document.id)
    untyped = session.exec(
        select(Document)
        .join(Verdict, (col(Verdict.document_id) == col(Document.id)) & (col(Verdict.run) == col(Document.run)))
        .where(
            Document.workspace_id == workspace_id,
            Document.state == DocumentState.AWAITING_TYPE.value,
            Verdict.field == TYPE_FIELD,
            col(Verdict.value_state).is_not(None),
            Verdict.value_state != "found",
        )
    ).all()
    for document in untyped:
        step = "Add a document type for it and retype the document, or cancel it."
        yield Blocked("no_type", "no document type fits", step, document_id=document.id)


def blocked_by_reason(session: Session, workspace_id: str) -> list[tuple[Blocked, list[Blocked]]]:
    """What is blocked, by cause and reason; the first of each stands for its cure."""
    groups: dict[tuple[str, str], list[Blocked]] = {}
    for one in blocked(session, workspace_id):
        groups.setdefault((one.cause, one.reason), []).append(one)
    return [(group[0], group) for group in groups.values()]
