"""A key of another workspace sees nothing: 404 for every address with an identifier, empty lists for the rest."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from sqlmodel import Session

from api.app import create_app
from hitl.workspace.workspaces import create_workspace
from models.states import Role
from tests import factories
from tests.api.conftest import MakeKey

ROUTES = sorted(
    (method.upper(), path)
    for path, methods in create_app().openapi()["paths"].items()
    if path.startswith("/v1")
    for method in methods
)
WITH_OBJECT = [route for route in ROUTES if "{" in route[1]]
# Document types, policies and people are named, not numbered: both workspaces may have one of the same name.
NAMED = [route for route in WITH_OBJECT if any(name in route[1] for name in ("{name}", "{document_type}", "{login}"))]
NUMBERED = [route for route in WITH_OBJECT if route not in NAMED]

BODIES: dict[tuple[str, str], dict[str, object]] = {
    ("POST", "/v1/documents/{document_id}/corrections"): {"field": "total", "value": "1.00"},
    ("POST", "/v1/documents/{document_id}/repeat"): {"copy_of_it": True},
    ("POST", "/v1/documents/{document_id}/split"): {"cuts": []},
    ("POST", "/v1/documents/{document_id}/type"): {"document_type": "nda"},
    ("POST", "/v1/tasks/{task_id}/answers"): {"person": "ann", "token": "t", "value": "1", "idempotency_key": "i"},
    ("POST", "/v1/keys/{key_id}/rotate"): {},
    ("PATCH", "/v1/webhooks/{webhook_id}"): {},
    ("POST", "/v1/webhooks/{webhook_id}/rotate"): {},
    ("POST", "/v1/tasks/{task_id}/return"): {"person": "ann", "token": "t"},
}


@pytest.fixture
def stranger(session: Session, make_key: MakeKey) -> dict[str, str]:
    """The key of an admin of another workspace, which also has a person called ann."""
    other = create_workspace(session, "other", now=factories.NOW)
    factories.create_user(session, other, Role.VALIDATOR, login="ann")
    return make_key(other)


def test_another_workspaces_object_is_not_found(client: TestClient, things: dict[str, str], stranger: dict[str, str]):
    assert len(NUMBERED) > 15
    found = {}
    for method, path in NUMBERED:
        answer = client.request(method, path.format(**things), headers=stranger, json=BODIES.get((method, path)))
        if (answer.status_code, answer.json()["code"]) != (404, "not_found"):
            found[method, path] = answer.text
    assert found == {}


def test_the_owner_finds_the_same_object(client: TestClient, things: dict[str, str], admin: dict[str, str]):
    for method, path in NUMBERED:
        if method == "GET":
            assert client.get(path.format(**things), headers=admin).status_code == 200, path


def test_a_strangers_lists_are_empty(client: TestClient, things: dict[str, str], stranger: dict[str, str]):
    for path, name in (("documents", "documents"), ("webhooks", "webhooks"), ("quality", "fields")):
        assert client.get(f"/v1/{path}", headers=stranger).json()[name] == []


def test_a_stranger_sees_the_base_model_alone(client: TestClient, things: dict[str, str], stranger: dict[str, str]):
    models = client.get("/v1/models", headers=stranger).json()["models"]
    assert [model["base"] for model in models] == [True]


def test_a_stranger_is_leased_no_task(client: TestClient, things: dict[str, str], stranger: dict[str, str]):
    answer = client.get("/v1/tasks/next", headers=stranger, params={"person": "ann"})
    assert answer.json()["tasks"] == []


def test_a_type_of_one_workspace_does_not_exist_in_another(
    client: TestClient, admin: dict[str, str], stranger: dict[str, str]
):
    spec = {"name": "slip", "label": "Slip", "fields": [{"name": "total", "kind": "money"}]}
    assert client.post("/v1/document-types", headers=admin, json=spec).status_code == 201
    for path in ("/v1/document-types/slip", "/v1/document-types/slip/versions", "/v1/policies/slip"):
        assert client.get(path, headers=admin).status_code == 200
        assert client.get(path, headers=stranger).status_code == 404


def test_no_route_answers_without_a_key(client: TestClient):
    for method, path in ROUTES:
        filled = path.format_map({"number": "1", **dict.fromkeys(_parameters(path), "x")})
        answer = client.request(method, filled, json=BODIES.get((method, path)))
        # 422: the body is checked before the key is looked up
        assert answer.status_code in {401, 422}, (method, path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"


def _parameters(path: str) -> list[str]:
    return [part.strip("{}").removesuffix("}.png") for part in path.split("/") if part.startswith("{")]
