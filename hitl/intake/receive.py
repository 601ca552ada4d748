"""Taking in an upload: refuse early, store the bytes, and enqueue the first job, in one transaction."""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from extractor.page.locked import refuse_locked
from extractor.page.triage import PDF, XML, Limits, NotADocument, Triage, triage
from extractor.stated.reading import check_data
from hitl.platform import logs
from hitl.platform.blobs import keep, key_of
from hitl.platform.lanes import enqueue_step, next_place
from hitl.platform.moves import record
from hitl.settings import settings
from hitl.workspace.workspaces import current_type
from models.states import DocumentState
from models.tables import Document
from models.text import file_name

log = logging.getLogger(__name__)


def limits() -> Limits:
    """How much one upload may cost, from the settings."""
    given = settings()
    return Limits(
        max_bytes=given.max_bytes,
        max_pages=given.max_pages,
        max_pixels=given.max_pixels,
        seconds=int(given.render_seconds),
        memory_bytes=given.render_memory_mb * 1_000_000,
    )


Beside = tuple[str, bytes]  # name and content of the e-invoice that came with a document


class HereWithoutIt(Exception):
    """These bytes are here under this external_id, with another e-invoice beside them or with none."""


def inspect(data: bytes) -> Triage:
    """What the bytes are. Raises `extractor.page.triage.Refusal`, also for a PDF that needs a password to be opened."""
    kind = triage(data, limits())
    if kind == PDF:
        refuse_locked(data, limits())
    elif kind == XML:
        check_data(data)
    return kind


def inspect_beside(beside: Beside) -> None:
    """Raises `extractor.page.triage.Refusal` for a second file that is no e-invoice."""
    if inspect(beside[1]) != XML:
        raise NotADocument("The part `beside` is no e-invoice in XML: it can only go with another file.")


def receive(
    session: Session,
    *,
    workspace_id: str,
    data: bytes,
    kind: Triage | None = None,
    filename: str,
    external_id: str | None = None,
    document_type: str | None = None,
    priority: int = 0,
    due_at: datetime | None = None,
    beside: Beside | None = None,
    actor: str,
    now: datetime,
) -> tuple[Document, bool]:
    """Take in one upload; `kind` is what `inspect` said, if it was asked before.

    Returns the document and whether it is new: same bytes and external id are the same document. Raises
    `extractor.page.triage.Refusal` before anything is stored, `workspaces.NoSuchType`, and `HereWithoutIt`.
    """
    kind = kind or inspect(data)
    if document_type is not None:
        current_type(session, workspace_id, document_type)
    digest = hashlib.sha256(data).hexdigest()
    known = _known(session, workspace_id, digest, external_id, beside)
    if known is not None:
        return known, False
    document = Document(
        workspace_id=workspace_id,
        external_id=external_id,
        filename=file_name(filename),
        sha256=digest,
        media_type=kind.media_type,
        bytes=len(data),
        requested_type=document_type,
        priority=priority,
        place=next_place(session, workspace_id, priority),
        due_at=due_at,
        created_at=now,
        uploaded_by=actor,
    )
    try:
        with session.begin_nested():
            session.add(document)
    except IntegrityError:  # somebody sent the same at the same moment, and was first
        known = _known(session, workspace_id, digest, external_id, beside)
        if known is None:
            raise
        return known, False
    keep(session, document, data, now)
    if beside is not None:
        document.beside = {"name": file_name(beside[0]), "key": keep(session, document, beside[1], now)}
        session.add(document)
    record(
        session,
        action="document.received",
        subject=document.id,
        stream=document.id,
        workspace_id=workspace_id,
        actor=actor,
        now=now,
        data={"bytes": len(data), "media_type": kind.media_type},
    )
    enqueue_step(session, "render", document)
    with logs.about(document_id=document.id):
        log.info("received %s of %s bytes", kind.media_type, len(data))
    return document, True


def _known(
    session: Session, workspace_id: str, digest: str, external_id: str | None, beside: Beside | None
) -> Document | None:
    if external_id is None:
        return None
    same = select(Document).where(
        Document.workspace_id == workspace_id,
        Document.sha256 == digest,
        Document.external_id == external_id,
        Document.state != DocumentState.ERASED.value,
    )
    known = session.exec(same).first()
    if known is not None and beside is not None and (known.beside or {}).get("key") != key_of(workspace_id, beside[1]):
        raise HereWithoutIt("This file is here already under this external_id, without this e-invoice beside it.")
    return known
