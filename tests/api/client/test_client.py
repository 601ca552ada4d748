"""The Python client over a real connection: upload, wait, lists, corrections, errors, busy servers, signatures."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic
from typing import ClassVar

import pytest
from sqlmodel import Session
from standardwebhooks.webhooks import Webhook

from api.client import ApiError, AsyncClient, Client, NotReachable, WrongSignature, calls, verify_webhook
from hitl.platform.moves import advance
from models.states import DocumentState
from models.tables import Document, Workspace
from tests import factories
from tests.api.test_documents import png


@pytest.fixture
def key(admin: dict[str, str]) -> str:
    return admin["Authorization"].removeprefix("Bearer ")


@pytest.fixture
def client(live: str, key: str) -> Iterator[Client]:
    with Client(live, key) as client:
        yield client


def test_upload_and_look(client: Client, tmp_path: Path):
    (tmp_path / "receipt.png").write_bytes(png())
    due = datetime.now(UTC) + timedelta(days=1)
    sent = client.send(calls.upload(tmp_path / "receipt.png", external_id="7", priority=3, due_at=due))
    assert (sent.filename, sent.external_id, sent.priority, sent.due_at) == ("receipt.png", "7", 3, due)
    assert client.send(calls.document(sent.id)).fields == {}
    assert client.send(calls.events(sent.id)).intact
    assert client.send(calls.change(sent.id, "cancel")).state is DocumentState.CANCELLED
    assert client.wait(sent.id, seconds=5).state is DocumentState.CANCELLED
    client.send(calls.erase(sent.id))
    assert client.send(calls.document(sent.id)).state is DocumentState.ERASED


def test_the_same_call_twice_is_one_document(client: Client):
    call = calls.upload(png(), filename="a.png")
    assert client.send(call).id == client.send(call).id
    assert client.send(calls.upload(png(), filename="a.png")).id != client.send(call).id


def test_waiting_ends_with_the_work(client: Client, session: Session, tenant: Workspace):
    document = factories.create_document(session, tenant)
    session.commit()

    def end() -> None:
        advance(session, document, DocumentState.CANCELLED, actor="test", now=datetime.now(UTC))
        session.commit()

    timer = threading.Timer(1, end)
    timer.start()
    assert client.wait(document.id, seconds=60).state is DocumentState.CANCELLED
    timer.join()


def test_who_waits_too_long_is_told(client: Client, session: Session, tenant: Workspace):
    document = factories.create_document(session, tenant)
    session.commit()
    with pytest.raises(TimeoutError, match="still read"):
        client.wait(document.id, seconds=1)


def test_every_page_of_a_list(client: Client, session: Session, tenant: Workspace):
    made = {factories.create_document(session, tenant).id for _ in range(5)}
    session.commit()
    assert {document.id for document in client.documents(limit=2)} == made
    assert list(client.documents(states=("released",))) == []


def test_a_correction_amends(client: Client, released: Document):
    assert client.send(calls.document(released.id)).fields["total"].value == "12.50"
    assert client.send(calls.correct(released.id, "total", "13.50")).fields["total"].value == "13.50"


def test_a_problem_is_an_error_with_its_next_step(client: Client, live: str):
    with pytest.raises(ApiError, match="no document doc_x") as told:
        client.send(calls.document("doc_x"))
    assert (told.value.status, told.value.code) == (404, "not_found")
    assert told.value.next_step
    with Client(live, "wrong") as stranger, pytest.raises(ApiError) as refused:
        stranger.send(calls.document_types())
    assert refused.value.status == 401


def test_the_same_with_asyncio(live: str, key: str, session: Session, tenant: Workspace):
    made = {factories.create_document(session, tenant).id for _ in range(3)}
    session.commit()

    async def run() -> set[str]:
        async with AsyncClient(live, key) as client:
            sent = await client.send(calls.upload(png(), filename="a.png"))
            await client.send(calls.change(sent.id, "cancel"))
            assert (await client.wait(sent.id, seconds=5)).state is DocumentState.CANCELLED
            return {document.id async for document in client.documents(limit=2)} - {sent.id}

    assert asyncio.run(run()) == made


class Busy(BaseHTTPRequestHandler):
    """Answers 503 twice and then as it should; the server object counts."""

    keys: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.keys.append(self.headers["Idempotency-Key"])
        self.send_response(503 if len(self.keys) < 3 else 422)
        self.send_header("Retry-After", "1")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        pass


def test_a_busy_server_is_asked_again_when_it_said_under_the_same_key():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Busy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Busy.keys.clear()
    begun = monotonic()
    with Client(f"http://127.0.0.1:{server.server_port}", "k") as client, pytest.raises(ApiError) as told:
        client.send(calls.upload(b"x", filename="a.png"))
    server.shutdown()
    server.server_close()
    assert told.value.status == 422
    assert (len(Busy.keys), len(set(Busy.keys))) == (3, 1)
    assert monotonic() - begun >= 2


def test_no_server_is_an_error_of_its_own():
    with Client("http://127.0.0.1:9", "k", tries=1) as client, pytest.raises(NotReachable, match="no answer"):
        client.send(calls.document_types())


def test_a_delivery_is_verified():
    secret = "whsec_" + "c2VjcmV0" * 4
    body, now = '{"type": "document.released"}', datetime.now(UTC)
    headers = {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(int(now.timestamp())),
        "Webhook-Signature": Webhook(secret).sign("msg_1", now, body),
    }
    assert verify_webhook(secret, headers, body) == {"type": "document.released"}
    with pytest.raises(WrongSignature):
        verify_webhook(secret, headers, body.replace("released", "failed"))
    with pytest.raises(WrongSignature):
        verify_webhook(secret, headers | {"Webhook-Timestamp": str(int(now.timestamp()) - 900)}, body)
