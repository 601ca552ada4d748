"""The rows of one document: its pages, readings, verdicts, audits and releases, the type and policy it is pinned to."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, func, select

from hitl.aggregate.equality import TYPE_FIELD
from hitl.platform.moves import events_later
from hitl.workspace.policy import Policy, pinned_policy
from models.doctype import DocumentType
from models.tables import (
    Audit,
    Correction,
    Document,
    DocumentPage,
    DocumentTypeVersion,
    FieldReading,
    Release,
    Task,
    Verdict,
)


def cuts_are_known() -> ColumnElement[bool]:
    """Whether somebody has said where the documents of a file begin. JSON's null is no answer, and no null of SQL."""
    return func.coalesce(func.jsonb_typeof(col(Document.split)["answer"]), "null") == "array"


def verdicts_of(session: Session, document: Document) -> list[Verdict]:
    """The verdicts of the document's current run, in the order in which they were opened."""
    wanted = select(Verdict).where(Verdict.document_id == document.id, Verdict.run == document.run)
    with events_later(session):
        return list(session.exec(wanted.order_by(col(Verdict.id))).all())


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


def pages_of(session: Session, document: Document) -> list[DocumentPage]:
    wanted = select(DocumentPage).where(DocumentPage.document_id == document.id).order_by(col(DocumentPage.number))
    return list(session.exec(wanted).all())


def page_of(session: Session, document: Document, number: int) -> DocumentPage | None:
    wanted = select(DocumentPage).where(DocumentPage.document_id == document.id, DocumentPage.number == number)
    return session.exec(wanted).one_or_none()


def readings_of(session: Session, document: Document) -> dict[str, FieldReading]:
    """What the machine read in the document's current run, by field."""
    wanted = select(FieldReading).where(FieldReading.document_id == document.id, FieldReading.run == document.run)
    return {row.field: row for row in session.exec(wanted).all()}


def reading_behind(session: Session, task: Task) -> FieldReading | None:
    """The reading that a task is about: that of its verdict, else the newest of its field."""
    verdict = session.get(Verdict, task.verdict_id) if task.verdict_id else None
    if verdict is not None:
        return session.get(FieldReading, verdict.reading_id) if verdict.reading_id else None
    wanted = select(FieldReading).where(FieldReading.document_id == task.document_id, FieldReading.field == task.field)
    return session.exec(wanted.order_by(col(FieldReading.run).desc())).first()


def audits_of(session: Session, document: Document) -> list[Audit]:
    """Of every run."""
    return list(session.exec(select(Audit).where(Audit.document_id == document.id)).all())


def releases_of(session: Session, document: Document) -> list[Release]:
    """What clients were told, in order."""
    return list(
        session.exec(select(Release).where(Release.document_id == document.id).order_by(col(Release.number))).all()
    )


def corrections_of(session: Session, document: Document) -> list[Correction]:
    wanted = select(Correction).where(Correction.document_id == document.id).order_by(col(Correction.created_at))
    return list(session.exec(wanted).all())
