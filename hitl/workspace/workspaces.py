"""Workspaces (tenants), the document types each one has, and what a new one starts with."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlmodel import Session, col, select

from extractor.doctypes import load_document_types
from hitl.platform.locks import ROW
from hitl.platform.moves import record
from hitl.platform.ownership import rows_of
from models.doctype import DocumentType
from models.ids import new_id
from models.states import ModelState
from models.tables import DocumentTypeVersion, ModelVersion, Workspace

DEFAULT_NAME = "default"
BASE_MODEL = "mdl_base"


class TypeRefused(ValueError):
    """The document type cannot be kept; the message says why."""


class NoSuchType(Exception):
    """The workspace has no document type of this name."""


def ensure_default_workspace(session: Session, now: datetime) -> Workspace:
    """The workspace that `make run` uses, made on the first call; also the built-in types and the base model."""
    return find_workspace(session, DEFAULT_NAME) or create_workspace(session, DEFAULT_NAME, now=now)


def find_workspace(session: Session, name: str) -> Workspace | None:
    return session.exec(select(Workspace).where(Workspace.name == name)).one_or_none()


def create_workspace(session: Session, name: str, *, now: datetime) -> Workspace:
    """A workspace with the built-in document types. If two make it at once, both get the same one."""
    ensure_base_model(session, now)
    session.execute(
        insert(Workspace)
        .values(
            id=new_id("ws"),
            name=name,
            audit_key=secrets.token_hex(32),
            salt=secrets.token_hex(16),
            settings={},
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["name"])
    )
    workspace = session.exec(select(Workspace).where(Workspace.name == name)).one()
    for spec in load_document_types().values():
        if _newest(session, workspace.id, spec.name) is None:
            save_type(session, workspace.id, spec, actor="system", now=now)
    return workspace


def ensure_base_model(session: Session, now: datetime) -> None:
    """Register the model that ships with the product. It serves every workspace that has none of its own."""
    row = insert(ModelVersion).values(
        id=BASE_MODEL,
        name="base",
        state=ModelState.SERVING.value,
        digest="",
        document_types=[],
        progress={},
        train_report={},
        gate_report={},
        created_at=now,
        promoted_at=now,
    )
    session.execute(row.on_conflict_do_nothing(index_elements=["id"]))


def current_type(session: Session, workspace_id: str, name: str) -> tuple[DocumentTypeVersion, DocumentType]:
    """The newest version of a document type. Raises NoSuchType."""
    row = _newest(session, workspace_id, name)
    if row is None or not row.active:
        raise NoSuchType(f"There is no document type {name!r} here.")
    return row, DocumentType.model_validate(row.spec)


def current_types(session: Session, workspace_id: str) -> dict[str, tuple[DocumentTypeVersion, DocumentType]]:
    """The newest version of every document type in use, by name."""
    rows = session.exec(
        select(DocumentTypeVersion)
        .where(DocumentTypeVersion.workspace_id == workspace_id)
        .ext(distinct_on(col(DocumentTypeVersion.name)))
        .order_by(col(DocumentTypeVersion.name), col(DocumentTypeVersion.number).desc())
    ).all()
    return {row.name: (row, DocumentType.model_validate(row.spec)) for row in rows if row.active}


def type_versions(session: Session, workspace_id: str, name: str) -> list[DocumentTypeVersion]:
    """All versions of a document type, newest first."""
    versions = rows_of(DocumentTypeVersion, workspace_id).where(DocumentTypeVersion.name == name)
    return list(session.exec(versions.order_by(col(DocumentTypeVersion.number).desc())).all())


def save_type(
    session: Session, workspace_id: str, spec: DocumentType, *, actor: str, now: datetime, active: bool = True
) -> DocumentTypeVersion:
    """Write `spec` as the next version of its type, or return the current version if it says the same.

    Raises TypeRefused for a type without fields: nothing could be read, asked or certified of its documents.
    """
    if not spec.fields:
        raise TypeRefused(f"The document type {spec.name} has no field.")
    session.get_one(Workspace, workspace_id, with_for_update=ROW)  # one writer at a time
    before = _newest(session, workspace_id, spec.name)
    body = spec.model_dump(mode="json")
    if before is not None and before.spec == body and before.active == active:
        return before
    row = DocumentTypeVersion(
        workspace_id=workspace_id,
        name=spec.name,
        number=before.number + 1 if before else 1,
        spec=body,
        active=active,
        created_by=actor,
        created_at=now,
    )
    session.add(row)
    session.flush()
    record(
        session,
        action="doctype.saved",
        subject=row.id,
        stream=row.id,
        workspace_id=workspace_id,
        actor=actor,
        now=now,
        data={"name": row.name, "number": row.number},
    )
    return row


def _newest(session: Session, workspace_id: str, name: str) -> DocumentTypeVersion | None:
    return session.exec(
        select(DocumentTypeVersion)
        .where(DocumentTypeVersion.workspace_id == workspace_id, DocumentTypeVersion.name == name)
        .order_by(col(DocumentTypeVersion.number).desc())
        .limit(1)
    ).first()
