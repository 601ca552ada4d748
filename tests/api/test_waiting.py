"""Long polls hold nothing, and end with the work; lists of what changed miss nothing."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from time import monotonic

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlmodel import Session

from api.app import create_app
from hitl.platform.moves import advance
from models.states import DocumentState
from models.tables import Document, Workspace
from tests import factories

Headers = dict[str, str]


@pytest.fixture
def document(session: Session, tenant: Workspace) -> Document:
    document = factories.create_document(session, tenant)
    session.commit()
    return document


def end(session: Session, document: Document) -> None:
    advance(session, document, DocumentState.CANCELLED, actor="test", now=datetime.now(UTC))
    session.commit()


def test_waiting_ends_with_the_work_and_holds_no_place(admin: Headers, session: Session, document: Document):
    """More wait than the process has places; all others are answered meanwhile."""
    app = create_app()
    app.state.places.free = app.state.places.at_work = 2

    async def run() -> tuple[list[httpx.Response], float]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            address = f"/v1/documents/{document.id}"
            polls = [client.get(address, params={"wait": 30}, headers=admin) for _ in range(20)]
            waiting = [asyncio.create_task(poll) for poll in polls]
            await asyncio.sleep(1)
            assert not any(poll.done() for poll in waiting)
            assert app.state.places.free == 2
            assert (await client.get("/v1/documents", headers=admin)).status_code == 200
            await asyncio.to_thread(end, session, document)
            ended = monotonic()
            return await asyncio.gather(*waiting), monotonic() - ended

    answers, seconds = asyncio.run(run())
    assert {(one.status_code, one.json()["state"]) for one in answers} == {(200, "cancelled")}
    assert seconds < 5
    assert app.state.waiting.waiters == {}


def test_waiting_ends_after_its_time(client: TestClient, admin: Headers, document: Document):
    begun = monotonic()
    answer = client.get(f"/v1/documents/{document.id}", params={"wait": 1}, headers=admin)
    assert (answer.status_code, answer.json()["state"]) == (200, "read")
    assert 1 <= monotonic() - begun < 10


def test_nobody_waits_for_what_is_not_there(client: TestClient, admin: Headers):
    begun = monotonic()
    assert client.get("/v1/documents/doc_x", params={"wait": 30}, headers=admin).status_code == 404
    assert monotonic() - begun < 10


def test_changes_come_in_their_order(client: TestClient, admin: Headers, session: Session, tenant: Workspace):
    start = datetime.now(UTC)
    old = factories.create_document(session, tenant, created_at=start - timedelta(days=2))
    documents = [
        factories.create_document(session, tenant, created_at=start + timedelta(seconds=at)) for at in range(3)
    ]
    session.commit()
    moved_at = start + timedelta(seconds=10)
    advance(session, documents[0], DocumentState.CANCELLED, actor="test", now=moved_at)
    session.commit()

    def ask(**params: str | int) -> dict:
        return client.get("/v1/documents", headers=admin, params={"updated_since": start.isoformat()} | params).json()

    first = ask(limit=2)
    second = ask(limit=2, cursor=first["next_cursor"])
    found = [one["id"] for one in first["documents"] + second["documents"]]
    assert found == [documents[1].id, documents[2].id, documents[0].id]
    assert second["next_cursor"] is None
    assert datetime.fromisoformat(second["documents"][-1]["updated_at"]) == moved_at
    advance(session, old, DocumentState.CANCELLED, actor="test", now=moved_at)
    session.commit()
    assert old.id in {one["id"] for one in ask()["documents"]}
