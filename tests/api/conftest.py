"""The real application over a real database, and keys to call it with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient
from sqlmodel import Session

from api.app import create_app
from hitl.people import keys
from hitl.people.keys import Scope
from hitl.workspace.workspaces import create_workspace, ensure_base_model
from models.tables import Workspace

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
