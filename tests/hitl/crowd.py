"""People for the tests of hitl: a read document in the workspace, and validators who answer what they are told to."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, select

from hitl import pipeline
from hitl.annotation.answers import Accepted, AnswerInput
from hitl.annotation.review import next_review
from hitl.annotation.tasks import hand_out
from hitl.work import queue_rows
from hitl.workspace.policy import ANY_TYPE, AuditRates, Policy, save_policy
from models.doctype import DocumentType
from models.states import Role
from models.tables import Document, DocumentTypeVersion, Review, Task, User, Verdict, Workspace
from tests import factories

NO_AUDITS = AuditRates(accept=0, review=0)
_keys = itertools.count()


def set_policy(session: Session, workspace: Workspace, name: str = "receipt", **changes: Any) -> Policy:
    """A policy without audits unless told, for the type and for classification."""
    policy = Policy(**({"audit_rate": NO_AUDITS} | changes))
    save_policy(session, workspace.id, name, policy, actor="test", now=factories.NOW)
    save_policy(session, workspace.id, ANY_TYPE, Policy(audit_rate=NO_AUDITS), actor="test", now=factories.NOW)
    return policy


def create_people(session: Session, workspace: Workspace, count: int = 3, role: Role = Role.VALIDATOR) -> list[User]:
    return [factories.create_user(session, workspace, role) for _ in range(count)]


def create_read_document(
    session: Session,
    workspace: Workspace,
    readings: dict[str, tuple[Any, float]] | None = None,
    spec: DocumentType | None = None,
    **columns: Any,
) -> Document:
    """A receipt whose fields were read with these values and confidences; a value of None was not found."""
    spec = spec or factories.a_type()
    held = session.exec(
        select(DocumentTypeVersion).where(
            DocumentTypeVersion.workspace_id == workspace.id, DocumentTypeVersion.name == spec.name
        )
    ).first()
    version = held or factories.create_type(session, workspace, spec)
    document = factories.create_document(
        session, workspace, document_type=spec.name, type_version_id=version.id, **columns
    )
    factories.create_page(session, document)
    given = readings or {"vendor": ("ACME LTD", 0.9), "date": ("2026-01-31", 0.9), "total": ("12.50", 0.9)}
    for name, (value, confidence) in given.items():
        state = "found" if value is not None else "not_found"
        kind = spec.field(name).kind.value
        factories.create_reading(session, document, name, value, confidence=confidence, kind=kind, value_state=state)
    return document


def start(session: Session, document: Document, now: datetime = factories.NOW) -> list[Task]:
    pipeline.ask(session, document, now=now)
    return queue_rows.waiting(session, document)


def answer(
    session: Session, user: User, task: Task, said: Any, now: datetime = factories.NOW, **columns: Any
) -> Accepted:
    """Answer a leased task; `said` is a value, or the name of a state with a leading dot (".absent")."""
    given: dict[str, Any] = {"idempotency_key": f"key-{next(_keys)}"}
    if isinstance(said, str) and said.startswith("."):
        given["value_state"] = said[1:]
    else:
        given["value"] = said
    return pipeline.take_answer(
        session, task.id, user, task.lease_token or "", AnswerInput(**(given | columns)), now=now
    )


def work_off(session: Session, user: User, truth: dict[str, Any], now: datetime = factories.NOW) -> int:
    """`user` answers from `truth` all that is handed out. Returns how many answers that took."""
    done = 0
    while tasks := hand_out(session, user, now=now):
        now += timedelta(seconds=5)
        answer(session, user, tasks[0], truth[tasks[0].field], now=now)
        done += 1
    return done


def review_all(session: Session, user: User, truth: dict[str, Any], now: datetime = factories.NOW) -> list[Review]:
    """`user` decides every review they may have, by `truth`."""
    decided = []
    while review := next_review(session, user, now=now):
        from hitl.annotation.blocked import field_of

        field = field_of(session, review)
        said = {} if field is None else {field: ("found", truth[field])}
        pipeline.review(session, review, user, review.lease_token or "", said, now=now)
        decided.append(review)
    return decided


def settle_all(session: Session, reopened: list[Verdict], now: datetime = factories.NOW) -> int:
    """What the job does with verdicts that were opened again. Returns how many there were."""
    for row in reopened:
        pipeline.settle(session, row, session.get_one(Document, row.document_id), now=now)
    return len(reopened)


def verdict(session: Session, document: Document, field: str) -> Verdict:
    return session.exec(select(Verdict).where(Verdict.document_id == document.id, Verdict.field == field)).one()
