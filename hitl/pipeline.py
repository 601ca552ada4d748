"""The main line of a document and all jobs: render, read, recognise, then people; webhooks, training, upkeep.

Every job is short and may run twice. It looks in one transaction, works outside of any, and writes in one last
transaction that locks the document and looks again: what somebody else did meanwhile is left alone.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlmodel import Session, select

import extractor.page.render
import extractor.read
from extractor import sandbox
from extractor.ocr import DEFAULT_ENGINE
from extractor.page.triage import Refusal
from hitl import housekeeping
from hitl.annotation import conduct, qualification, recalibration, tasks
from hitl.certificate import certify as certifying
from hitl.grader import sampling as review_sampling
from hitl.intake import pages, recognition
from hitl.intake.groups import assign_group
from hitl.intake.receive import limits
from hitl.learning import rescore, shadow, train_job
from hitl.platform import idempotency, webhooks
from hitl.platform.blobs import blobs, drop_unused
from hitl.platform.db import transaction
from hitl.platform.failures import count_failure, lock_document
from hitl.platform.jobs import enqueue, every, job
from hitl.platform.moves import advance
from hitl.settings import settings
from hitl.workspace import registry
from models.states import DocumentState
from models.tables import Document, User, Workspace

log = logging.getLogger(__name__)

D = DocumentState


@job("render", on_failure=count_failure)
def render(document_id: str) -> None:
    """Bytes to page images, or a refusal."""
    with transaction() as session:
        document = session.get(Document, document_id)
        if document is None or document.state != D.RECEIVED:
            return
        key = f"{document.workspace_id}/{document.sha256}"
    try:
        with cpu():
            drawn = extractor.page.render.render(blobs().get(key), limits(), settings().renderer)
    except Refusal as refusal:
        refuse(document_id, refusal)
        return
    with transaction() as session:
        document = still(session, document_id, D.RECEIVED)
        if document is None:
            return
        assign_group(session, document, drawn[0].png)
        pages.keep_rendered(session, document, drawn, now())
        for page in drawn:
            enqueue(session, "read_page", priority=document.priority, document_id=document_id, number=page.number)
        move(session, document, D.RENDERED, page_count=len(drawn), pages_left=len(drawn))


@job("read_page", on_failure=count_failure)
def read_page(document_id: str, number: int) -> None:
    """A page image to words. The last page to finish enqueues the next step."""
    with transaction() as session:
        document, row = session.get(Document, document_id), pages.page_row(session, document_id, number)
        if document is None or document.state != D.RENDERED or row is None or row.read_at is not None:
            return
        drawn = pages.DrawnPage(number, row.rendered_key, row.text_layer_key, row.width, row.height)
    with cpu():
        read = extractor.read.read_page(drawn.load(), engine(), seconds=settings().read_seconds)
    with transaction() as session:
        document, row = still(session, document_id, D.RENDERED), pages.page_row(session, document_id, number)
        if document is None or row is None or row.read_at is not None:
            return
        pages.keep_read(session, document, row, read, now())
        document.pages_left = (document.pages_left or 0) - 1
        if document.pages_left == 0:
            enqueue(session, "recognise", priority=document.priority, document_id=document_id)


@job("recognise", on_failure=count_failure)
def recognise(document_id: str) -> None:
    """Words to document type and readings, then routing: to people, or straight to a release."""
    with transaction() as session:
        document = session.get(Document, document_id)
        if document is None or not recognition.is_ready(document):
            return
        seen = (document.run, document.requested_type)
        work = recognition.gather(session, document)
    with cpu():
        result = recognition.recognise(work, seconds=settings().recognise_seconds, today=now().date())
    with transaction() as session:
        document = still(session, document_id, D.RENDERED, D.AWAITING_TYPE)
        if document is None or not recognition.is_ready(document):
            return
        if (document.run, document.requested_type) != seen:  # retyped or started again while we worked
            enqueue(session, "recognise", priority=document.priority, document_id=document_id)
            return
        recognition.store(session, document, result, work, now())
        sure = recognition.is_sure(session, document, result, now=now())
        move(session, document, D.READ if sure else D.AWAITING_TYPE)
        tasks.open_tasks(session, document, now=now())


@job("deliver_webhook", on_failure=webhooks.count_failure)
def deliver_webhook(delivery_id: str) -> None:
    """Tell one client one thing. At least once: the receiver knows repetitions by the id."""
    webhooks.deliver(delivery_id, now=now())


@job("retrain", on_failure=train_job.count_failure)
def retrain(model_id: str) -> None:
    """Train a candidate from its frozen snapshot and let the gate decide. The candidate waits to be promoted."""
    train_job.train_candidate(model_id, now=now)


@job("certify", on_failure=housekeeping.never_give_up)
def certify(workspace_id: str, document_type: str) -> None:
    """New labels: replay them, and certify, wait or suspend; the model in the shadow too, which may then take over."""
    with transaction() as session:
        certifying.refresh(session, workspace_id, document_type, now=now())
    with transaction() as session:
        if (model := shadow.shadow_model(session, workspace_id)) is not None:
            certifying.refresh(session, workspace_id, document_type, now=now(), model=model)
            shadow.promote_if_ready(session, model, now=now())


@job("recertify", on_failure=housekeeping.never_give_up)
def recertify(workspace_id: str, after: str = "", model_id: str | None = None, document_id: str | None = None) -> None:
    """Score the labels there are with a model that did not read them, a batch a job, then certify.

    `model_id`: None for the one that serves. `document_id`: this document alone.
    """
    with transaction() as session:
        model = rescore.reader(session, workspace_id, model_id)
        if model is None:
            return
        scored_by = model.id
        ids = [document_id] if document_id else rescore.waiting(session, model, workspace_id, after)
    for one in ids:
        with transaction() as session:
            work = rescore.plan(session, one, scored_by)
        if work is None:
            continue
        try:
            with cpu():
                result = recognition.recognise(work, seconds=settings().recognise_seconds, today=now().date())
        except sandbox.SandboxFailed as error:  # its labels go on counting as wrong
            log.warning("document %s cannot be scored anew: %s", one, error)
            continue
        with transaction() as session:
            rescore.store(session, one, result, work, now=now())
    if document_id:
        return
    with transaction() as session:
        if ids:
            registry.recertify(session, workspace_id, model_id, after=ids[-1])
        else:
            rescore.follow_all(session, workspace_id)


@job("ask_again", on_failure=housekeeping.never_give_up)
def ask_again(user_id: str, why: str) -> None:
    """Somebody was paused by a rule of conduct: what hung on their word alone is asked again."""
    with transaction() as session:
        conduct.ask_again(session, session.get_one(User, user_id), why=why, now=now())


@job("delete_blobs", on_failure=housekeeping.never_give_up)
def delete_blobs(keys: list[str]) -> None:
    """After an erasure: delete the bytes that no other document needs."""
    with transaction() as session:
        drop_unused(session, keys)


@every(minutes=1)
def upkeep() -> None:
    """Take back what lies too long, look after documents whose job was lost, erase what is past its retention."""
    with transaction() as session:
        tasks.expire_leases(session, now=now())
    with transaction() as session:
        housekeeping.enqueue_lost_steps(session, now=now(), silence=timedelta(minutes=10))
    with transaction() as session:
        housekeeping.erase_expired(session, now=now())
        housekeeping.delete_finished_jobs(session, before=now() - timedelta(days=7))
        idempotency.forget_old_keys(session, now=now())


@every(minutes=30)
def learn_about_people() -> None:
    """Make gold of what was adjudicated, see what posteriors are worth, train the grader; workspace by workspace."""
    with transaction() as session:
        for workspace_id in session.exec(select(Workspace.id)).all():
            qualification.harvest(session, workspace_id, now=now())
            recalibration.recalibrate(session, workspace_id, now=now())
            review_sampling.train_if_due(session, workspace_id, now=now())


# --- the words of this page -----------------------------------------------------------------------


def now() -> datetime:
    """The clock, read here and handed in everywhere below."""
    return datetime.now(UTC)


@lru_cache(maxsize=1)
def cpu() -> threading.BoundedSemaphore:
    """Entered for work in a child process, so that a worker has no more of them than it may."""
    return threading.BoundedSemaphore(settings().worker_children)


def engine() -> str:
    """The engine that reads images; `auto` is the default of the extractor."""
    chosen = settings().ocr_engine
    return DEFAULT_ENGINE if chosen == "auto" else chosen


def still(session: Session, document_id: str, *states: DocumentState) -> Document | None:
    """The document, locked, if it is still in one of `states`."""
    document = lock_document(session, document_id)
    return document if document is not None and document.state in states else None


def move(session: Session, document: Document, to: DocumentState, **changes: Any) -> None:
    """One step forward on the main line: the failures of the step before are forgotten."""
    advance(session, document, to, actor="system:pipeline", now=now(), attempts=0, **changes)


def refuse(document_id: str, refusal: Refusal) -> None:
    """End the document with our answer to bad input."""
    problem = {"code": refusal.code, "message": refusal.message, "next_step": refusal.next_step}
    with transaction() as session:
        document = still(session, document_id, D.RECEIVED)
        if document is None:
            return
        move(session, document, D.REFUSED, problem=problem)
        webhooks.notify(
            session, document, "document.refused", {"problem": problem}, event_key=f"{document_id}:refused", now=now()
        )
