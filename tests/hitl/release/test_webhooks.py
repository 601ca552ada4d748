"""Clients are told signed, once per event, again until they listen, and never at a private address by accident."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import standardwebhooks.webhooks
from sqlalchemy import text
from sqlmodel import Session, select

from hitl import pipeline
from hitl.release import outbound, webhooks
from hitl.settings import settings
from models.tables import Document, Webhook, WebhookDelivery, Workspace
from tests import factories


class Receiver(HTTPServer):
    """A client's server: answers with the statuses it is given, then with 200, and keeps what it was sent."""

    def __init__(self, *statuses: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses = list(statuses)
        self.got: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 200)
        self.send_header("location", self.server.url)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@contextmanager
def receiver(*statuses: int) -> Iterator[Receiver]:
    with Receiver(*statuses) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def allowed(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERSIGN_WEBHOOK_ALLOW_PRIVATE", "true")
    settings.cache_clear()


@pytest.fixture
def document(session: Session, workspace: Workspace) -> Document:
    return factories.create_document(session, workspace)


def register(session: Session, workspace: Workspace, url: str, now: datetime, **given: Any) -> Webhook:
    webhook = webhooks.register(session, workspace.id, url, now=now, **given)
    session.commit()
    return webhook


def tell(session: Session, document: Document, now: datetime, key: str = "rel_1") -> list[WebhookDelivery]:
    webhooks.notify(session, document, "document.released", {"fields": {}}, event_key=key, now=now)
    session.commit()
    return list(session.exec(select(WebhookDelivery)).all())


def test_a_notice_is_signed_and_carries_a_stable_id(
    allowed: None, session: Session, workspace: Workspace, document: Document
):
    now = datetime.now(UTC)
    with receiver() as client:
        webhook = register(session, workspace, client.url, now)
        (delivery,) = tell(session, document, now)
        pipeline.deliver_webhook(delivery.id)
        headers, body = client.got[0]
        said = standardwebhooks.webhooks.Webhook(webhook.secret).verify(body, headers)
    assert headers["webhook-id"] == delivery.id
    assert said["type"] == "document.released"
    assert said["data"]["document_id"] == document.id
    session.refresh(delivery)
    assert (delivery.status, delivery.last_status) == ("delivered", 200)


def test_the_same_event_is_told_once(
    allowed: None, session: Session, workspace: Workspace, document: Document, now: datetime
):
    with receiver() as client:
        register(session, workspace, client.url, now)
        tell(session, document, now)
        (delivery,) = tell(session, document, now)
        pipeline.deliver_webhook(delivery.id)
        pipeline.deliver_webhook(delivery.id)
        assert len(client.got) == 1


def test_a_refusal_counts_and_a_replay_sends_the_same_id_again(
    allowed: None, session: Session, workspace: Workspace, document: Document, now: datetime,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    monkeypatch.setenv("COUNTERSIGN_WEBHOOK_ATTEMPTS", "2")
    settings.cache_clear()
    with receiver(500, 302) as client:
        register(session, workspace, client.url, now)
        (delivery,) = tell(session, document, now)
        for enough in (False, True):
            with pytest.raises(webhooks.DeliveryFailed) as failure:
                pipeline.deliver_webhook(delivery.id)
            assert webhooks.count_failure(failure.value, {"delivery_id": delivery.id}, now) is enough
        session.refresh(delivery)
        assert (delivery.status, delivery.attempts, delivery.last_status) == ("failed", 2, 302)
        webhooks.replay(session, delivery)
        session.commit()
        pipeline.deliver_webhook(delivery.id)
        session.refresh(delivery)
        assert delivery.status == "delivered"
        assert {headers["webhook-id"] for headers, _ in client.got} == {delivery.id}


def test_nobody_hears_what_they_did_not_ask_for(
    allowed: None, session: Session, workspace: Workspace, document: Document, now: datetime
):
    register(session, workspace, "http://127.0.0.1:9/", now, events=["document.failed"])
    silent = register(session, workspace, "http://127.0.0.1:9/", now)
    silent.active = False
    stranger = factories.create_workspace(session)
    register(session, stranger, "http://127.0.0.1:9/", now)
    assert tell(session, document, now) == []


def test_the_notice_is_enqueued_in_the_same_transaction(
    allowed: None, session: Session, workspace: Workspace, document: Document, now: datetime
):
    register(session, workspace, "http://127.0.0.1:9/", now)
    webhooks.notify(session, document, "document.released", {}, event_key="rel_1", now=now)
    session.rollback()
    assert session.execute(text("SELECT count(*) FROM procrastinate_jobs")).scalar_one() == 0
    assert session.exec(select(WebhookDelivery)).all() == []


def test_an_address_that_became_private_is_not_sent_to(
    session: Session, workspace: Workspace, document: Document, now: datetime
):
    with receiver() as client:
        session.add(Webhook(workspace_id=workspace.id, url=client.url, secret="whsec_AAAA", events=[], created_at=now))
        session.commit()
        (delivery,) = tell(session, document, now)
        with pytest.raises(outbound.AddressRefused):
            pipeline.deliver_webhook(delivery.id)
        assert client.got == []


def test_gone_ends_the_subscription(
    allowed: None, session: Session, workspace: Workspace, document: Document, now: datetime
):
    with receiver(410) as client:
        webhook = register(session, workspace, client.url, now)
        first, second = (tell(session, document, now, key)[-1] for key in ("rel_1", "rel_2"))
        for delivery in (first, second):
            pipeline.deliver_webhook(delivery.id)
        assert len(client.got) == 1
    for row in (webhook, first, second):
        session.refresh(row)
    assert (webhook.active, first.status, second.status) == (False, "failed", "failed")
    assert "410" in str(first.last_error)
    assert tell(session, document, now, "rel_3") == [first, second]


def test_a_notice_waits_in_a_queue_of_its_own(
    allowed: None, session: Session, workspace: Workspace, document: Document, now: datetime
):
    register(session, workspace, "http://127.0.0.1:9/", now)
    tell(session, document, now)
    assert session.execute(text("SELECT queue_name FROM procrastinate_jobs")).scalars().all() == ["deliveries"]


def test_the_body_is_json_with_type_and_time(session: Session, workspace: Workspace, document: Document, now: datetime):
    session.add(Webhook(workspace_id=workspace.id, url="https://x.example", secret="whsec_AAAA", created_at=now))
    (delivery,) = tell(session, document, now)
    assert json.loads(json.dumps(delivery.payload))["timestamp"] == now.isoformat()


def test_both_secrets_sign_until_the_overlap_is_over(
    allowed: None, session: Session, workspace: Workspace, document: Document
):
    now = datetime.now(UTC)
    with receiver() as client:
        webhook = register(session, workspace, client.url, now)
        old = webhook.secret
        webhooks.rotate_secret(session, webhook, overlap=timedelta(hours=1), now=now)
        (delivery,) = tell(session, document, now)
        pipeline.deliver_webhook(delivery.id)
        headers, body = client.got[0]
        assert webhook.secret != old
        for secret in (old, webhook.secret):
            assert standardwebhooks.webhooks.Webhook(secret).verify(body, headers)
    assert webhooks.secrets_of(webhook, now + timedelta(hours=1)) == [webhook.secret]


def test_a_test_event_goes_to_one_webhook_alone(allowed: None, session: Session, workspace: Workspace, now: datetime):
    with receiver() as client:
        webhook = register(session, workspace, client.url, now, events=["document.failed"])
        register(session, workspace, "http://127.0.0.1:9/", now)
        delivery = webhooks.send_test(session, webhook, now=now)
        session.commit()
        pipeline.deliver_webhook(delivery.id)
        assert [json.loads(body)["type"] for _, body in client.got] == ["webhook.test"]


def test_a_webhook_is_changed(allowed: None, session: Session, workspace: Workspace, now: datetime):
    webhook = register(session, workspace, "http://127.0.0.1:9/", now)
    webhooks.change(session, webhook, url="http://127.0.0.1:8/", events=["document.received"], active=False)
    assert (webhook.url, webhook.events, webhook.active) == ("http://127.0.0.1:8/", ["document.received"], False)
    webhooks.change(session, webhook, active=True)
    assert (webhook.url, webhook.active) == ("http://127.0.0.1:8/", True)
    with pytest.raises(webhooks.WebhookRefused):
        webhooks.change(session, webhook, events=["document.eaten"])
