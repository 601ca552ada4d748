"""The rows that every step on a document looks up: its verdicts, the type and the policy that it is pinned to."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select

from hitl.aggregate.equality import TYPE_FIELD
from hitl.workspace.policy import Policy, pinned_policy
from models.doctype import DocumentType
from models.tables import Audit, Document, DocumentTypeVersion, Task, Verdict


def verdicts_of(session: Session, document: Document) -> list[Verdict]:
    """The verdicts of the document's current run, in the order in which they were opened."""
    return list(
        session.exec(
            select(Verdict)
            .where(Verdict.document_id == document.id, Verdict.run == document.run)
            .order_by(col(Verdict.id))
        ).all()
    )


def is_about_type(row: Verdict | Task) -> bool:
    """Whether it asks for the document type. A wrong type makes all fields wrong, and is put right by retyping."""
    return row.field == TYPE_FIELD


def fields_of(session: Session, document: Document) -> list[Verdict]:
    """The verdicts on the fields of the document's current run, without that on its type."""
    return [verdict for verdict in verdicts_of(session, document) if not is_about_type(verdict)]


def checked_fields(session: Session, document: Document, run: int) -> list[tuple[Audit, Verdict]]:
    """The audits of fields of one run, with the verdicts that they are about."""
    rows = session.exec(
        select(Audit, Verdict)
        .join(Verdict, col(Verdict.id) == col(Audit.verdict_id))
        .where(Audit.document_id == document.id, Verdict.run == run)
    ).all()
    return [(audit, verdict) for audit, verdict in rows if not is_about_type(verdict)]


def spec_of(session: Session, document: Document) -> DocumentType | None:
    """The version of the document type that the document is pinned to."""
    row = session.get(DocumentTypeVersion, document.type_version_id) if document.type_version_id else None
    return DocumentType.model_validate(row.spec) if row else None


def policy_of(session: Session, document: Document, *, now: datetime) -> Policy:
    """The policy that the document was routed under."""
    name = document.document_type or ""
    return pinned_policy(session, document.policy_version_id, document.workspace_id, name, now=now)
