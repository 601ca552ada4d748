"""Recognising a document in a child process, and storing what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from sqlmodel import Session

from extractor.processes import sandbox
from extractor.stated.reading import MADE_FROM_DATA, NOTHING, Stated, as_header, read_stated
from hitl.intake.pages import load_words, page_rows
from hitl.platform.blobs import BlobMissing, blobs
from hitl.workspace import masterdata, policy, registry
from hitl.workspace.workspaces import current_types
from models.doctype import DocumentType
from models.states import DocumentState
from models.tables import Document, DocumentPage, FieldReading, ModelVersion
from models.values import Page, Reading, Recognition

MEMORY_BYTES = 8_000_000_000  # of address space: torch alone reserves several GB
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Work:
    """All that recognising one document needs, read in one short transaction."""

    folder: Path
    model_version_id: str
    types: dict[str, DocumentType]
    type_versions: dict[str, str]
    document_type: str | None
    pages: list[DocumentPage]
    master_data: dict[str, str]  # of this workspace alone, by type
    file_key: str = ""  # blob of the file itself
    beside: dict[str, str] | None = None  # name and blob of the e-invoice that came with it
    unread: tuple[str, ...] = ()  # types whose words stay as the engine read them, by policy


def gather(session: Session, document: Document, model: ModelVersion | None = None) -> Work:
    """The model, by default the one that serves, the document types in use, and the pages."""
    model = model or registry.serving_model(session, document.workspace_id)
    types = current_types(session, document.workspace_id)
    return Work(
        folder=registry.bundle_folder(model).resolve(),
        model_version_id=model.id,
        types={name: spec for name, (_, spec) in types.items()},
        type_versions={name: row.id for name, (row, _) in types.items()},
        document_type=document.requested_type,
        pages=page_rows(session, document.id),
        file_key=f"{document.workspace_id}/{document.sha256}",
        beside=document.beside,
        master_data=masterdata.contents(session, document.workspace_id),
        unread=tuple(policy.types_as_read(session, document.workspace_id)),
    )


def recognise(work: Work, *, seconds: float, today: date) -> Recognition:
    """Type and fields of the document, by a child process. Raises `sandbox.SandboxFailed`."""
    pages = [load_words(row) for row in work.pages]
    header = {
        "folder": str(work.folder),
        "types": {name: spec.model_dump(mode="json") for name, spec in work.types.items()},
        "document_type": work.document_type if work.document_type in work.types else None,
        "master_data": work.master_data,
        "unread": list(work.unread),
        "pages": [page.to_json() for page in pages],
        "stated": as_header(stated_in(work, pages)),
        "today": today.isoformat(),
    }
    images = [blobs().get(row.image_key) for row in work.pages]
    answer, _ = sandbox.call(
        "hitl.intake.recognition_child:recognise_job",
        header,
        images,
        seconds=seconds,
        memory_bytes=MEMORY_BYTES,
        reads=str(work.folder),
    )
    return Recognition.from_json(answer)


def stated_in(work: Work, pages: Sequence[Page]) -> Stated:
    """What the file says beside its print; nothing where the file itself is gone and only its pages are left."""
    try:
        beside = {work.beside["name"]: blobs().get(work.beside["key"])} if work.beside else None
        return read_stated(blobs().get(work.file_key), pages, beside) if work.file_key else NOTHING
    except BlobMissing:
        return NOTHING


def store(session: Session, document: Document, recognition: Recognition, work: Work, now: datetime) -> None:
    """Add the readings of this run and note by what they were made."""
    document.document_type = recognition.document_type
    document.document_type_confidence = recognition.document_type_confidence
    document.type_version_id = work.type_versions.get(recognition.document_type)
    document.model_version_id = work.model_version_id
    document.problems = [*([MADE_FROM_DATA] if document.made_from_data else []), *recognition.problems]
    spec = work.types.get(recognition.document_type)
    if spec is not None:
        rows = [_row(document, spec, reading, work.model_version_id, now) for reading in recognition.readings]
        session.add_all(rows)
    session.add(document)
    session.flush()


def is_ready(document: Document) -> bool:
    """All pages are read and nobody recognised them; or people have said the type that the machine did not know."""
    if document.state == DocumentState.RENDERED:
        return document.pages_left == 0
    return document.state == DocumentState.AWAITING_TYPE and document.requested_type is not None


def is_sure(session: Session, document: Document, result: Recognition, *, now: datetime) -> bool:
    """Whether the type was given, or the machine's guess is above the threshold of the policy."""
    if result.document_type == UNKNOWN:
        return False
    _, rules = policy.current_policy(session, document.workspace_id, policy.ANY_TYPE, now=now)
    return bool(document.requested_type) or result.document_type_confidence >= rules.classification_threshold


def _row(
    document: Document, spec: DocumentType, reading: Reading, model_version_id: str, now: datetime
) -> FieldReading:
    return FieldReading(
        document_id=document.id,
        run=document.run,
        field=reading.field,
        kind=spec.field(reading.field).kind.value,
        value_state=reading.state.value,
        value=reading.value,
        text=reading.text,
        confidence=reading.confidence,
        score=reading.score,
        page=reading.page,
        box=reading.box.as_list() if reading.box else None,
        lines=[box.as_list() for box in reading.lines],
        items=[item.as_dict() for item in reading.items],
        alternatives=[list(pair) for pair in reading.alternatives],
        provenance=reading.provenance,
        model_version_id=model_version_id,
        created_at=now,
    )
