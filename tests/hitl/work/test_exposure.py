"""What a person was shown is counted once, whoever counts it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session, select

from hitl.platform.moves import events_of
from hitl.work.exposure import expose, log_page_shown
from models.tables import Exposure, Workspace
from tests import factories


def test_pages_and_fields_add_up_in_one_row(session: Session, workspace: Workspace, now: datetime):
    user, document = factories.create_user(session, workspace), factories.create_document(session, workspace)
    expose(session, user.id, document.id, fields=["total"], now=now)
    log_page_shown(session, user, document, 2, why="document page", now=now + timedelta(minutes=1))
    expose(session, user.id, document.id, fields=["date", "total"], pages=[1], now=now + timedelta(minutes=2))
    row = session.exec(select(Exposure)).one()
    assert (row.fields, row.pages) == (["date", "total"], [1, 2])
    expose(session, user.id, document.id, fields=["date"], pages=[2], now=now + timedelta(hours=1))
    assert row.updated_at == now + timedelta(minutes=2)  # nothing new was seen
    assert [event.data for event in events_of(session, document.id)] == [{"page": 2, "why": "document page"}]
