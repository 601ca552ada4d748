"""A probable second copy of an invoice: the seller, number and total of another document in other bytes. It is held.

A key over the three values finds the others of the workspace; a lock on it makes two copies that come at once see each
other. Looked for where the machine has read, and again before the release, with what people said.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlmodel import Session, col, select

from extractor import kinds
from hitl.platform.moves import record
from hitl.work.document import policy_of, readings_of, spec_of, verdicts_of
from models.doctype import DocumentType
from models.states import DocumentState
from models.tables import Document, Workspace
from models.values import ValueState

FIELDS = ("seller", "number", "total")  # of a type that has all three
REASON = "repeat_of"
GONE = (DocumentState.REFUSED, DocumentState.FAILED, DocumentState.CANCELLED, DocumentState.ERASED)


def hold_if_repeat(session: Session, document: Document, *, now: datetime) -> bool:
    """Hold `document` if it is probably a second copy, by the policy of its type. Returns whether it is held for that.

    Nothing where somebody has said that it is a document of its own.
    """
    spec = spec_of(session, document)
    if spec is None or document.own or not {field.name for field in spec.fields} >= set(FIELDS):
        return False
    if not policy_of(session, document, now=now).hold_repeats:
        return False
    document.repeat_key = key = _key(session, document, spec)
    session.add(document)
    session.flush()
    if key is None:
        return False
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 12))"), {"key": key})
    first = _first(session, document, key)
    if first is None:
        return False
    document.repeat_of, document.held_reason = first, f"{REASON}: probably a second copy of {first}"
    session.add(document)
    record(
        session, action="document.held", subject=document.id, stream=document.id, workspace_id=document.workspace_id,
        actor="system:repeats", now=now, data={"reason": REASON, "repeat_of": first},
    )  # fmt: skip
    return True


def _first(session: Session, document: Document, key: str) -> str | None:
    """The oldest other document with these values; what is itself held as a copy of this one is none."""
    others = select(Document.id).where(
        Document.workspace_id == document.workspace_id,
        Document.repeat_key == key,
        Document.id != document.id,
        Document.sha256 != document.sha256,
        col(Document.state).not_in([state.value for state in GONE]),
        col(Document.repeat_of).is_distinct_from(document.id),
    )
    return session.exec(others.order_by(col(Document.created_at), col(Document.id)).limit(1)).first()


def _key(session: Session, document: Document, spec: DocumentType) -> str | None:
    """A salted digest of the three values, which is none of them; None where one is missing."""
    values = _values(session, document)
    fields = {field.name: field for field in spec.fields}
    keys = [kinds.key(fields[name].kind, values.get(name)) for name in FIELDS]
    if not all(keys):
        return None
    salt = session.get_one(Workspace, document.workspace_id).salt
    return hashlib.sha256("\n".join([salt, *keys]).encode()).hexdigest()


def _values(session: Session, document: Document) -> Mapping[str, Any]:
    """What is decided of each field; what is not, as the machine read it."""
    found = ValueState.FOUND.value
    read = {name: row.value for name, row in readings_of(session, document).items() if row.value_state == found}
    decided = [verdict for verdict in verdicts_of(session, document) if verdict.value_state]
    return read | {verdict.field: verdict.value if verdict.value_state == found else None for verdict in decided}
