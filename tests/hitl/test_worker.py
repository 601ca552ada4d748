"""One worker, two queues: a notice never waits behind a document, nor a document behind a notice."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from sqlmodel import Session, select

from hitl.platform.jobs import enqueue
from hitl.release import outbound, webhooks
from hitl.settings import settings
from hitl.worker import run_worker
from models.tables import WebhookDelivery, Workspace
from tests import factories


def test_deliveries_and_documents_do_not_wait_for_each_other(
    session: Session, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
):
    """Both jobs end only when the other has begun; the worker does one document at a time."""
    monkeypatch.setenv("COUNTERSIGN_WORKER_JOBS", "1")
    monkeypatch.setenv("COUNTERSIGN_WEBHOOK_ALLOW_PRIVATE", "true")
    settings.cache_clear()
    both = threading.Barrier(2, timeout=30)
    monkeypatch.setattr(outbound, "post", lambda *_: both.wait() * 0 + 200)
    monkeypatch.setattr("hitl.pipeline.drop_unused", lambda *_: both.wait())
    document = factories.create_document(session, workspace)
    now = datetime.now(UTC)
    webhooks.register(session, workspace.id, "http://127.0.0.1:9/", now=now)
    webhooks.notify(session, document, "document.released", {}, event_key="rel_1", now=now)
    enqueue(session, "delete_blobs", keys=[])
    session.commit()
    run_worker(wait=False, signals=False)
    session.expire_all()
    assert session.exec(select(WebhookDelivery.status)).one() == "delivered"
    assert not both.broken
