"""Upkeep: steps whose job was lost, retention, and finished jobs that nobody needs any more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, text
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from hitl.certificate.observations import enqueue_certify
from hitl.platform.lanes import enqueue_step
from hitl.platform.locks import hold
from hitl.release import documents
from hitl.settings import settings
from hitl.work.document import cuts_are_known
from models.states import IN_WORK, DocumentState
from models.tables import Document, DocumentPage, Workspace

ERASE_AT_A_TIME = 20
JOBS_AT_A_TIME = 10_000
MARKS_AT_A_TIME, MARKS_WAIT = 1_000, timedelta(hours=1)
D = DocumentState


def never_give_up(_error: BaseException, _arguments: dict[str, Any], _now: datetime) -> bool:
    """For jobs that must happen some day: always try again."""
    return False


def enqueue_lost_steps(session: Session, *, now: datetime, silence: timedelta) -> int:
    """Enqueue the next step of documents that have none in the queue. Returns how many.

    That cannot happen, because a step is enqueued with the move before it; but somebody may empty the queue by
    hand, or restore the database from before.
    """
    answered = and_(col(Document.state) == D.AWAITING_SPLIT.value, cuts_are_known())
    going_on = col(Document.state).in_([D.RECEIVED.value, D.RENDERED.value])
    waiting = select(Document).where(going_on | answered, Document.created_at < now - silence)
    lost = 0
    for document in session.exec(waiting.limit(500)).all():
        if has_job(session, document.id):
            continue
        lost += 1
        for name, arguments in next_steps(session, document):
            enqueue_step(session, name, document, **arguments)
    return lost


def has_job(session: Session, document_id: str) -> bool:
    """Whether a job about this document waits or runs."""
    query = text(
        "SELECT 1 FROM procrastinate_jobs WHERE status IN ('todo', 'doing') AND args->>'document_id' = :id LIMIT 1"
    )
    return session.execute(query, {"id": document_id}).first() is not None


def next_steps(session: Session, document: Document) -> list[tuple[str, dict[str, Any]]]:
    """The jobs that a document in this state waits for."""
    if document.state == D.RECEIVED:
        return [("render", {})]
    if document.state == D.AWAITING_SPLIT:
        return [("split", {})]
    unread = select(DocumentPage.number).where(
        DocumentPage.document_id == document.id, col(DocumentPage.read_at).is_(None)
    )
    numbers = session.exec(unread).all()
    return [("read_page", {"number": number}) for number in numbers] or [("recognise", {})]


def erase_expired(session: Session, *, now: datetime) -> int:
    """Erase finished documents that are older than their workspace keeps them. Returns how many.

    A file that was split stays until the last document of it is finished, for they go with it.
    """
    erased, part = 0, aliased(Document)
    unfinished = select(part.id).where(
        part.parent_id == Document.id, col(part.state).in_([state.value for state in IN_WORK | {D.FAILED}])
    )
    for workspace in session.exec(select(Workspace).where(col(Workspace.retention_days).is_not(None))).all():
        oldest = now - timedelta(days=workspace.retention_days or 0)
        done = [D.RELEASED, D.AMENDED, D.SPLIT, D.REFUSED, D.CANCELLED, D.FAILED]
        old = select(Document).where(
            Document.workspace_id == workspace.id,
            col(Document.state).in_([state.value for state in done]),
            Document.created_at < oldest,
            ~unfinished.exists(),
        )
        expired = session.exec(old.limit(ERASE_AT_A_TIME)).all()
        hold(session, *(document.id for document in expired))
        for document in expired:
            documents.erase(session, document, actor="system:retention", now=now)
            erased += 1
    return erased


def tidy(session: Session, *, now: datetime) -> None:
    """What nobody needs any more goes, and what nobody saw to is seen to."""
    heed_old_marks(session, now=now)
    delete_finished_jobs(session, before=now - timedelta(days=settings().jobs_kept_days))


def heed_old_marks(session: Session, *, now: datetime) -> None:
    """See to marks of certificates that no new label had heeded: by a look, or where nobody certifies, forget them."""
    asked = {"before": now - MARKS_WAIT, "most": MARKS_AT_A_TIME}
    session.execute(
        text("""
            DELETE FROM evidence_mark WHERE id IN (SELECT id FROM evidence_mark m WHERE set_at < :before
              AND NOT EXISTS (SELECT FROM evidence_course c WHERE c.workspace_id = m.workspace_id)
              ORDER BY id LIMIT :most)
        """),
        asked,
    )
    old = text("""
        SELECT DISTINCT ON (d.workspace_id) d.workspace_id, d.document_type
        FROM (SELECT document_id FROM evidence_mark WHERE set_at < :before ORDER BY id LIMIT :most) m
        JOIN document d ON d.id = m.document_id WHERE d.document_type IS NOT NULL ORDER BY d.workspace_id, d.id
    """)
    for row in session.execute(old, asked).all():
        enqueue_certify(session, row.workspace_id, row.document_type)


def delete_finished_jobs(session: Session, *, before: datetime, most: int = JOBS_AT_A_TIME) -> int:
    """Forget the first of the finished jobs, as far as they ended before then; the event log keeps what they did.

    Returns how many. It looks at no more than `most`, in the order of their numbers, which is nearly that of their age.
    """
    gone = session.execute(
        text("""
            DELETE FROM procrastinate_jobs WHERE id IN (
              SELECT first.id FROM (
                SELECT id FROM procrastinate_jobs WHERE status IN ('succeeded', 'failed', 'cancelled', 'aborted')
                ORDER BY id LIMIT :most) first
              WHERE NOT EXISTS (SELECT FROM procrastinate_events e WHERE e.job_id = first.id AND e.at >= :before))
            RETURNING id
        """),
        {"before": before, "most": most},
    )
    return len(gone.all())
