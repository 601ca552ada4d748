"""The one way to change a state: `advance` checks the table, swaps only what it saw, and writes who and why."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import text, update
from sqlmodel import Session, SQLModel, select

from hitl.platform.locks import hold, notes
from models.states import MOVES, DocumentState, ModelState, ReviewState, State, TaskState, VerdictState
from models.tables import Audit, Document, Event, ModelVersion, Review, Task, Verdict

DOCUMENT = "doc_"  # how their identifiers begin


class IllegalMove(Exception):
    """The table in models.states has no such move."""


class LostRace(Exception):
    """Somebody else moved it first. Look again before you act."""


ENUM: dict[type[SQLModel], type[State]] = {
    Document: DocumentState,
    Task: TaskState,
    Verdict: VerdictState,
    Audit: VerdictState,
    Review: ReviewState,
    ModelVersion: ModelState,
}


def advance(
    session: Session, row: SQLModel, to: State, *, actor: str, now: datetime, why: str = "", **changes: Any
) -> None:
    """Move `row` to state `to` and set the columns in `changes` with it, in the caller's transaction.

    Raises IllegalMove when the table forbids it, LostRace when the stored state is no longer the one `row` shows.
    """
    subject = cast("Any", row)
    table = type(row)
    seen = ENUM[table](subject.state)
    if to not in MOVES[ENUM[table]][seen]:
        raise IllegalMove(f"{table.__name__} {subject.id}: {seen} -> {to} is not in the table of moves")
    if document_id := subject.id if table is Document else getattr(subject, "document_id", None):
        hold(session, document_id)
    session.flush()
    columns = cast("Any", table)
    if table is Document:
        changes["changed_at"] = now
    swap = (
        update(table)
        .where(columns.id == subject.id, columns.state == seen.value)
        .values(state=to.value, **changes)
        .returning(table)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    if session.exec(swap).first() is None:
        raise LostRace(f"{table.__name__} {subject.id} is no longer {seen}")
    record(
        session,
        action=f"{table.__name__.lower()}.{to.value}",
        subject=subject.id,
        stream=document_id or subject.id,
        workspace_id=subject.workspace_id,
        actor=actor,
        now=now,
        data={"from": seen.value, "why": why},
    )


def record(
    session: Session,
    *,
    action: str,
    subject: str,
    stream: str,
    workspace_id: str | None,
    actor: str,
    now: datetime,
    data: dict[str, Any] | None = None,
) -> Event:
    """Append one event to its stream, which is locked until the transaction ends."""
    heads = notes(session).heads
    if stream not in heads:
        heads[stream] = _lock_chain(session, stream)
    number, previous = heads[stream][0] + 1, heads[stream][1]
    event = Event(
        workspace_id=workspace_id,
        stream=stream,
        number=number,
        at=now,
        actor=actor,
        action=action,
        subject=subject,
        data=data or {},
        previous_hash=previous,
    )
    event.hash = digest(event)
    session.add(event)
    heads[stream] = (number, event.hash)
    return event


def _lock_chain(session: Session, stream: str) -> tuple[int, str]:
    """Number and hash of the last event of a stream, to which nobody else adds until the transaction ends."""
    if stream.startswith(DOCUMENT):
        hold(session, stream)
    else:
        session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:stream, 7))"), {"stream": stream})
    last = session.exec(
        select(Event.number, Event.hash)
        .where(Event.stream == stream)
        .order_by(cast("Any", Event.number).desc())
        .limit(1)
    ).first()
    return (last[0], last[1]) if last else (0, "")


def digest(event: Event) -> str:
    """The chained hash of one event: SHA-256 over the previous hash and all that it says."""
    said = [event.previous_hash, event.stream, event.number, event.at.timestamp(), event.actor, event.action]
    return hashlib.sha256(json.dumps([*said, event.subject, event.data], sort_keys=True).encode()).hexdigest()


def events_of(session: Session, stream: str) -> Sequence[Event]:
    """Who did what, in order."""
    return session.exec(select(Event).where(Event.stream == stream).order_by(cast("Any", Event.number))).all()


def verify_chain(session: Session, stream: str) -> bool:
    """True when no event of the stream was changed, removed or reordered."""
    previous = ""
    for number, event in enumerate(events_of(session, stream), start=1):
        if event.number != number or event.previous_hash != previous or event.hash != digest(event):
            return False
        previous = event.hash
    return True
