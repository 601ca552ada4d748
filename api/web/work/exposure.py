"""What a person was shown of a document: an event for every whole page, and the sums that the exposure cap counts."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import select

from api.web.visitor import Visitor
from hitl.platform.moves import record
from models.ids import new_id
from models.tables import Document, Exposure


def log_page_shown(who: Visitor, document: Document, number: int, *, why: str, task_id: str = "") -> None:
    """Write down that this person was sent this whole page."""
    record(
        who.session, action="page.shown", subject=task_id or document.id, stream=document.id,
        workspace_id=document.workspace_id, actor=who.actor, now=who.now, data={"page": number, "why": why},
    )  # fmt: skip
    row = _exposure(who, document.id)
    if number not in row.pages:
        row.pages = sorted({*row.pages, number})
        row.updated_at = who.now
        who.session.add(row)


def log_field_shown(who: Visitor, document_id: str, field: str) -> None:
    """Write down that this person was sent the crop of this field."""
    row = _exposure(who, document_id)
    if field not in row.fields:
        row.fields = sorted({*row.fields, field})
        row.updated_at = who.now
        who.session.add(row)


def _exposure(who: Visitor, document_id: str) -> Exposure:
    """The locked row of this person and document: a browser asks for several images at once."""
    new = insert(Exposure).values(
        id=new_id("exp"), user_id=who.user.id, document_id=document_id, fields=[], pages=[], updated_at=who.now
    )
    who.session.execute(new.on_conflict_do_nothing(index_elements=["user_id", "document_id"]))
    wanted = select(Exposure).where(Exposure.user_id == who.user.id, Exposure.document_id == document_id)
    return who.session.exec(wanted.with_for_update(key_share=True)).one()
