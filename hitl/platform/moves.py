"""The one way to change a state: `advance` checks the table, swaps only what it saw, and writes who and why."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar, cast

from sqlalchemy import ColumnElement, text, update
from sqlmodel import Session, SQLModel, col, select

from hitl.platform.locks import hold, notes
from models.states import MOVES, DocumentState, ModelState, ReviewState, State, TaskState, VerdictState
from models.tables import Audit, Document, Event, ModelVersion, Review, Task, Verdict

Row = TypeVar("Row", bound=SQLModel)
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
    with events_later(session):
        swapped = session.exec(swap).first()
    if swapped is None:
        raise LostRace(f"{table.__name__} {subject.id} is no longer {seen}")
    _moved(session, subject, document_id or subject.id, seen, to, actor=actor, now=now, why=why)


@contextmanager
def events_later(session: Session) -> Iterator[None]:
    """For statements that read no events: those of this transaction are written together, at its end."""
    if session.dirty or session.deleted or any(not isinstance(row, Event) for row in session.new):
        session.flush()
    with session.no_autoflush:
        yield


def advance_all(
    session: Session,
    table: type[Row],
    seen: State,
    to: State,
    *where: ColumnElement[bool],
    actor: str,
    now: datetime,
    **changes: Any,
) -> list[Row]:
    """Move what is in state `seen` and fulfils `where`, by one statement. Returns the rows that were moved.

    The caller holds their documents. The ends of the event chains are read with them.
    """
    if to not in MOVES[ENUM[table]][seen]:
        raise IllegalMove(f"{table.__name__}: {seen} -> {to} is not in the table of moves")
    columns = cast("Any", table)
    ends = (
        select(last).where(Event.stream == columns.document_id).order_by(col(Event.number).desc()).limit(1)
        for last in (Event.number, Event.hash)
    )
    swap = (
        update(table)
        .where(columns.state == seen.value, *where)
        .values(state=to.value, **changes)
        .returning(table, *(end.scalar_subquery() for end in ends))
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    moved = []
    for row, number, ended in session.execute(swap).all():
        notes(session).heads.setdefault(row.document_id, (number or 0, ended or ""))
        _moved(session, row, row.document_id, seen, to, actor=actor, now=now)
        moved.append(row)
    return moved


def _moved(
    session: Session, row: Any, stream: str, seen: State, to: State, *, actor: str, now: datetime, why: str = ""
) -> None:
    action = f"{type(row).__name__.lower()}.{to.value}"
    about = {"subject": row.id, "stream": stream, "workspace_id": row.workspace_id}
    record(session, action=action, actor=actor, now=now, data={"from": seen.value, "why": why}, **about)


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
