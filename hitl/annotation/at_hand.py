"""All that an answer touches, read by one statement once its document is held; what is asked for later is there."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import ScalarSelect, Select, bindparam, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, func

from hitl.platform.locks import hold, notes
from models.tables import (
    Answer,
    Audit,
    Document,
    DocumentTypeVersion,
    Event,
    FieldReading,
    PolicyVersion,
    Task,
    Verdict,
    Workspace,
)


def take_in_hand(session: Session, task: Task, idempotency_key: str) -> tuple[Document, Answer | None]:
    """Hold the document of `task` and read what belongs to it; `task` is as it is now.

    Returns the document, and the answer that was sent with this key before, whoever sent it.
    """
    task_id, document_id = task.id, task.document_id
    hold(session, document_id)
    document = session.get_one(Document, document_id)
    given = {"task": task_id, "document": document_id, "key": idempotency_key}
    pinned = {"type": document.type_version_id, "policy": document.policy_version_id}
    *rows, repeated, last_number, last_hash = session.execute(_together(), given | pinned).one()
    known = notes(session)
    known.rows += [row for row in rows if row is not None]
    known.heads.setdefault(document_id, (last_number or 0, last_hash or ""))
    return document, repeated


@lru_cache(maxsize=1)
def _together() -> Select[Any]:
    """Made once: to build it takes as long as to run it."""
    before = aliased(Answer)
    number, ended = (_end_of(column) for column in (col(Event.number), col(Event.hash)))
    return (
        select(Task, Verdict, FieldReading, Audit, Workspace, DocumentTypeVersion, PolicyVersion, before, number, ended)
        .join(Workspace, col(Workspace.id) == col(Task.workspace_id))
        .outerjoin(Verdict, col(Verdict.id) == col(Task.verdict_id))
        .outerjoin(FieldReading, col(FieldReading.id) == col(Verdict.reading_id))
        .outerjoin(Audit, col(Audit.id) == col(Task.audit_id))
        .outerjoin(DocumentTypeVersion, col(DocumentTypeVersion.id) == bindparam("type"))
        .outerjoin(PolicyVersion, col(PolicyVersion.id) == bindparam("policy"))
        .outerjoin(before, col(before.idempotency_key) == bindparam("key"))
        .where(col(Task.id) == bindparam("task"))
        .execution_options(populate_existing=True)
    )


def _end_of(column: Any) -> ScalarSelect[Any]:
    last = select(column).where(col(Event.stream) == bindparam("document")).order_by(col(Event.number).desc())
    return last.limit(1).scalar_subquery()


def next_number(user_id: str) -> Any:
    """How many answers the person has given with this one, for the statement that writes it: one step in an index."""
    newest = select(col(Answer.number)).where(col(Answer.user_id) == user_id)
    last = newest.order_by(col(Answer.created_at).desc(), col(Answer.number).desc()).limit(1).scalar_subquery()
    return func.coalesce(last, 0) + 1
