"""Keys and people over the API: expiry, rotation with overlap, invitations, pauses, leaving."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fastapi.testclient import TestClient
from sqlmodel import Session

from hitl.annotation import leases
from hitl.people.accounts import open_session, user_of_session
from hitl.people.promotion import FEWEST
from models.states import Role, TaskState
from models.tables import ApiKey, Task, User, Workspace
from tests import factories
from tests.api.test_doors import assert_problem
from tests.hitl.people.test_promotion import furnish

Headers = dict[str, str]


def with_secret(secret: str) -> Headers:
    return {"Authorization": f"Bearer {secret}"}


def test_a_key_is_made_used_and_revoked(client: TestClient, admin: Headers):
    made = client.post("/v1/keys", headers=admin, json={"name": "erp", "scopes": ["documents:read"]})
    assert made.status_code == 201, made.text
    key = with_secret(made.json()["secret"])
    assert client.get("/v1/documents", headers=key).status_code == 200
    assert_problem(client.get("/v1/keys", headers=key), 403, "scope_missing")
    listed = client.get("/v1/keys", headers=admin).json()["keys"]
    assert [row["name"] for row in listed] == ["test", "erp"]
    assert made.json()["secret"] not in str(listed)
    assert client.delete(f"/v1/keys/{made.json()['id']}", headers=admin).status_code == 204
    assert_problem(client.get("/v1/documents", headers=key), 401, "unauthorised")


def test_a_key_stops_when_it_expires(client: TestClient, admin: Headers, session: Session):
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    body = {"name": "erp", "scopes": ["documents:read"], "expires_at": soon}
    made = client.post("/v1/keys", headers=admin, json=body).json()
    assert client.get("/v1/documents", headers=with_secret(made["secret"])).status_code == 200
    session.get_one(ApiKey, made["id"]).expires_at = datetime.now(UTC) - timedelta(seconds=1)
    session.commit()
    assert_problem(client.get("/v1/documents", headers=with_secret(made["secret"])), 401, "unauthorised")
    assert_problem(client.post(f"/v1/keys/{made['id']}/rotate", headers=admin, json={}), 404, "no_such_key")


def test_a_key_is_rotated_without_a_gap(client: TestClient, admin: Headers, session: Session):
    old = client.post("/v1/keys", headers=admin, json={"name": "erp", "scopes": ["documents:read"]}).json()
    new = client.post(f"/v1/keys/{old['id']}/rotate", headers=admin, json={"overlap_hours": 2}).json()
    assert (new["name"], new["scopes"], new["expires_at"]) == ("erp", ["documents:read"], None)
    for secret in (old["secret"], new["secret"]):
        assert client.get("/v1/documents", headers=with_secret(secret)).status_code == 200
    ends = session.get_one(ApiKey, old["id"]).expires_at
    assert ends is not None
    assert timedelta(hours=1.9) < ends - datetime.now(UTC) <= timedelta(hours=2)
    at_once = client.post(f"/v1/keys/{new['id']}/rotate", headers=admin, json={"overlap_hours": 0}).json()
    assert_problem(client.get("/v1/documents", headers=with_secret(new["secret"])), 401, "unauthorised")
    assert client.get("/v1/documents", headers=with_secret(at_once["secret"])).status_code == 200


def test_levels_are_proposed_and_not_changed(client: TestClient, admin: Headers, session: Session, tenant: Workspace):
    validators, _ = furnish(session, tenant, datetime.now(UTC))
    session.commit()
    found = client.get("/v1/levels", headers=admin).json()["proposals"]
    assert (validators[0].login, "reviewer") in {(one["login"], one["to_role"]) for one in found}
    assert {one["fields"] for one in found} == {FEWEST}
    assert client.get(f"/v1/people/{validators[0].login}", headers=admin).json()["role"] == "validator"


def test_a_person_is_invited_and_chooses_a_password(client: TestClient, admin: Headers):
    invited = client.post("/v1/people", headers=admin, json={"login": "Ann", "role": "reviewer"})
    assert invited.status_code == 201, invited.text
    page = client.get(invited.json()["path"])
    assert page.status_code == 200
    assert client.get("/v1/people/ann", headers=admin).json()["role"] == "reviewer"
    assert_problem(client.post("/v1/people", headers=admin, json={"login": "ann"}), 409, "login_taken")
    assert_problem(client.get("/v1/people/bob", headers=admin), 404, "no_such_person")
    again = client.post("/v1/people/ann/reset", headers=admin)
    assert again.status_code == 201
    assert again.json()["code"] != invited.json()["code"]


def test_a_person_is_paused_and_goes_on(client: TestClient, admin: Headers, tenant: Workspace, session: Session):
    factories.create_user(session, tenant, Role.VALIDATOR, login="ann")
    session.commit()
    paused = client.patch("/v1/people/ann", headers=admin, json={"paused_reason": "too fast"}).json()
    assert paused["paused_reason"] == "too fast"
    assert_problem(client.get("/v1/tasks/next?person=ann", headers=admin), 403, "paused")
    assert client.patch("/v1/people/ann", headers=admin, json={}).json()["paused_reason"] == "too fast"
    capped = client.patch("/v1/people/ann", headers=admin, json={"weekly_hours_cap": 20}).json()
    assert capped["weekly_hours_cap"] == 20
    assert client.patch("/v1/people/ann", headers=admin, json={}).json()["weekly_hours_cap"] == 20
    assert client.patch("/v1/people/ann", headers=admin, json={"weekly_hours_cap": -1}).status_code == 422
    assert (
        client.patch("/v1/people/ann", headers=admin, json={"weekly_hours_cap": None}).json()["weekly_hours_cap"]
        is None
    )
    assert client.patch("/v1/people/ann", headers=admin, json={"paused_reason": None}).json()["paused_reason"] is None


def test_who_leaves_is_signed_out_and_their_work_goes_back(
    client: TestClient, admin: Headers, tenant: Workspace, session: Session, things: dict[str, str]
):
    now = datetime.now(UTC)
    ann = session.get_one(User, session.get_one(Task, things["task_id"]).leased_to)
    token = open_session(session, ann, now=now).token
    session.commit()
    left = client.patch("/v1/people/ann", headers=admin, json={"active": False})
    assert (left.status_code, left.json()["active"]) == (200, False)
    session.expire_all()
    task = session.get_one(Task, things["task_id"])
    assert (task.state, task.leased_to) == (TaskState.OPEN.value, None)
    assert not leases.is_held(task, ann, "t")
    assert user_of_session(session, token, now=now) is None


def test_the_last_admin_cannot_leave(client: TestClient, admin: Headers, tenant: Workspace, session: Session):
    factories.create_user(session, tenant, Role.ADMIN, login="root")
    session.commit()
    assert_problem(client.patch("/v1/people/root", headers=admin, json={"active": False}), 409, "last_admin")
    assert_problem(client.patch("/v1/people/root", headers=admin, json={"role": "validator"}), 409, "last_admin")
