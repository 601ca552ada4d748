"""The real application over a real database, and keys to call it with."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
import uvicorn
from fastapi.testclient import TestClient
from sqlmodel import Session

from api.app import create_app
from hitl.people import keys
from hitl.people.keys import Scope
from hitl.platform.blobs import blobs
from hitl.workspace.workspaces import create_workspace, ensure_base_model
from models.states import DocumentState, ModelState, Role, TaskState, VerdictState
from models.tables import Document, Webhook, WebhookDelivery, Workspace
from tests import factories

MakeKey = Callable[..., dict[str, str]]


@pytest.fixture
def client(database: str) -> Iterator[TestClient]:
    """Calls the application in this process; a crash of it is an answer here, as it is outside."""
    with TestClient(create_app(), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def tenant(session: Session) -> Workspace:
    """A workspace with the built-in document types, committed."""
    ensure_base_model(session, datetime.now(UTC))
    tenant = create_workspace(session, "tenant", now=datetime.now(UTC))
    session.commit()
    return tenant


@pytest.fixture
def make_key(session: Session) -> MakeKey:
    """Headers with a new key of a workspace; without scopes, an admin's."""

    def make(workspace: Workspace, *scopes: Scope) -> dict[str, str]:
        _, secret = keys.add_key(
            session, workspace.id, "test", scopes or (Scope.ADMIN,), actor="test", now=datetime.now(UTC)
        )
        session.commit()
        return {"Authorization": f"Bearer {secret}"}

    return make


@pytest.fixture
def admin(tenant: Workspace, make_key: MakeKey) -> dict[str, str]:
    return make_key(tenant)


@pytest.fixture
def things(session: Session, tenant: Workspace) -> dict[str, str]:
    """One of everything in the tenant's workspace, by the name of the path parameter."""
    now = factories.NOW
    document = factories.create_document(session, tenant)
    factories.create_page(session, document, image_key=blobs().put(tenant.id, b"png"))
    reading = factories.create_reading(session, document)
    verdict = factories.create_verdict(session, document, reading=reading)
    ann = factories.create_user(session, tenant, Role.VALIDATOR, login="ann")
    leased = {"state": TaskState.LEASED.value, "leased_to": ann.id, "lease_token": "t", "lease_until": now}
    task = factories.create_task(session, verdict, **leased)
    model = factories.create_model(session, tenant, state=ModelState.PASSED.value)
    hook = factories.save(
        session, Webhook(workspace_id=tenant.id, url="https://a.example", secret="s", events=[], created_at=now)
    )
    delivery = factories.save(
        session, WebhookDelivery(webhook_id=hook.id, event_key="e", event_type="document.released", created_at=now)
    )
    key, _ = keys.add_key(session, tenant.id, "erp", [Scope.ADMIN], actor="test", now=now)
    session.commit()
    return {
        "key_id": key.id,
        "login": ann.login,
        "document_id": document.id,
        "number": "1",
        "task_id": task.id,
        "model_id": model.id,
        "webhook_id": hook.id,
        "delivery_id": delivery.id,
    }


@pytest.fixture
def released(session: Session, tenant: Workspace) -> Document:
    """A released document with the value 12.50 in the field total."""
    version = factories.create_type(session, tenant, factories.a_type("slip"))
    document = factories.create_document(
        session, tenant, state=DocumentState.RELEASED.value, document_type="slip", type_version_id=version.id
    )
    reading = factories.create_reading(session, document, "total", "12.50")
    factories.create_verdict(
        session,
        document,
        "total",
        reading,
        state=VerdictState.FINAL.value,
        value_state="found",
        value="12.50",
        first_value_state="found",
        first_value="12.50",
        decided_by="machine",
    )
    session.commit()
    return document


@pytest.fixture
def live(database: str) -> Iterator[str]:
    """The address of the application on a free port, in a thread of this process."""
    server = uvicorn.Server(uvicorn.Config(create_app(), host="127.0.0.1", port=0, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
