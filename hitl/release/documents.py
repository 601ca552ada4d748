"""What may be done with a document from outside its main line: cancel, hold, retype, reprocess, retry, erase."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from sqlalchemy import delete, update
from sqlmodel import Session, SQLModel, col, select

from hitl.certificate.courses import keep_of_erased
from hitl.platform import locks
from hitl.platform.blobs import blobs
from hitl.platform.jobs import enqueue
from hitl.platform.lanes import enqueue_step, next_place
from hitl.platform.moves import advance, record
from hitl.release import release
from hitl.work.queue_rows import withdraw_all
from hitl.workspace.workspaces import current_type
from models.states import IN_WORK, RELEASED, DocumentState
from models.tables import (
    Answer,
    Audit,
    Blob,
    Correction,
    Document,
    DocumentPage,
    Example,
    Exposure,
    FieldReading,
    GoldItem,
    Message,
    Release,
    Review,
    Snapshot,
    Task,
    Verdict,
    WebhookDelivery,
    Workspace,
)

D = DocumentState
HOLD_VALUES: tuple[type[SQLModel], ...] = (
    Message, Exposure, GoldItem, Example, Correction, Release, Review, Answer, Task, Audit, Verdict, FieldReading,
    DocumentPage, Blob,
)  # fmt: skip


class NotNow(Exception):
    """The document is in a state in which this cannot be done; the message says which."""


def cancel(session: Session, document: Document, *, actor: str, now: datetime) -> None:
    """Stop work on the document. Raises NotNow when it is done already."""
    _locked(session, document, IN_WORK | {D.FAILED}, "cancelled")
    withdraw_all(session, document, why="cancelled", actor=actor, now=now)
    advance(session, document, D.CANCELLED, actor=actor, now=now)


def hold(session: Session, document: Document, *, reason: str, actor: str, now: datetime) -> None:
    """Keep the document from being released until `unhold`."""
    _locked(session, document, IN_WORK, "held")
    document.held_reason = reason
    session.add(document)
    _log(session, document, "document.held", actor, now, {"reason": reason})


def unhold(session: Session, document: Document, *, actor: str, now: datetime) -> None:
    """Let a held document go on, and release it if nothing else is missing."""
    _locked(session, document, IN_WORK, "let go")
    document.held_reason, document.own = None, document.own or document.repeat_of is not None
    session.add(document)
    _log(session, document, "document.let_go", actor, now, {})
    if document.state == D.IN_REVIEW:
        release.release_if_ready(session, document, now=now)


def answer_repeat(session: Session, document: Document, *, copy: bool, actor: str, now: datetime) -> None:
    """Somebody says whether a document that is held as `repeat_of` is a copy: it is cancelled then, and stays as it is.

    A document of its own goes on, and is not held for that again. Raises NotNow.
    """
    locks.lock_document(session, document.id)
    if document.repeat_of is None or document.own or document.state not in IN_WORK:
        raise NotNow("Only a document that is held as a probable second copy can be answered for.")
    _log(session, document, "document.repeat", actor, now, {"repeat_of": document.repeat_of, "copy": copy})
    if copy:
        cancel(session, document, actor=actor, now=now)
        return
    document.own = True
    unhold(session, document, actor=actor, now=now)


def retype(session: Session, document: Document, document_type: str, *, actor: str, now: datetime) -> None:
    """Say what type the document is: its open work is withdrawn, and it is recognised again as that type.

    Raises NotNow, and `workspaces.NoSuchType`.
    """
    current_type(session, document.workspace_id, document_type)
    _locked(session, document, IN_WORK | RELEASED, "retyped")
    document.requested_type = document_type
    session.add(document)
    _log(session, document, "document.retyped", actor, now, {"document_type": document_type})
    if document.state == D.AWAITING_TYPE:
        withdraw_all(session, document, why="retyped", actor=actor, now=now)
        document.run += 1  # the question what it is belongs to the run that asked it
        enqueue_step(session, "recognise", document)
    elif document.state not in (D.RECEIVED, D.RENDERED):
        _start_again(session, document, actor=actor, now=now, why=f"retyped as {document_type}")


def read_as(session: Session, document: Document, document_type: str) -> None:
    """People named the type of a document that waited for it: recognise its fields under that type."""
    document.requested_type = document_type
    session.add(document)
    session.execute(
        delete(FieldReading).where(col(FieldReading.document_id) == document.id, col(FieldReading.run) == document.run)
    )
    enqueue_step(session, "recognise", document)


def reprocess(session: Session, document: Document, *, pages: bool = False, actor: str, now: datetime) -> None:
    """Read the fields again with the model that serves now; with `pages`, the words too. Raises NotNow."""
    again = RELEASED | {D.AWAITING_TYPE, D.READ, D.IN_REVIEW}
    _locked(session, document, again, "processed again")
    _start_again(session, document, actor=actor, now=now, why="reprocess", pages=pages)


def retry_failed(session: Session, document: Document, *, actor: str, now: datetime) -> None:
    """Start a failed document from its bytes. Raises NotNow."""
    _locked(session, document, {D.FAILED}, "retried")
    withdraw_all(session, document, why="retried", actor=actor, now=now)
    place = next_place(session, document.workspace_id, document.priority)
    fresh = {"place": place, "attempts": 0, "lost_workers": 0, "problem": None, "split": None, "run": document.run + 1}
    advance(session, document, D.RECEIVED, actor=actor, now=now, why="retry", **fresh)
    enqueue_step(session, "render", document)


def erase(session: Session, document: Document, *, actor: str, now: datetime) -> None:
    """Delete the document's values, pages and bytes for good. A tombstone stays: id, times and state.

    The documents that were made of it go with it: they are its pages. What certificates count of it stays, because
    that is scores and losses but no value.
    """
    if document.state == D.ERASED:
        return
    parts = session.exec(select(Document).where(Document.parent_id == document.id).order_by(col(Document.id))).all()
    locks.hold(session, document.id, *(part.id for part in parts))
    for part in parts:
        erase(session, part, actor=actor, now=now)
    keep_of_erased(session, document, now=now)
    keys = list(session.exec(select(Blob.key).where(Blob.document_id == document.id)).all())
    keys += _forget_in_snapshots(session, document)
    for table in HOLD_VALUES:
        session.execute(delete(table).where(table.__table__.c.document_id == document.id))  # type: ignore[attr-defined]
    session.execute(update(WebhookDelivery).where(col(WebhookDelivery.document_id) == document.id).values(payload=None))
    salt = session.get_one(Workspace, document.workspace_id).salt
    tombstone: dict[str, Any] = {
        "filename": "", "external_id": None, "problem": None, "problems": [], "exceptions": [], "perceptual_hash": None,
        "beside": None, "repeat_key": None,
        "sha256": hashlib.sha256(f"{salt}:{document.sha256}".encode()).hexdigest(),
    }  # fmt: skip
    advance(session, document, D.ERASED, actor=actor, now=now, **tombstone)
    enqueue(session, "delete_blobs", keys=keys)


def _start_again(
    session: Session, document: Document, *, actor: str, now: datetime, why: str, pages: bool = False
) -> None:
    """A new run: back to `rendered`, with the words that are there or, with `pages`, without."""
    withdraw_all(session, document, why=why, actor=actor, now=now)
    pages = pages and not document.made_from_data  # whose words were never read from a picture
    numbers = session.exec(select(DocumentPage.number).where(DocumentPage.document_id == document.id)).all()
    if pages:
        unread = {"read_at": None, "words_key": None, "attempts": 0}
        session.execute(update(DocumentPage).where(col(DocumentPage.document_id) == document.id).values(**unread))
        session.expire_all()
    left = len(numbers) if pages else 0
    advance(
        session, document, D.RENDERED, actor=actor, now=now, why=why, run=document.run + 1, attempts=0, pages_left=left
    )
    if not pages:
        enqueue_step(session, "recognise", document)
        return
    for number in numbers:
        enqueue_step(session, "read_page", document, number=number)


def _locked(
    session: Session, document: Document, states: set[DocumentState] | frozenset[DocumentState], done: str
) -> None:
    locks.lock_document(session, document.id)
    if document.state not in states:
        raise NotNow(f"A document that is {document.state} cannot be {done}.")


def _log(session: Session, document: Document, action: str, actor: str, now: datetime, data: dict[str, Any]) -> None:
    record(
        session, action=action, subject=document.id, stream=document.id, workspace_id=document.workspace_id,
        actor=actor, now=now, data=data,
    )  # fmt: skip


def _forget_in_snapshots(session: Session, document: Document) -> list[str]:
    """Write the workspace's snapshots anew without this document, and flag them. Returns the old blobs' keys."""
    replaced = []
    kept_for = select(Snapshot).where(Snapshot.workspace_id == document.workspace_id).order_by(col(Snapshot.id))
    for snapshot in session.exec(kept_for).all():
        body = json.loads(blobs().get(snapshot.blob_key))
        kept = [entry for entry in body["documents"] if entry["document"] != document.id]
        if len(kept) == len(body["documents"]):
            continue
        replaced.append(snapshot.blob_key)
        fresh = json.dumps(body | {"documents": kept}, sort_keys=True).encode()
        snapshot.blob_key = blobs().put(document.workspace_id, fresh)
        snapshot.complete = False
        session.add(snapshot)
    return replaced
