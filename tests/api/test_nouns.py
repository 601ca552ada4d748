"""Webhooks, document types, policies, models, tasks and quality over the API."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel import Session, select

from hitl.annotation import leases
from hitl.people import pauses
from hitl.settings import settings
from hitl.workspace.policy import Policy
from hitl.workspace.workspaces import BASE_MODEL, create_workspace
from models.states import ModelState, Role, TaskState
from models.tables import Answer, ModelVersion, Observation, Task, User, WebhookDelivery, Workspace
from tests import factories

Headers = dict[str, str]

SLIP = {"name": "slip", "label": "Slip", "fields": [{"name": "total", "kind": "money"}]}


# --- webhooks ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def hook(client: TestClient, admin: Headers, monkeypatch: pytest.MonkeyPatch) -> dict:
    monkeypatch.setenv("COUNTERSIGN_WEBHOOK_ALLOW_PRIVATE", "true")
    settings.cache_clear()
    answer = client.post("/v1/webhooks", headers=admin, json={"url": "http://127.0.0.1:9/told"})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_the_secret_of_a_webhook_is_told_once(client: TestClient, admin: Headers, hook: dict):
    assert hook["secret"].startswith("whsec_")
    listed = client.get("/v1/webhooks", headers=admin)
    assert [row["id"] for row in listed.json()["webhooks"]] == [hook["id"]]
    assert hook["secret"] not in listed.text
    assert hook["secret"] not in client.get(f"/v1/webhooks/{hook['id']}", headers=admin).text


def test_a_webhook_to_a_private_address_or_of_an_unknown_event_is_refused(client: TestClient, admin: Headers):
    for body in ({"url": "http://127.0.0.1/x"}, {"url": "https://192.168.1.1/"}):
        answer = client.post("/v1/webhooks", headers=admin, json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "webhook_refused"), answer.text
    answer = client.post("/v1/webhooks", headers=admin, json={"url": "https://1.1.1.1/", "events": ["document.sung"]})
    assert (answer.status_code, answer.json()["code"]) == (422, "webhook_refused")


def test_a_failed_delivery_is_replayed_under_its_id(client: TestClient, admin: Headers, session: Session, hook: dict):
    failed = WebhookDelivery(
        webhook_id=hook["id"], event_key="e", event_type="document.released", payload={}, status="failed",
        attempts=10, created_at=factories.NOW,
    )  # fmt: skip
    factories.save(session, failed)
    session.commit()
    address = f"/v1/webhooks/{hook['id']}/deliveries"
    assert [row["status"] for row in client.get(address, headers=admin).json()["deliveries"]] == ["failed"]
    answer = client.post(f"{address}/{failed.id}/replay", headers=admin)
    assert (answer.status_code, answer.json()["id"], answer.json()["status"]) == (202, failed.id, "pending")
    assert client.post(f"{address}/msg_x/replay", headers=admin).status_code == 404


def test_a_removed_webhook_is_gone(client: TestClient, admin: Headers, hook: dict):
    assert client.delete(f"/v1/webhooks/{hook['id']}", headers=admin).status_code == 204
    assert client.get(f"/v1/webhooks/{hook['id']}", headers=admin).status_code == 404


# --- document types and policies --------------------------------------------------------------------------------------


def test_every_change_of_a_type_is_a_new_version(client: TestClient, admin: Headers):
    first = client.post("/v1/document-types", headers=admin, json=SLIP).json()
    same = client.put("/v1/document-types/slip", headers=admin, json=SLIP).json()
    second = client.put("/v1/document-types/slip", headers=admin, json=SLIP | {"label": "Pay slip"}).json()
    assert [version["number"] for version in (first, same, second)] == [1, 1, 2]
    versions = client.get("/v1/document-types/slip/versions", headers=admin).json()["document_types"]
    assert [version["number"] for version in versions] == [2, 1]
    assert client.get("/v1/document-types/slip", headers=admin).json()["spec"]["label"] == "Pay slip"
    names = [row["name"] for row in client.get("/v1/document-types", headers=admin).json()["document_types"]]
    assert {"receipt", "ad_buy", "nda", "slip"} <= set(names)


def test_a_wrong_type_is_refused_with_the_place(client: TestClient, admin: Headers):
    field = {"name": "Total!", "kind": "money"}
    answer = client.post("/v1/document-types", headers=admin, json=SLIP | {"fields": [field]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["where"].startswith("body.fields.0.name")
    answer = client.put("/v1/document-types/other", headers=admin, json=SLIP)
    assert (answer.status_code, answer.json()["code"]) == (409, "name_mismatch")


def test_a_type_without_fields_is_refused(client: TestClient, admin: Headers):
    answer = client.post("/v1/document-types", headers=admin, json={"name": "empty", "label": "Empty", "fields": []})
    assert (answer.status_code, answer.json()["code"]) == (422, "type_refused")


def test_a_policy_is_read_and_replaced(client: TestClient, admin: Headers):
    first = client.get("/v1/policies/receipt", headers=admin).json()
    assert (first["number"], first["policy"]) == (1, Policy().model_dump(mode="json"))
    second = client.put("/v1/policies/receipt", headers=admin, json=first["policy"] | {"cap": 3}).json()
    assert (second["number"], second["policy"]["cap"]) == (2, 3)
    assert client.get("/v1/policies/*", headers=admin).status_code == 200
    assert client.get("/v1/policies/unheard_of", headers=admin).status_code == 404
    assert client.put("/v1/policies/receipt", headers=admin, json={"cap": 0}).status_code == 422


# --- models -----------------------------------------------------------------------------------------------------------


def test_a_model_that_passed_is_promoted_and_rolled_back(
    client: TestClient, admin: Headers, session: Session, tenant: Workspace
):
    model = factories.create_model(session, tenant, state=ModelState.PASSED.value)
    session.commit()
    assert client.get("/v1/models", headers=admin).json()["serving"] == "mdl_base"
    assert client.post(f"/v1/models/{model.id}/promote", headers=admin).json()["state"] == "serving"
    assert client.get("/v1/models", headers=admin).json()["serving"] == model.id
    states = {one["id"]: one["state"] for one in client.get("/v1/models", headers=admin).json()["models"]}
    assert states == {model.id: "serving", "mdl_base": "retired"}
    again = client.post(f"/v1/models/{model.id}/promote", headers=admin)
    assert (again.status_code, "serves already" in again.json()["detail"]) == (409, True)
    back = client.post("/v1/models/rollback?reason=dates", headers=admin)
    assert (back.json()["id"], back.json()["state"]) == ("mdl_base", "serving")
    bundle = client.get("/v1/models/mdl_base/bundle", headers=admin)
    assert bundle.headers["content-type"] == "application/zip"
    assert "bundle.json" in zipfile.ZipFile(io.BytesIO(bundle.content)).namelist()
    assert client.get(f"/v1/models/{model.id}/lineage", headers=admin).json() == {"trainings": []}
    assert client.get("/v1/snapshots", headers=admin).json() == {"snapshots": []}
    told = client.get("/v1/models/history", headers=admin).json()["deployments"]
    assert [(one["model_id"], one["action"], one["reason"]) for one in told] == [
        ("mdl_base", "rolled_back", "dates"),
        (model.id, "promoted", ""),
    ]
    assert client.get("/v1/models", headers=admin).json()["serving"] == "mdl_base"


def test_a_model_is_promoted_as_soon_as_nothing_is_lost_by_it(
    client: TestClient, admin: Headers, session: Session, tenant: Workspace
):
    in_force = factories.create_certificate(session, tenant, BASE_MODEL)
    later = session.get_one(ModelVersion, BASE_MODEL).created_at + timedelta(days=1)
    old, new = (
        factories.create_model(session, tenant, state=ModelState.PASSED.value, created_at=later + timedelta(days=days))
        for days in range(2)
    )
    session.commit()
    answer = client.post(f"/v1/models/{old.id}/promote?when=ready", headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_in_shadow")
    answer = client.post(f"/v1/models/{new.id}/promote?when=ready", headers=admin).json()
    assert (answer["state"], list(answer["progress"])) == ("passed", ["promote_when_ready"])
    in_force.threshold = None
    session.add(in_force)
    session.commit()
    assert client.post(f"/v1/models/{new.id}/promote?when=ready", headers=admin).json()["state"] == "serving"
    assert client.post(f"/v1/models/{new.id}/promote?when=never", headers=admin).status_code == 422


def test_what_must_not_serve_is_not_promoted(client: TestClient, admin: Headers, session: Session, tenant: Workspace):
    refused = factories.create_model(session, tenant, state=ModelState.REFUSED.value)
    session.commit()
    answer = client.post(f"/v1/models/{refused.id}/promote", headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_possible_now")
    answer = client.post("/v1/models/mdl_base/promote", headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (409, "base_model")
    answer = client.post("/v1/models/rollback", headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (409, "no_such_model")


def test_training_without_examples_is_refused(client: TestClient, admin: Headers):
    answer = client.post("/v1/models", headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_learn")


# --- tasks ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def ann(session: Session, tenant: Workspace) -> User:
    """A validator, and one task on the total of one document."""
    version = factories.create_type(session, tenant, factories.a_type("slip"))
    document = factories.create_document(
        session, tenant, state="in_review", document_type="slip", type_version_id=version.id
    )
    factories.create_page(session, document)
    reading = factories.create_reading(session, document)
    factories.create_task(session, factories.create_verdict(session, document, reading=reading))
    user = factories.create_user(session, tenant, Role.VALIDATOR, login="ann")
    session.commit()
    return user


def lease(client: TestClient, admin: Headers, person: str = "ann") -> list[dict]:
    answer = client.get("/v1/tasks/next", headers=admin, params={"person": person})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return list(answer.json()["tasks"])


def test_a_task_is_leased_answered_and_answered_again_harmlessly(
    client: TestClient, admin: Headers, session: Session, ann: User
):
    (task,) = lease(client, admin)
    assert {"reasons", "confidence", "verdict_id", "purpose"}.isdisjoint(task)
    body = {"person": "ann", "token": task["token"], "value": "12.50", "idempotency_key": "a1"}
    first = client.post(f"/v1/tasks/{task['id']}/answers", headers=admin, json=body)
    again = client.post(f"/v1/tasks/{task['id']}/answers", headers=admin, json=body)
    assert first.status_code == again.status_code == 201, first.text
    assert first.json()["answer_id"] == again.json()["answer_id"]
    assert again.json()["is_repeat"] is True
    (row,) = session.exec(select(Answer)).all()
    assert (row.user_id, row.value) == (ann.id, "12.50")


def test_an_answer_under_a_wrong_token_or_of_a_wrong_kind_is_refused(client: TestClient, admin: Headers, ann: User):
    (task,) = lease(client, admin)
    address = f"/v1/tasks/{task['id']}/answers"
    body = {"person": "ann", "token": task["token"], "value": "twelve", "idempotency_key": "a1"}
    wrong_kind = client.post(address, headers=admin, json=body)
    assert (wrong_kind.status_code, wrong_kind.json()["code"]) == (422, "value_not_valid")
    stale = client.post(address, headers=admin, json=body | {"value": "12.50", "token": "old"})
    assert stale.status_code in {403, 409}
    assert stale.json()["next_step"]


def test_a_task_is_given_back(client: TestClient, admin: Headers, session: Session, ann: User):
    (task,) = lease(client, admin)
    body = {"person": "ann", "token": task["token"]}
    assert client.post(f"/v1/tasks/{task['id']}/return", headers=admin, json=body).status_code == 204
    assert session.get_one(Task, task["id"]).state == TaskState.OPEN


def test_nobody_unknown_or_deactivated_is_leased_work(client: TestClient, admin: Headers, session: Session, ann: User):
    assert client.get("/v1/tasks/next", headers=admin, params={"person": "bob"}).status_code == 404
    ann.active = False
    session.add(ann)
    session.commit()
    answer = client.get("/v1/tasks/next", headers=admin, params={"person": "ann"})
    assert (answer.status_code, answer.json()["code"]) == (409, "person_inactive")


def test_who_is_paused_is_told_why_and_how_to_appeal(client: TestClient, admin: Headers, session: Session, ann: User):
    held = lease(client, admin)[0]
    pauses.pause(
        session, ann, reason="0 of the last 5 control tasks were right.", actor="system:conduct", now=factories.NOW
    )
    leases.put_back(session, session.get_one(Task, held["id"]), actor="system:conduct", why="paused", now=factories.NOW)
    session.commit()
    given = {"person": "ann", "token": held["token"], "value": "12.50", "idempotency_key": "late"}
    for answer in (
        client.get("/v1/tasks/next", headers=admin, params={"person": "ann"}),
        client.post(f"/v1/tasks/{held['id']}/answers", headers=admin, json=given),
    ):
        assert answer.status_code == 403
        assert answer.json()["code"] == "paused"
        assert answer.json()["detail"] == "ann is paused: 0 of the last 5 control tasks were right."
        assert "manager" in answer.json()["next_step"]


def test_the_queue_is_summed_up(client: TestClient, admin: Headers, ann: User):
    summary = client.get("/v1/tasks/summary", headers=admin).json()
    assert set(summary) >= {"tasks", "reviews", "documents", "blocked"}


# --- quality ----------------------------------------------------------------------------------------------------------


def test_quality_weighs_audits_by_their_probability(
    client: TestClient, admin: Headers, session: Session, tenant: Workspace
):
    now, model = datetime.now(UTC) - timedelta(days=1), factories.create_model(session, tenant)
    for number, (wrong, probability) in enumerate([(True, 0.5), (False, 0.1), (False, 0.1), (None, None)]):
        document = factories.create_document(session, tenant, state="released", model_version_id=model.id)
        route = "accept" if number < 3 else "review"
        verdict = factories.create_verdict(session, document, state="final", route=route)
        if wrong is not None:
            factories.save(
                session,
                Observation(
                    workspace_id=tenant.id, document_id=document.id, verdict_id=verdict.id, document_type="receipt",
                    field="total", route=route, score=0.9, machine_wrong=wrong, released_wrong=wrong,
                    probability=probability, model_version_id=model.id, created_at=now,
                ),
            )  # fmt: skip
    session.commit()
    (field,) = client.get("/v1/quality", headers=admin).json()["fields"]
    assert (field["decisions"], field["audited"], field["accepted_share"]) == (4, 3, 0.75)
    assert field["released_error"] == pytest.approx(2 / 22)
    assert client.get("/v1/quality?document_type=nda", headers=admin).json()["fields"] == []


# --- master data ------------------------------------------------------------------------------------------------------


def test_master_data_is_put_shown_and_deleted_by_its_own_workspace(
    client: TestClient, admin: Headers, make_key: Any, session: Session
):
    path, csv = "/v1/document-types/receipt/master-data", "company,phone\nHarbour Cafe Ltd,0312345678\n"
    stranger = make_key(create_workspace(session, "other", now=factories.NOW))
    assert client.get(path, headers=admin).status_code == 404
    put = client.put(path, headers=admin | {"Content-Type": "text/csv"}, content=csv)
    assert (put.status_code, put.json()["rows"]) == (200, 1), put.text
    assert client.get(path, headers=admin).text == csv
    assert client.get(path, headers=stranger).status_code == 404
    assert client.delete(path, headers=stranger).status_code == 404
    refused = client.put(path, headers=admin, content=b"vendor\nHarbour Cafe Ltd\n")
    assert (refused.status_code, refused.json()["code"]) == (422, "master_data_refused"), refused.text
    assert client.delete(path, headers=admin).status_code == 204
    assert client.get(path, headers=admin).status_code == 404
