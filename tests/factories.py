"""Plain functions that put rows into a test's database. Each flushes and returns its row; none commits."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlmodel import Session, SQLModel

from hitl.workspace.policy import current_policy
from models.doctype import DocumentType, FieldSpec, Kind
from models.ids import new_id
from models.states import DocumentState, Fold, ModelState, Role, Route, TaskPurpose, TaskState, VerdictState
from models.tables import (
    Audit,
    Certificate,
    Document,
    DocumentPage,
    DocumentTypeVersion,
    FieldReading,
    ModelVersion,
    Task,
    User,
    Verdict,
    Workspace,
)
from models.values import ValueState

Row = TypeVar("Row", bound=SQLModel)
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def save(session: Session, row: Row) -> Row:
    session.add(row)
    session.flush()
    return row


def create_workspace(session: Session, **columns: Any) -> Workspace:
    given = {"name": new_id("name"), "audit_key": "audit-key", "salt": "salt", "created_at": NOW}
    return save(session, Workspace(**(given | columns)))


def create_user(session: Session, workspace: Workspace, role: Role = Role.VALIDATOR, **columns: Any) -> User:
    given = {"workspace_id": workspace.id, "login": new_id("login"), "role": role.value, "created_at": NOW}
    return save(session, User(**(given | columns)))


def a_type(name: str = "receipt", **fields: Kind) -> DocumentType:
    """A document type with the given fields, e.g. ``a_type("receipt", total=Kind.MONEY)``."""
    kinds = fields or {"vendor": Kind.NAME, "date": Kind.DATE, "total": Kind.MONEY}
    specs = tuple(FieldSpec(name=field, kind=kind) for field, kind in kinds.items())
    return DocumentType(name=name, label=name.replace("_", " ").title(), fields=specs)


def create_type(
    session: Session, workspace: Workspace, spec: DocumentType | None = None, **columns: Any
) -> DocumentTypeVersion:
    spec = spec or a_type()
    given = {
        "workspace_id": workspace.id,
        "name": spec.name,
        "number": 1,
        "spec": spec.model_dump(mode="json"),
        "created_at": NOW,
    }
    return save(session, DocumentTypeVersion(**(given | columns)))


def create_model(session: Session, workspace: Workspace | None = None, **columns: Any) -> ModelVersion:
    given = {
        "workspace_id": workspace.id if workspace else None,
        "name": "test model",
        "state": ModelState.SERVING.value,
        "created_at": NOW,
    }
    return save(session, ModelVersion(**(given | columns)))


def create_certificate(session: Session, workspace: Workspace, model_id: str, **columns: Any) -> Certificate:
    """One in force for receipts, under the policy in force."""
    policy, _ = current_policy(session, workspace.id, "receipt", now=NOW)
    given = {
        "workspace_id": workspace.id,
        "document_type": "receipt",
        "pool": "*",
        "model_version_id": model_id,
        "policy_version_id": policy.id,
        "target": 0.02,
        "delta": 0.05,
        "documents": 300,
        "threshold": 0.9,
        "report": {"accepted": 0.6},
        "updated_at": NOW,
    }
    return save(session, Certificate(**(given | columns)))


def create_document(session: Session, workspace: Workspace, **columns: Any) -> Document:
    """A document that was read and typed as `receipt`, in the train fold, unless told otherwise."""
    identifier = columns.get("id", new_id("doc"))
    digest = hashlib.sha256(identifier.encode()).hexdigest()
    given = {
        "id": identifier,
        "workspace_id": workspace.id,
        "filename": "receipt.pdf",
        "sha256": digest,
        "group_id": digest,
        "fold": Fold.TRAIN.value,
        "media_type": "application/pdf",
        "bytes": 1000,
        "state": DocumentState.READ.value,
        "document_type": "receipt",
        "document_type_confidence": 0.99,
        "page_count": 1,
        "pages_left": 0,
        "created_at": NOW,
    }
    return save(session, Document(**(given | columns)))


def create_page(session: Session, document: Document, number: int = 1, **columns: Any) -> DocumentPage:
    given = {
        "document_id": document.id,
        "number": number,
        "image_key": f"{document.workspace_id}/image{number}",
        "width": 850,
        "height": 1100,
    }
    return save(session, DocumentPage(**(given | columns)))


def create_reading(
    session: Session, document: Document, field: str = "total", value: Any = "12.50", **columns: Any
) -> FieldReading:
    given = {
        "document_id": document.id,
        "run": document.run,
        "field": field,
        "kind": Kind.MONEY.value,
        "value_state": ValueState.FOUND.value,
        "value": value,
        "text": str(value),
        "confidence": 0.9,
        "page": 1,
        "box": [0.1, 0.1, 0.3, 0.15],
        "created_at": NOW,
    }
    return save(session, FieldReading(**(given | columns)))


def create_verdict(
    session: Session, document: Document, field: str = "total", reading: FieldReading | None = None, **columns: Any
) -> Verdict:
    given = {
        "workspace_id": document.workspace_id,
        "document_id": document.id,
        "run": document.run,
        "field": field,
        "kind": reading.kind if reading else Kind.MONEY.value,
        "reading_id": reading.id if reading else None,
        "route": Route.REVIEW.value,
        "state": VerdictState.PENDING.value,
        "created_at": NOW,
    }
    return save(session, Verdict(**(given | columns)))


def create_audit(session: Session, verdict: Verdict, **columns: Any) -> Audit:
    given = {
        "workspace_id": verdict.workspace_id,
        "document_id": verdict.document_id,
        "verdict_id": verdict.id,
        "probability": 0.1,
        "first_agreed": False,
        "second_probability": 1.0,
        "created_at": NOW,
    }
    return save(session, Audit(**(given | columns)))


def create_task(session: Session, verdict: Verdict, **columns: Any) -> Task:
    given = {
        "workspace_id": verdict.workspace_id,
        "document_id": verdict.document_id,
        "field": verdict.field,
        "kind": verdict.kind,
        "purpose": TaskPurpose.REVIEW.value,
        "verdict_id": verdict.id,
        "state": TaskState.OPEN.value,
        "created_at": NOW,
    }
    return save(session, Task(**(given | columns)))
