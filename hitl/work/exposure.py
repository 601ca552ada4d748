"""What a person was shown of a document: an event for every whole page, and the sums that the exposure cap counts."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, select

from hitl.platform.moves import record
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
    new = insert(Exposure).values(
        id=new_id("exp"), user_id=user_id, document_id=document_id, fields=[], pages=[], updated_at=now
    )
    session.execute(new.on_conflict_do_nothing(index_elements=["user_id", "document_id"]))
    wanted = select(Exposure).where(Exposure.user_id == user_id, Exposure.document_id == document_id)
    # locked: a browser asks for several images at once
    row = session.exec(wanted.with_for_update(key_share=True)).one()
    if not {*fields} <= {*row.fields} or not {*pages} <= {*row.pages}:
        row.fields = sorted({*row.fields, *fields})
        row.pages = sorted({*row.pages, *pages})
        row.updated_at = now
        session.add(row)
        session.flush()
