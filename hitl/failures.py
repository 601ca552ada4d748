"""What a failed attempt or a lost worker costs: three failures or ten lost workers, and the document is `failed`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Session, select

from hitl import webhooks
from hitl.db import transaction
from hitl.moves import advance
from hitl.settings import settings
from models.states import IN_WORK, DocumentState
from models.tables import Document, DocumentPage

NEXT_STEP = "Retry it. If it fails again, look at the worker's log and report the document."


def lock_document(session: Session, document_id: str) -> Document | None:
    """The document as it is now, kept from others until the transaction ends."""
    query = select(Document).where(Document.id == document_id).with_for_update()
    return session.exec(query.execution_options(populate_existing=True)).first()


def count_failure(error: BaseException, arguments: dict[str, Any], now: datetime) -> bool:
    """Count a failed attempt at a document or at one of its pages. True: enough, the document is failed."""
    with transaction() as session:
        document = lock_document(session, arguments["document_id"])
        if document is None or document.state not in IN_WORK:
            return True
        subject: Document | DocumentPage = _page(session, document, arguments.get("number")) or document
        subject.attempts += 1
        session.add(subject)
        if subject.attempts < settings().attempts:
            return False
        why = f"{subject.attempts} attempts failed; the last one: {_say(error)}"
        fail(session, document, "internal", why, now=now)
        return True


def count_lost_worker(arguments: dict[str, Any], now: datetime) -> bool:
    """Count a worker that was lost with this document in hand. True: enough, the document is failed."""
    with transaction() as session:
        document = lock_document(session, arguments["document_id"])
        if document is None or document.state not in IN_WORK:
            return True
        document.lost_workers += 1
        session.add(document)
        if document.lost_workers < settings().lost_workers:
            return False
        why = f"{document.lost_workers} workers were lost while they worked on it."
        fail(session, document, "workers_lost", why, now=now)
        return True


def fail(session: Session, document: Document, code: str, message: str, *, now: datetime) -> None:
    """Move the document to `failed` with its reason. `retry_failed` of hitl.documents starts it again."""
    problem = {"code": code, "message": message, "next_step": NEXT_STEP}
    advance(session, document, DocumentState.FAILED, actor="system:jobs", now=now, why=code, problem=problem)
    key = f"{document.id}:failed:{document.run}"
    webhooks.notify(session, document, "document.failed", {"problem": problem}, event_key=key, now=now)


def _page(session: Session, document: Document, number: int | None) -> DocumentPage | None:
    if number is None:
        return None
    page = select(DocumentPage).where(DocumentPage.document_id == document.id, DocumentPage.number == number)
    return session.exec(page).first()


def _say(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:500]
