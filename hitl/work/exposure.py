"""What a person was shown of a document: an event for every whole page, and the sums that the exposure cap counts."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from hitl.platform.moves import events_later, record
from models.ids import new_id
from models.tables import Document, Exposure, User


def log_page_shown(
    session: Session, user: User, document: Document, number: int, *, why: str, now: datetime, task_id: str = ""
) -> None:
    """Write down that this person was sent this whole page."""
    record(
        session, action="page.shown", subject=task_id or document.id, stream=document.id,
        workspace_id=document.workspace_id, actor=user.id, now=now, data={"page": number, "why": why},
    )  # fmt: skip
    expose(session, user.id, document.id, pages=[number], now=now)


def expose(
    session: Session,
    user_id: str,
    document_id: str,
    *,
    now: datetime,
    fields: Collection[str] = (),
    pages: Collection[int] = (),
) -> None:
    """Count what this person has seen of this document: fields as crops or keyed, pages whole."""
    seen = {"fields": sorted({*fields}), "pages": sorted({*pages})}
    new = insert(Exposure).values(id=new_id("exp"), user_id=user_id, document_id=document_id, updated_at=now, **seen)
    more = {name: _together(name, new.excluded[name]) for name in seen}
    is_more = or_(*(~col(getattr(Exposure, name)).contains(new.excluded[name]) for name in seen))
    # One statement, and none that writes where nothing is new: a browser asks for several images at once.
    counted = new.on_conflict_do_update(
        index_elements=["user_id", "document_id"], set_=more | {"updated_at": now}, where=is_more
    )
    with events_later(session):
        session.execute(counted)


def _together(name: str, new: ColumnElement[Any]) -> ColumnElement[Any]:
    """What was seen before and now, each once and in order."""
    one = func.jsonb_array_elements(col(getattr(Exposure, name)).concat(new)).column_valued("one")
    return select(func.coalesce(func.jsonb_agg(one.distinct()), text("'[]'::jsonb"))).scalar_subquery()
