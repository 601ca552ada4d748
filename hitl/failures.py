"""What a failed attempt or a lost worker costs: after ten lost workers a document, or a training, is `failed`.

So is a document after three failures; what a training costs is counted in hitl.learning.train_job.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlmodel import Session, select

from hitl.learning.train_job import count_lost_training
from hitl.platform.db import transaction
from hitl.platform.locks import hold, lock_document
from hitl.platform.moves import advance
from hitl.release import webhooks
from hitl.settings import settings
from models.states import IN_WORK, DocumentState
from models.tables import Document, DocumentPage

log = logging.getLogger(__name__)

NEXT_STEP = "Retry it. If it fails again, look at the worker's log and report the document."

# What Procrastinate's own methods do, but in the transaction that counts the loss.
_STALLED = text("""
    SELECT job.id, job.worker_id, job.task_name, job.args FROM procrastinate_jobs job
    LEFT JOIN procrastinate_workers worker ON worker.id = job.worker_id
    WHERE job.status = 'doing' AND (worker.id IS NULL OR worker.last_heartbeat < now() - CAST(:silence AS interval))
    ORDER BY job.id
    FOR UPDATE OF job SKIP LOCKED
""")
_SIGNED_OFF = text("""
    SELECT job.id, job.args FROM procrastinate_jobs job
    WHERE job.status = 'doing' AND job.worker_id IS NULL
    FOR UPDATE SKIP LOCKED
""")
_RETRY = text("SELECT procrastinate_retry_job_v2(:job, NULL, NULL, NULL, NULL)")
_END = text("SELECT procrastinate_finish_job_v1(:job, 'failed', false)")


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


def take_over(session: Session, now: datetime) -> None:
    """Put the jobs of lost workers back into the queue; those of a document that lost too many end with it.

    A job is taken over by one caller, and its loss is counted in the same transaction: overlapping calls do no harm.
    A worker that had several jobs of one document in hand is one loss to it.
    """
    stalled = session.execute(_STALLED, {"silence": timedelta(seconds=settings().stalled_seconds)}).all()
    hold(session, *(job.args["document_id"] for job in stalled if "document_id" in job.args))
    lost: dict[tuple[Any, str], bool] = {}
    for job in stalled:
        log.warning("worker %s was lost with job %s %s in hand", job.worker_id, job.task_name, job.args)
        document_id = job.args.get("document_id")
        if document_id and (job.worker_id, document_id) not in lost:
            lost[job.worker_id, document_id] = count_lost_worker(session, document_id, now)
        is_over = lost.get((job.worker_id, document_id), False)
        if job.task_name == "retrain":
            is_over = count_lost_training(session, job.args["model_id"], now)
        _put_back(session, job, is_over=is_over)


def put_back(session: Session) -> None:
    """A worker that signed off puts back the jobs it could not finish in time. No loss, so nothing is counted."""
    for job in session.execute(_SIGNED_OFF).all():
        _put_back(session, job)


def _put_back(session: Session, job: Any, *, is_over: bool = False) -> None:
    is_regular = "timestamp" in job.args  # its next run is due soon
    session.execute(_END if is_over or is_regular else _RETRY, {"job": job.id})


def count_lost_worker(session: Session, document_id: str, now: datetime) -> bool:
    """Count a worker that was lost with this document in hand. True: enough, the document is failed."""
    document = lock_document(session, document_id)
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
    """Move the document to `failed` with its reason. `retry_failed` of hitl.release.documents starts it again."""
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
