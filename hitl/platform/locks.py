"""The order in which locks are taken, the same for every request and job, so that no two of them wait for each other.

1. The client's idempotency key (`hitl.platform.idempotency`).
2. Documents, by id: `hold`. The row of a document guards all that belongs to it: pages, readings, verdicts, audits,
   tasks, reviews, answers, exposure, its event chain. Whoever changes any of these holds the document first, and takes
   no other lock for them. `advance` and `record` (hitl.platform.moves) hold it at the latest.
3. One row each: people, skills, workspaces, policies, deployments, models, certificates, snapshots, deliveries.
4. The event chains of those (`hitl.platform.moves.record`).
5. Jobs that wait at most once in the queue, by key: `hitl.platform.jobs.enqueue` keeps them back until the end.

Locks on rows are FOR NO KEY UPDATE: rows that refer to a locked one can be written meanwhile. Who wants one of many
takes a free one (`hold_free`), and waits for nobody. A document below one that is held is taken only if it is free;
else the transaction fails as one that found the database busy, and is sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Text, cast
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import SessionTransaction
from sqlmodel import Session, SQLModel, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from models.tables import Document

ROW: Final = {"key_share": True}  # how `Session.get` and `refresh` lock one row


@dataclass
class Notes:
    """What one transaction knows until it ends."""

    of: SessionTransaction | None
    held: set[str] = field(default_factory=set)  # documents
    rows: list[SQLModel] = field(default_factory=list)  # of them, so that a session does not read them again
    heads: dict[str, tuple[int, str]] = field(default_factory=dict)  # of event chains: number and hash of the last
    last: dict[str, Callable[[], None]] = field(default_factory=dict)  # to be done before the commit, by key


def notes(session: Session) -> Notes:
    """The notes of the transaction that `session` is in."""
    session.connection()  # begins one if there is none
    current = session.get_transaction()
    known: Notes | None = session.info.get("notes")
    if known is None or known.of is not current:
        known = session.info["notes"] = Notes(current)
    return known


def hold(session: Session, *document_ids: str) -> None:
    """Keep these documents from others until the transaction ends. What was read of them before is read anew."""
    held = notes(session).held
    wanted = sorted(set(document_ids) - held)
    if wanted:
        query = select(Document).where(col(Document.id).in_(wanted)).order_by(col(Document.id).collate("C"))
        _lock(session, query, nowait=bool(held) and wanted[0] < max(held))


def hold_free(session: Session, document_ids: Sequence[str], *, most: int | None = None) -> list[str]:
    """Hold those of the documents, or the first `most` of them, that nobody else holds this instant, and name them."""
    wanted = list(dict.fromkeys(document_ids))
    place = func.array_position(array(wanted, type_=Text), cast(col(Document.id), Text))
    query = select(Document).where(col(Document.id).in_(wanted)).order_by(place).limit(most)
    return _lock(session, query, skip_locked=True) if wanted else []


def hold_best(session: Session, document_ids: Sequence[str], *, most: int = 1) -> list[str]:
    """The same, but if somebody is at all of them, wait for the first."""
    free = hold_free(session, document_ids, most=most)
    if not free:
        hold(session, document_ids[0])
    return free or [document_ids[0]]


def lock_document(session: Session, document_id: str) -> Document | None:
    """The document as it is now, held."""
    hold(session, document_id)
    return session.get(Document, document_id)


@contextmanager
def attempt(session: Session) -> Iterator[None]:
    """A part of the transaction that may fail alone: what raises in it is undone, and the rest stands."""
    known = notes(session)
    held, heads, last = set(known.held), dict(known.heads), dict(known.last)
    try:
        with session.begin_nested():
            yield
    except BaseException:
        known.held, known.heads, known.last = held, heads, last
        raise


def _lock(
    session: Session, query: SelectOfScalar[Document], *, nowait: bool = False, skip_locked: bool = False
) -> list[str]:
    """Rows of these documents that were read before the lock may be old: they are read again when they are used."""
    locking = query.with_for_update(key_share=True, nowait=nowait, skip_locked=skip_locked)
    rows = session.exec(locking.execution_options(populate_existing=True)).all()
    notes(session).rows += rows
    locked = [document.id for document in rows]
    _note(session, locked, "document_id")
    return locked


def note_held(session: Session, document_ids: Collection[str]) -> None:
    """These documents were locked by a statement of the caller's own."""
    _note(session, document_ids, "document_id", "id")


def _note(session: Session, document_ids: Collection[str], *columns: str) -> None:
    """What was read before of documents that are held from now on is read anew when it is used."""
    fresh = set(document_ids) - notes(session).held
    notes(session).held |= fresh
    for row in session.identity_map.values():
        if any(row.__dict__.get(column) in fresh for column in columns):
            session.expire(row)
