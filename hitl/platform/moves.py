"""The one way to change a state: `advance` checks the table, swaps only what it saw, and writes who and why."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, text, update
from sqlmodel import Session, SQLModel, select

from models.states import MOVES, DocumentState, ModelState, ReviewState, State, TaskState, VerdictState
from models.tables import Audit, Document, Event, ModelVersion, Review, Task, Verdict


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
    session.flush()
    columns = cast("Any", table)
    swap = (
        update(table)
        .where(columns.id == subject.id, columns.state == seen.value)
        .values(state=to.value, **changes)
        .execution_options(synchronize_session=False)
    )
    result = cast("CursorResult[Any]", session.exec(swap))
    if result.rowcount != 1:
        raise LostRace(f"{table.__name__} {subject.id} is no longer {seen}")
    session.refresh(row)
    record(
        session,
        action=f"{table.__name__.lower()}.{to.value}",
        subject=subject.id,
        stream=getattr(subject, "document_id", None) or subject.id,
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
    """Append one event to its stream. The advisory lock keeps the chain single-file; it ends with the transaction."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:stream, 7))"), {"stream": stream})
    last = session.exec(
        select(Event.number, Event.hash)
        .where(Event.stream == stream)
        .order_by(cast("Any", Event.number).desc())
        .limit(1)
    ).first()
    number, previous = (last[0] + 1, last[1]) if last else (1, "")
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
    session.flush()
    return event


def digest(event: Event) -> str:
    """The chained hash of one event: SHA-256 over the previous hash and all that it says."""
    said = [event.previous_hash, event.stream, event.number, event.at.timestamp(), event.actor, event.action]
    return hashlib.sha256(json.dumps([*said, event.subject, event.data], sort_keys=True).encode()).hexdigest()


def verify_chain(session: Session, stream: str) -> bool:
    """True when no event of the stream was changed, removed or reordered."""
    previous = ""
    events = session.exec(select(Event).where(Event.stream == stream).order_by(cast("Any", Event.number))).all()
    for number, event in enumerate(events, start=1):
        if event.number != number or event.previous_hash != previous or event.hash != digest(event):
            return False
        previous = event.hash
    return True
