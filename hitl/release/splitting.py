"""Files that hold several documents: noticed, held, and cut by the machine where it is sure, else where people say.

What was guessed and what was answered stands in `Document.split`: first pages of all documents but the first. The job
`split` makes the documents in one transaction, so that a file is whole or all its documents are there.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import PurePath
from typing import Any

from sqlmodel import Session, col, select

from extractor.splitting.cuts import ONE, Cuts, parts_of
from hitl.intake.pages import load_words, page_rows
from hitl.intake.receive import limits
from hitl.intake.recognition import Work, stated_in
from hitl.platform.blobs import blobs, keep, need
from hitl.platform.children import cpu
from hitl.platform.db import transaction
from hitl.platform.lanes import enqueue_step
from hitl.platform.locks import lock_document
from hitl.platform.moves import advance, record
from hitl.release import webhooks
from hitl.release.documents import NotNow
from hitl.work.exposure import expose
from hitl.work.queue_rows import withdraw_all
from hitl.workspace import policy
from models.states import DocumentState
from models.tables import Blob, Document, DocumentPage, Exposure
from models.text import file_name

D = DocumentState
MACHINE = "system:split"
BEGUN = (D.READ, D.IN_REVIEW, D.AWAITING_TYPE)  # a file that was taken as one document, and is none


class CutsImpossible(ValueError):
    """The file cannot be cut so; the message says why."""


def is_due(session: Session, document: Document, *, now: datetime) -> bool:
    """Whether the machine shall look for several documents: once a file of several pages, never in a part of one."""
    if document.parent_id or document.split is not None or (document.page_count or 0) < 2:
        return False
    return policy.current_policy(session, document.workspace_id, policy.ANY_TYPE, now=now)[1].split != "off"


def look(work: Work) -> Cuts:
    """Where the machine thinks that documents begin. A file that says of itself what it is, is one document."""
    from extractor.splitting.splitter import built_in

    pages = [load_words(row) for row in work.pages]
    cuts = built_in().cuts(pages)
    if cuts.is_one:
        return cuts
    return ONE if stated_in(work, pages).document_type else cuts


def hold(session: Session, document: Document, cuts: Cuts, *, now: datetime) -> bool:
    """Keep what the machine thinks, and hold what may be several documents. False: it is one, and is read on."""
    rules = policy.current_policy(session, document.workspace_id, policy.ANY_TYPE, now=now)[1]
    decided = cuts.is_one or (cuts.sure and rules.split == "auto")
    guess = {"starts": list(cuts.starts), "sure": cuts.sure, "probabilities": list(cuts.probabilities)}
    document.split = {"guess": guess, "answer": list(cuts.starts) if decided else None, "by": MACHINE}
    session.add(document)
    if cuts.is_one:
        return False
    advance(session, document, D.AWAITING_SPLIT, actor=MACHINE, now=now)
    if decided:
        enqueue_step(session, "split", document)
    else:
        key = f"{document.id}:split:{document.run}"
        webhooks.notify(session, document, "document.needs_people", event_key=key, now=now)
    return True


def answer(session: Session, document: Document, starts: Sequence[int], *, actor: str, now: datetime) -> None:
    """Somebody says at which pages further documents begin; at none: it is one document.

    The same answer twice is harmless. Raises `CutsImpossible`, and `NotNow` for a part of a file, for a file that is
    being cut otherwise, and in states in which nobody waits for it.
    """
    lock_document(session, document.id)
    starts = _possible(starts, document)
    before = document.split or {"guess": None, "answer": None}
    if document.state == D.AWAITING_SPLIT and before["answer"] is not None and before["answer"] != starts:
        raise NotNow("The file is being cut already.")
    if document.parent_id or document.state not in (D.AWAITING_SPLIT, *BEGUN):
        raise NotNow(f"A document that is {document.state} cannot be cut.")
    document.split = before | {"answer": starts, "by": actor}
    session.add(document)
    record(
        session, action="document.cuts", subject=document.id, stream=document.id, workspace_id=document.workspace_id,
        actor=actor, now=now, data={"starts": starts},
    )  # fmt: skip
    if document.state == D.AWAITING_SPLIT and not starts:
        advance(session, document, D.RENDERED, actor=actor, now=now, why="one document", pages_left=0)
        enqueue_step(session, "recognise", document)
    elif starts:
        if document.state != D.AWAITING_SPLIT:
            withdraw_all(session, document, why="split", actor=actor, now=now)
            advance(session, document, D.AWAITING_SPLIT, actor=actor, now=now)
        enqueue_step(session, "split", document)


def _possible(starts: Sequence[int], document: Document) -> list[int]:
    pages = document.page_count or 0
    if list(starts) != sorted(set(starts)):
        raise CutsImpossible("The first pages of documents must ascend, each once.")
    if starts and (starts[0] < 2 or starts[-1] > pages):
        raise CutsImpossible(f"The file has {pages} pages: further documents can begin at page 2 to {pages}.")
    return list(starts)


def split(document_id: str, *, now: datetime) -> None:
    """Make the documents of a file that is to be cut. Harmless twice. Raises `extractor.page.triage.Refusal`."""
    with transaction() as session:
        document = session.get(Document, document_id)
        if document is None or not _is_answered(document):
            return
        starts, pages = list((document.split or {})["answer"]), document.page_count or 0
        key = f"{document.workspace_id}/{document.sha256}"
    from extractor.splitting.rewrite import rewrite

    ranges = parts_of(starts, pages)
    with cpu():
        kind, files = rewrite(blobs().get(key), ranges, limits())
    with transaction() as session:
        document = lock_document(session, document_id)
        if document is None or not _is_answered(document) or (document.split or {})["answer"] != starts:
            return
        made = [
            _part(session, document, number, pair, data, kind.media_type, now=now)
            for number, (pair, data) in enumerate(zip(ranges, files, strict=True), start=1)
        ]
        advance(session, document, D.SPLIT, actor=(document.split or {})["by"], now=now, attempts=0)
        told = [{"id": one.id, "part": one.part, "page_range": one.page_range} for one in made]
        webhooks.notify(session, document, "document.split", {"parts": told}, now=now)


def _is_answered(document: Document) -> bool:
    return document.state == D.AWAITING_SPLIT and bool((document.split or {}).get("answer"))


def _part(
    session: Session,
    parent: Document,
    number: int,
    pages: tuple[int, int],
    data: bytes,
    media_type: str,
    *,
    now: datetime,
) -> Document:
    """A document of its own, with its pages as they were read: of the group and fold of its file."""
    name = PurePath(parent.filename or "document")
    suffix = ".pdf" if media_type == "application/pdf" else ".tif"
    given = {
        "workspace_id", "group_id", "fold", "requested_type", "priority", "place", "due_at", "held_reason",
        "uploaded_by",
    }  # fmt: skip
    document = Document(
        **parent.model_dump(include=given),
        filename=file_name(f"{name.stem} ({number}){suffix}"),
        media_type=media_type,
        bytes=len(data),
        sha256="",
        page_count=pages[1] - pages[0] + 1,
        pages_left=0,
        created_at=now,
        parent_id=parent.id,
        part=number,
        page_range=list(pages),
    )
    session.add(document)
    session.flush()
    document.sha256 = keep(session, document, data, now).rpartition("/")[2]
    record(
        session, action="document.received", subject=document.id, stream=document.id, workspace_id=parent.workspace_id,
        actor=MACHINE, now=now, data={"bytes": len(data), "media_type": media_type, "part_of": parent.id},
    )  # fmt: skip
    _take_pages(session, parent, document, now)
    advance(session, document, D.RENDERED, actor=MACHINE, now=now)
    webhooks.notify(session, document, "document.received", now=now)
    enqueue_step(session, "recognise", document)
    return document


def _take_pages(session: Session, parent: Document, document: Document, now: datetime) -> None:
    """The pages of its range, counted from 1, and who has seen them."""
    first, last = document.page_range or [1, 0]
    sizes = dict(session.exec(select(Blob.key, Blob.bytes).where(Blob.document_id == parent.id)).all())
    for row in page_rows(session, parent.id):
        if not first <= row.number <= last:
            continue
        words = dataclasses.replace(load_words(row), number=row.number - first + 1)
        for key in {row.rendered_key, row.image_key, row.text_layer_key} - {None, ""}:
            need(session, document, str(key), sizes.get(str(key), 0), now)
        session.add(
            DocumentPage(
                **row.model_dump(exclude={"id", "document_id", "number", "words_key"}),
                document_id=document.id,
                number=words.number,
                words_key=keep(session, document, json.dumps(words.to_json()).encode(), now),
            )
        )
    for seen in session.exec(select(Exposure).where(Exposure.document_id == parent.id)).all():
        if pages := [number - first + 1 for number in seen.pages if first <= number <= last]:
            expose(session, seen.user_id, document.id, pages=pages, now=now)
    session.flush()


def can_split(document: Document) -> bool:
    """Whether people may still say at which pages documents begin."""
    waits = document.state == D.AWAITING_SPLIT and not _is_answered(document)
    return (waits or document.state in BEGUN) and not document.parent_id and (document.page_count or 0) > 1


def parts_made(session: Session, document: Document) -> list[Document]:
    """The documents that a file was cut into, in order."""
    made = select(Document).where(Document.parent_id == document.id).order_by(col(Document.part))
    return list(session.exec(made).all())


def best_guess(document: Document) -> Mapping[str, Any]:
    """What the machine thought: `starts`, `sure`, `probabilities`; nothing where it was never asked."""
    known: Mapping[str, Any] = (document.split or {}).get("guess") or {}
    return {"starts": [], "sure": False, "probabilities": []} | dict(known)
