"""Frozen training sets: which documents, labels and probabilities a model was trained on, by digest, in one blob."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from hitl.platform.blobs import blobs
from hitl.platform.moves import record
from models.states import Fold
from models.tables import Document, DocumentPage, Example, Snapshot


class NoSuchSnapshot(Exception):
    """The workspace has no snapshot of this id or name."""


class NothingToLearn(Exception):
    """No example fits; the message says what to do."""


WITNESSES = 200  # of each type that is not learned: the newest

# The better source wins when one field has several: a gold value is worth more than an ordinary agreement.
TRUST = {"import": 1, "review": 2, "audit": 3, "reviewer": 4, "correction": 5}


def freeze(
    session: Session, workspace_id: str, *, now: datetime, document_types: Iterable[str] = (), name: str = ""
) -> Snapshot:
    """Freeze every example of the train and select folds (never certify) of `document_types`, or of all types.

    Labelled documents of the other types are in it without labels: nothing is learned from them, and the gate looks
    whether they are still called by their type.

    Raises NothingToLearn when there is none.
    """
    documents = _documents(session, workspace_id, set(document_types))
    taught = [document for document in documents if document["labels"]]
    if not taught:
        raise NothingToLearn("There are no examples to learn from yet. Answer some review tasks first.")
    body = json.dumps({"format": 1, "documents": documents}, sort_keys=True).encode()
    snapshot = Snapshot(
        workspace_id=workspace_id,
        name=name,
        blob_key=blobs().put(workspace_id, body),
        digest=hashlib.sha256(body).hexdigest(),
        rows=sum(len(d["labels"]) for d in taught),
        documents=len(taught),
        created_at=now,
    )
    session.add(snapshot)
    session.flush()
    record(
        session,
        action="snapshot.frozen",
        subject=snapshot.id,
        stream=snapshot.id,
        workspace_id=workspace_id,
        actor="system:snapshots",
        now=now,
        data={"digest": snapshot.digest, "rows": snapshot.rows, "documents": snapshot.documents},
    )
    return snapshot


def list_snapshots(session: Session, workspace_id: str) -> list[Snapshot]:
    """The workspace's snapshots, newest first."""
    rows = select(Snapshot).where(Snapshot.workspace_id == workspace_id)
    return list(session.exec(rows.order_by(col(Snapshot.created_at).desc(), col(Snapshot.id).desc())).all())


def find(session: Session, workspace_id: str, wanted: str) -> Snapshot:
    """The snapshot of this id, or the newest of this name. Raises NoSuchSnapshot."""
    for row in list_snapshots(session, workspace_id):
        if wanted and wanted in (row.id, row.name):
            return row
    raise NoSuchSnapshot(f"There is no snapshot {wanted}.")


def read(snapshot: Snapshot) -> list[dict[str, Any]]:
    """The documents of a snapshot: {document, group, type, fold, pages, images, labels: {field: {...}}}.

    `pages` and `images` are blob keys: the words of each page, and the picture that is served. Without labels: a
    document of a type that is not learned.
    """
    body = json.loads(blobs().get(snapshot.blob_key))
    documents: list[dict[str, Any]] = body["documents"]
    return documents


def _documents(session: Session, workspace_id: str, document_types: set[str]) -> list[dict[str, Any]]:
    chosen = [col(Example.workspace_id) == workspace_id, col(Example.fold).in_([Fold.TRAIN.value, Fold.SELECT.value])]
    rows = session.exec(
        select(Example, Document)
        .join(Document, col(Example.document_id) == col(Document.id))
        .where(*chosen)
        .order_by(col(Document.created_at), col(Document.id), col(Example.field))
    ).all()
    pages: defaultdict[str, list[DocumentPage]] = defaultdict(list)
    of_them = select(DocumentPage).where(col(DocumentPage.document_id).in_(select(Example.document_id).where(*chosen)))
    for page in session.exec(of_them.order_by(col(DocumentPage.number))):
        pages[page.document_id].append(page)
    documents: dict[str, dict[str, Any]] = {}
    for example, document in rows:
        if document.id not in documents:
            documents[document.id] = _entry(document, example.document_type, pages[document.id])
        if not document_types or example.document_type in document_types:
            _keep_best(documents[document.id]["labels"], example)
    found = [entry for entry in documents.values() if entry["pages"]]
    witnesses = {id(entry) for entry in _newest_of_each_type(entry for entry in found if not entry["labels"])}
    return [entry for entry in found if entry["labels"] or id(entry) in witnesses]


def _newest_of_each_type(entries: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    by_type: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in entries:
        by_type[entry["type"]].append(entry)
    for members in by_type.values():
        yield from members[-WITNESSES:]


def _entry(document: Document, document_type: str, pages: Sequence[DocumentPage]) -> dict[str, Any]:
    return {
        "document": document.id,
        "group": document.group_id or document.sha256,
        "type": document_type,
        "fold": document.fold,
        "pages": [page.words_key for page in pages if page.words_key],
        "images": [page.image_key for page in pages if page.words_key],
        "labels": {},
    }


def _keep_best(labels: dict[str, Any], example: Example) -> None:
    held = labels.get(example.field)
    if held and TRUST.get(held["source"], 0) >= TRUST.get(example.source, 0):
        return
    labels[example.field] = {
        "state": example.value_state,
        "value": example.value,
        "page": example.page,
        "box": example.box,
        "source": example.source,
        "probability": example.probability,
    }
