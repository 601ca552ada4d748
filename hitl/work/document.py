"""The rows that every step on a document looks up: its verdicts, the type and the policy that it is pinned to."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select

from hitl.workspace.policy import Policy, pinned_policy
from models.doctype import DocumentType
from models.tables import Document, DocumentTypeVersion, Verdict


def verdicts_of(session: Session, document: Document) -> list[Verdict]:
    """The verdicts of the document's current run, in the order in which they were opened."""
    return list(
        session.exec(
            select(Verdict)
            .where(Verdict.document_id == document.id, Verdict.run == document.run)
            .order_by(col(Verdict.id))
        ).all()
    )


def spec_of(session: Session, document: Document) -> DocumentType | None:
    """The version of the document type that the document is pinned to."""
    row = session.get(DocumentTypeVersion, document.type_version_id) if document.type_version_id else None
    return DocumentType.model_validate(row.spec) if row else None


def policy_of(session: Session, document: Document, *, now: datetime) -> Policy:
    """The policy that the document was routed under."""
    name = document.document_type or ""
    return pinned_policy(session, document.policy_version_id, document.workspace_id, name, now=now)
