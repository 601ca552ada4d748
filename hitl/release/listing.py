"""Which documents there are: the views of the list, its search and its pages, and how many there are of each."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, true, tuple_
from sqlmodel import Session, and_, col, func, or_, select

from hitl.people.keys import CLIENT
from hitl.platform.ownership import rows_of
from hitl.work.document import cuts_are_known
from models.states import DONE, IN_WORK, RELEASED, DocumentState
from models.tables import Correction, Document

LATELY = timedelta(days=7)


def _in(states: Collection[DocumentState]) -> ColumnElement[bool]:
    return col(Document.state).in_([state.value for state in states])


def _corrected(since: datetime | None = None) -> ColumnElement[bool]:
    by_clients = select(Correction.document_id).where(col(Correction.by).startswith(CLIENT))
    return col(Document.id).in_(by_clients.where(col(Correction.created_at) >= since) if since else by_clients)


D = DocumentState
VIEWS: dict[str, ColumnElement[bool]] = {
    "all": true(),
    "working": _in([D.RECEIVED, D.RENDERED, D.READ]),
    "people": _in([D.IN_REVIEW]),
    "type": _in([D.AWAITING_TYPE]),
    "split": _in([D.AWAITING_SPLIT]),
    "held": col(Document.held_reason).is_not(None),
    "released": _in([D.RELEASED]),
    "exceptions": and_(_in(RELEASED), func.jsonb_array_length(col(Document.exceptions)) > 0),
    "amended": _in([D.AMENDED]),
    "corrections": _corrected(),
    "trouble": _in([D.REFUSED, D.FAILED]),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which documents: one of the views, and what narrows it further."""

    view: str = "all"
    words: str = ""  # in the file's name or the client's id of it; or our id
    states: Collection[DocumentState] = ()
    document_type: str | None = None
    external_id: str | None = None
    changed_since: datetime | None = None  # these come with the oldest change first


def list_documents(
    session: Session, workspace_id: str, wanted: Wanted, *, limit: int, after: tuple[datetime, str] | None = None
) -> tuple[list[Document], tuple[datetime, str] | None]:
    """Documents, newest first, and the place after which the next ones stand: None after the last.

    By `changed_since` they come in the order of their changes: who asks again from the last place misses none.
    """
    query = rows_of(Document, workspace_id).where(VIEWS.get(wanted.view, true()))
    if wanted.states:
        query = query.where(_in(wanted.states))
    if wanted.document_type:
        query = query.where(Document.document_type == wanted.document_type)
    if wanted.external_id:
        query = query.where(Document.external_id == wanted.external_id)
    if wanted.words:
        like = "%" + wanted.words.replace("%", r"\%").replace("_", r"\_") + "%"
        names = or_(col(Document.filename).ilike(like), col(Document.external_id).ilike(like))
        query = query.where(or_(names, Document.id == wanted.words))
    identifier = col(Document.id)
    if wanted.changed_since:
        changed = func.coalesce(col(Document.changed_at), col(Document.created_at))
        query = query.where(changed >= wanted.changed_since)
        if after:
            query = query.where(tuple_(changed, identifier) > tuple_(*after))
        rows = list(session.exec(query.order_by(changed, identifier).limit(limit + 1)).all())
        return _page(rows, limit, lambda row: (row.updated_at, row.id))
    created_at = col(Document.created_at)
    if after:
        query = query.where(tuple_(created_at, identifier) < tuple_(*after))
    # the order of the index; ordered by a row of columns they would be sorted
    rows = list(session.exec(query.order_by(created_at.desc(), identifier.desc()).limit(limit + 1)).all())
    return _page(rows, limit, lambda row: (row.created_at, row.id))


def _page(
    rows: list[Document], limit: int, place: Callable[[Document], tuple[datetime, str]]
) -> tuple[list[Document], tuple[datetime, str] | None]:
    return rows[:limit], place(rows[limit - 1]) if len(rows) > limit else None


def ended_among(session: Session, asked: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of these (workspace, document) whose work has ended, or that are not there."""
    ids = [document_id for _, document_id in asked]
    found = session.exec(
        select(Document.workspace_id, Document.id).where(col(Document.id).in_(ids), ~_in(DONE | {D.FAILED}))
    ).all()
    return set(asked) - {(workspace_id, document_id) for workspace_id, document_id in found}


def most_urgent(session: Session, workspace_id: str, *, limit: int = 30) -> list[Document]:
    """Unfinished documents as the queue takes them: priority, due date, age."""
    order = col(Document.priority).desc(), col(Document.due_at).asc().nulls_last(), col(Document.created_at)
    wanted = rows_of(Document, workspace_id).where(_in(IN_WORK)).order_by(*order)
    return list(session.exec(wanted.limit(limit)).all())


def count_by_state(session: Session, workspace_id: str) -> dict[str, tuple[int, datetime]]:
    """How many documents are in each state that has one, and when the oldest of them came."""
    rows = session.exec(
        select(Document.state, func.count(), func.min(Document.created_at))
        .where(Document.workspace_id == workspace_id)
        .group_by(Document.state)
        .order_by(col(Document.state))
    ).all()
    return {state: (count, oldest) for state, count, oldest in rows}


def all_states(session: Session, workspace_id: str) -> dict[str, int]:
    """How many documents are in each state; 0 where there is none."""
    counted = count_by_state(session, workspace_id)
    return {state.value: counted[state][0] if state in counted else 0 for state in DocumentState}


def count_pressing(session: Session, workspace_id: str, *, now: datetime) -> dict[str, int]:
    """How many documents ask for somebody in charge, by what is the matter with them."""
    matters = {
        "late": and_(_in(IN_WORK), col(Document.due_at) < now),
        "failed": _in([D.FAILED]),
        "no type": VIEWS["type"],
        "to split": and_(VIEWS["split"], ~cuts_are_known()),
        "held": VIEWS["held"],
        "corrected": _corrected(since=now - LATELY),
        "exceptions": and_(VIEWS["exceptions"], col(Document.released_at) >= now - LATELY),
    }
    of_workspace = select(func.count()).select_from(Document).where(Document.workspace_id == workspace_id)
    counts = [of_workspace.where(where).scalar_subquery() for where in matters.values()]  # each by an index of its own
    found = session.execute(select(*counts)).one()
    return dict(zip(matters, found, strict=True))
