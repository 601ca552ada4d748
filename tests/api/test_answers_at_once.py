"""Many answers in one request: each taken or refused for itself, none twice."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel import Session, func, select

from hitl.platform.moves import verify_chain
from models.tables import Answer, Document, Release, User, Workspace
from tests.factories import a_type, create_user
from tests.hitl.crowd import create_read_document, set_policy, start

TRUTH = {"vendor": "ACME LTD", "date": "2026-01-31", "total": "12.50"}


@pytest.fixture
def person(session: Session, tenant: Workspace) -> User:
    set_policy(session, tenant, "slip")
    ann, _ = create_user(session, tenant, login="ann"), create_user(session, tenant, login="bob")
    for _ in range(2):
        start(session, create_read_document(session, tenant, spec=a_type("slip")), datetime.now(UTC))
    session.commit()
    return ann


def lease(client: TestClient, key: dict[str, str], count: int = 6) -> list[dict[str, Any]]:
    tasks: list[dict[str, Any]] = client.get(f"/v1/tasks/next?person=ann&count={count}", headers=key).json()["tasks"]
    return tasks


def said(tasks: list[dict[str, Any]], **of_first: Any) -> dict[str, Any]:
    answers = [{"task_id": task["id"], "token": task["token"], "value": TRUTH[task["field"]]} for task in tasks]
    return {"person": "ann", "answers": [answers[0] | of_first, *answers[1:]]}


def test_two_documents_are_answered_and_released_at_once(
    client: TestClient, admin: dict[str, str], session: Session, person: User
):
    tasks = lease(client, admin)
    assert len(tasks) == 6
    body, headers = said(tasks), admin | {"Idempotency-Key": "first"}
    answer = client.post("/v1/answers", headers=headers, json=body)
    assert answer.status_code == 200
    assert [result["status"] for result in answer.json()["results"]] == [201] * 6
    assert session.exec(select(func.count()).select_from(Release)).one() == 2
    again = client.post("/v1/answers", headers=headers, json=body).json()["results"]
    assert [result["accepted"]["is_repeat"] for result in again] == [True] * 6
    assert session.exec(select(func.count()).select_from(Answer)).one() == 6
    for document in session.exec(select(Document)).all():
        assert verify_chain(session, document.id)


def test_what_is_refused_spoils_no_other(client: TestClient, admin: dict[str, str], session: Session, person: User):
    tasks = sorted(lease(client, admin), key=lambda task: task["field"] != "date")
    body = said(tasks, value="no date at all")
    body["answers"][1]["token"] = "not this"
    body["answers"].append(body["answers"][2] | {"task_id": "tsk_of_nobody"})
    results = client.post("/v1/answers", headers=admin | {"Idempotency-Key": "k"}, json=body).json()["results"]
    assert [result["status"] for result in results] == [422, 409, 201, 201, 201, 201, 404]
    assert results[0]["problem"]["next_step"]
    assert session.exec(select(func.count()).select_from(Answer)).one() == 4
    for document in session.exec(select(Document)).all():
        assert verify_chain(session, document.id)
    mended = said(tasks[:1])
    assert client.post("/v1/answers", headers=admin | {"Idempotency-Key": "m"}, json=mended).json()["results"][0][
        "status"
    ] == 201  # fmt: skip


def test_an_answer_without_any_key_is_not_taken(client: TestClient, admin: dict[str, str], person: User):
    answer = client.post("/v1/answers", headers=admin, json=said(lease(client, admin, 1)))
    assert (answer.status_code, answer.json()["code"]) == (422, "not_valid")
