"""Opening and withdrawing work: the rows that people will be handed, `annotation.front` decides to whom."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from hitl.platform.moves import advance, events_later, record
from models.states import ReviewState, TaskPurpose, TaskState
from models.tables import Answer, Audit, Document, Review, Task, User, Verdict

SOON = timedelta(hours=1)  # a task that is due so soon goes before the batch
OLD = timedelta(hours=4)  # and so does one that waited so long
OUTSTANDING = (TaskState.OPEN.value, TaskState.LEASED.value)
UNDECIDED = (ReviewState.OPEN.value, ReviewState.LEASED.value, ReviewState.RETURNED.value)


def add_task(
    session: Session,
    document: Document,
    verdict: Verdict,
    *,
    now: datetime,
    audit: Audit | None = None,
    mode: str = "blind",
    shown_value: Any = None,
    seeded: bool = False,
    whole_page: bool = False,
) -> Task:
    """One more answer wanted on the verdict, or on its audit."""
    task = Task(
        workspace_id=document.workspace_id,
        document_id=document.id,
        field=verdict.field,
        kind=verdict.kind,
        purpose=(TaskPurpose.AUDIT if audit else TaskPurpose.REVIEW).value,
        verdict_id=verdict.id,
        audit_id=audit.id if audit else None,
        mode=mode,
        shown_value=shown_value,
        seeded=seeded,
        whole_page=whole_page or audit is not None,
        priority=document.priority,
        pressing=document.due_at is not None and document.due_at < now + SOON,
        due_at=document.due_at,
        created_at=now,
    )
    session.add(task)
    session.flush()
    return task


def add_review(
    session: Session,
    document: Document,
    *,
    reason: str,
    now: datetime,
    verdict: Verdict | None = None,
    audit: Audit | None = None,
    level: int = 2,
    probability: float = 1.0,
    grader_score: float | None = None,
    features: dict[str, Any] | None = None,
) -> Review:
    """A decision wanted from level 2 or 3: on a verdict, on an audit, or (neither given) on the whole document.

    A review of the same thing that was returned to its validators is opened again instead.
    """
    same_thing = _about(verdict.id if verdict and not audit else None, audit.id if audit else None)
    held = session.exec(
        select(Review).where(Review.document_id == document.id, *same_thing, col(Review.state).in_(UNDECIDED))
    ).first()
    if held is not None:
        if held.state == ReviewState.RETURNED.value:
            advance(session, held, ReviewState.OPEN, actor="system:review", now=now, why=reason)
        return held
    review = Review(
        workspace_id=document.workspace_id,
        document_id=document.id,
        verdict_id=verdict.id if verdict and not audit else None,
        audit_id=audit.id if audit else None,
        level=level,
        reason=reason,
        probability=probability,
        grader_score=grader_score,
        features=features or {},
        created_at=now,
    )
    session.add(review)
    session.flush()
    record(
        session,
        action="review.open",
        subject=review.id,
        stream=document.id,
        workspace_id=document.workspace_id,
        actor="system:review",
        now=now,
        data={"reason": reason, "level": level, "probability": probability},
    )
    return review


def outstanding(session: Session, *, verdict_id: str | None = None, audit_id: str | None = None) -> list[Task]:
    """Tasks of a verdict (audits apart) or of an audit that nobody has answered yet."""
    about: ColumnElement[bool] = (
        col(Task.audit_id) == audit_id
        if audit_id
        else (col(Task.verdict_id) == verdict_id) & (col(Task.audit_id).is_(None))
    )
    return list(session.exec(select(Task).where(about, col(Task.state).in_(OUTSTANDING))).all())


def waiting(session: Session, document: Document) -> list[Task]:
    """The tasks of a document that nobody has answered yet."""
    return list(
        session.exec(select(Task).where(Task.document_id == document.id, col(Task.state).in_(OUTSTANDING))).all()
    )


def answers_about(session: Session, document: Document) -> list[tuple[Answer, Task, User]]:
    """What people said in ordinary and audit tasks; control tasks say nothing about this document's values."""
    wanted = (
        select(Answer, Task, User)
        .join(Task, col(Task.id) == Answer.task_id)
        .join(User, col(User.id) == Answer.user_id)
        .where(Answer.document_id == document.id, col(Task.purpose).in_(["review", "audit"]))
        .order_by(col(Answer.created_at))
    )
    return list(session.exec(wanted).all())


def fields_behind(session: Session, document: Document) -> dict[str, str]:
    """Which field each verdict, task and audit of the document is about, by its id."""
    names: dict[str, str] = {}
    for table in (Verdict, Task):
        wanted = select(table.id, table.field).where(table.document_id == document.id)
        names |= dict(session.exec(wanted).all())
    audits = session.exec(select(Audit.id, Audit.verdict_id).where(Audit.document_id == document.id)).all()
    return names | {audit_id: names.get(verdict_id, "") for audit_id, verdict_id in audits}


def withdraw_open(
    session: Session, *, verdict_id: str | None = None, audit_id: str | None = None, why: str, actor: str, now: datetime
) -> None:
    """Take back what nobody has begun."""
    for task in outstanding(session, verdict_id=verdict_id, audit_id=audit_id):
        if task.state == TaskState.OPEN.value:
            advance(session, task, TaskState.WITHDRAWN, actor=actor, now=now, why=why)


def is_anything_left(session: Session, verdict_id: str) -> bool:
    """Whether a decided verdict still has tasks that nobody answered, or reviews that were returned."""
    tasks = select(Task.id).where(
        Task.verdict_id == verdict_id, col(Task.audit_id).is_(None), col(Task.state).in_(OUTSTANDING)
    )
    reviews = select(Review.id).where(*_about(verdict_id, None), Review.state == ReviewState.RETURNED.value)
    with events_later(session):
        return bool(session.exec(select(tasks.exists() | reviews.exists())).one())


def withdraw_returned(
    session: Session, *, verdict_id: str | None = None, audit_id: str | None = None, actor: str, now: datetime
) -> None:
    """Close the reviews that were returned to a validator and need no decision any more, because people agree now."""
    returned = select(Review).where(*_about(verdict_id, audit_id), Review.state == ReviewState.RETURNED.value)
    for review in session.exec(returned).all():
        advance(session, review, ReviewState.WITHDRAWN, actor=actor, now=now, why="agreed after return")


def withdraw_reviews(session: Session, *, verdict_id: str, why: str, actor: str, now: datetime) -> None:
    """Close the reviews of a verdict that is decided otherwise."""
    wanted = select(Review).where(*_about(verdict_id, None), col(Review.state).in_(UNDECIDED))
    for review in session.exec(wanted).all():
        advance(session, review, ReviewState.WITHDRAWN, actor=actor, now=now, why=why)


def withdraw_all(session: Session, document: Document, *, why: str, actor: str, now: datetime) -> None:
    """Take back every task and review of a document, begun or not: it is cancelled, retyped, reprocessed or erased.

    Whoever holds one is told at their next step (hitl.annotation.answers.WorkWithdrawn).
    """
    tasks = session.exec(
        select(Task).where(Task.document_id == document.id, col(Task.state).in_(OUTSTANDING)).order_by(col(Task.id))
    ).all()
    for task in tasks:
        advance(session, task, TaskState.WITHDRAWN, actor=actor, now=now, why=why)
    reviews = session.exec(
        select(Review)
        .where(Review.document_id == document.id, col(Review.state).in_(UNDECIDED))
        .order_by(col(Review.id))
    ).all()
    for review in reviews:
        advance(session, review, ReviewState.WITHDRAWN, actor=actor, now=now, why=why)


def has_document_review(session: Session, document_id: str) -> bool:
    """True while a review of the whole document is undecided."""
    return (
        session.exec(
            select(Review.id).where(
                Review.document_id == document_id, *_about(None, None), col(Review.state).in_(UNDECIDED)
            )
        ).first()
        is not None
    )


def _about(verdict_id: str | None, audit_id: str | None) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    verdict, audit = col(Review.verdict_id), col(Review.audit_id)
    return (
        verdict.is_(None) if verdict_id is None else verdict == verdict_id,
        audit.is_(None) if audit_id is None else audit == audit_id,
    )
