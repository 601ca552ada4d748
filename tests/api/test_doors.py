"""What every request meets at the door: keys and scopes, sizes, other sites, errors as problems, headers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient
from sqlmodel import Session

from api import errors, limits, problems
from api.app import create_app
from api.readiness import CHECKS
from extractor.processes import confine
from hitl.people import keys
from hitl.people.keys import Scope
from hitl.platform import db
from hitl.settings import settings
from models.tables import Workspace
from tests import factories
from tests.api.conftest import MakeKey

Headers = dict[str, str]
PARTS = {"type", "title", "status", "code", "detail", "next_step", "instance"}


def assert_problem(answer, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == problems.MEDIA_TYPE
    body = answer.json()
    assert set(body) >= PARTS
    assert (body["status"], body["code"]) == (status, code)
    assert body["detail"]
    assert body["next_step"]


# --- keys and scopes --------------------------------------------------------------------------------------------------


def test_without_a_good_key_nobody_enters(client: TestClient):
    for header in (None, "", "Bearer", "Bearer ", "Basic abc", "Bearer cs_unknown"):
        headers = {} if header is None else {"Authorization": header}
        answer = client.get("/v1/documents", headers=headers)
        assert_problem(answer, 401, "unauthorised")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_key_in_the_address_is_no_key(client: TestClient, admin: Headers):
    secret = admin["Authorization"].removeprefix("Bearer ")
    assert_problem(client.get("/v1/documents", params={"key": secret, "token": secret}), 401, "unauthorised")


def test_a_revoked_key_stops_at_once(client: TestClient, tenant: Workspace, session: Session):
    now = datetime.now(UTC)
    key, secret = keys.add_key(session, tenant.id, "k", [Scope.ADMIN], actor="t", now=now)
    session.commit()
    headers = {"Authorization": f"Bearer {secret}"}
    assert client.get("/v1/documents", headers=headers).status_code == 200
    keys.revoke_key(session, tenant.id, key.id, actor="t", now=now)
    session.commit()
    assert_problem(client.get("/v1/documents", headers=headers), 401, "unauthorised")


def test_a_key_does_only_what_its_scopes_say(client: TestClient, tenant: Workspace, make_key: MakeKey):
    reader = make_key(tenant, Scope.DOCUMENTS_READ)
    assert client.get("/v1/documents", headers=reader).status_code == 200
    assert_problem(client.delete("/v1/documents/doc_x", headers=reader), 403, "scope_missing")
    assert_problem(client.get("/v1/webhooks", headers=reader), 403, "scope_missing")
    assert_problem(client.get("/v1/tasks/next?person=ann", headers=reader), 403, "scope_missing")
    assert_problem(client.post("/v1/models", headers=reader), 403, "scope_missing")
    assert_problem(client.put("/v1/policies/receipt", headers=reader, json={}), 403, "scope_missing")


def test_the_secret_of_a_key_is_not_stored(tenant: Workspace, session: Session):
    key, secret = keys.add_key(session, tenant.id, "k", [Scope.ADMIN], actor="t", now=datetime.now(UTC))
    assert secret not in str(key.model_dump())
    assert key.prefix == secret[:8]


# --- problems ---------------------------------------------------------------------------------------------------------


def test_an_unknown_address_is_a_problem(client: TestClient):
    assert_problem(client.get("/v1/nothing"), 404, "not_found")


def test_a_wrong_method_is_a_problem_and_names_the_right_ones(client: TestClient):
    answer = client.put("/v1/documents")
    assert_problem(answer, 405, "method_not_allowed")
    assert "allow" in answer.headers


def test_an_invalid_parameter_is_named(client: TestClient, admin: Headers):
    answer = client.get("/v1/documents", headers=admin, params={"limit": "many"})
    assert_problem(answer, 422, "not_valid")
    assert answer.json()["errors"][0]["where"] == "query.limit"


def test_a_broken_json_body_is_a_problem(client: TestClient, admin: Headers):
    answer = client.post("/v1/webhooks", headers=admin | {"content-type": "application/json"}, content=b"{")
    assert_problem(answer, 422, "not_valid")


def test_our_own_mistake_is_a_problem_without_details(client: TestClient, admin: Headers, monkeypatch):
    def broken(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr("hitl.certificate.quality.quality", broken)
    answer = client.get("/v1/quality", headers=admin)
    assert_problem(answer, 500, "internal_error")
    assert "hunter2" not in answer.text


def test_a_commit_that_fails_is_not_answered_as_success(client: TestClient, admin: Headers, session: Session):
    """The foreign key is checked at commit: the answer must wait for it."""
    session.connection().exec_driver_sql(
        "ALTER TABLE document_type_version ADD CONSTRAINT late FOREIGN KEY (created_by) REFERENCES workspace (id)"
        " DEFERRABLE INITIALLY DEFERRED NOT VALID"
    )
    session.commit()
    spec = {"name": "slip", "label": "Slip", "fields": [{"name": "total", "kind": "money"}]}
    try:
        assert_problem(client.post("/v1/document-types", headers=admin, json=spec), 500, "internal_error")
        assert client.get("/v1/document-types/slip", headers=admin).status_code == 404
    finally:  # the tables are shared by all tests
        session.rollback()
        session.connection().exec_driver_sql("ALTER TABLE document_type_version DROP CONSTRAINT late")
        session.commit()


def test_every_error_in_the_table_has_a_next_step():
    for error, kind in errors.ERRORS.items():
        assert issubclass(error, Exception)
        assert 400 <= kind.status < 600
        assert kind.next_step.endswith("."), kind
        assert kind.code == kind.code.lower().replace(" ", "_")


def test_every_answer_of_the_openapi_page_is_described(client: TestClient):
    paths = client.get("/openapi.json").json()["paths"]
    for path, methods in paths.items():
        for method, operation in methods.items():
            assert operation.get("description") or operation.get("summary"), (method, path)
            if path.startswith("/v1"):
                assert operation["responses"]["422"]["content"].keys() == {problems.MEDIA_TYPE}, (method, path)


# --- sizes ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tiny(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """An application that takes uploads of up to 1,000 bytes and the room around them."""
    monkeypatch.setenv("COUNTERSIGN_MAX_BYTES", "1000")
    settings.cache_clear()
    with TestClient(create_app(), raise_server_exceptions=False) as client:
        yield client


def test_a_body_that_announces_too_much_is_refused_unread(tiny: TestClient, admin: Headers):
    limit = 1000 + limits.MULTIPART_ROOM
    answer = tiny.post("/v1/documents", headers=admin, files={"file": ("a.pdf", b"x" * (limit + 1))})
    assert_problem(answer, 413, "too_large")


def test_a_body_without_length_is_cut_off_at_the_limit(tiny: TestClient, admin: Headers):
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
        for _ in range(1000):
            sent += 10_000
            yield b"x" * 10_000

    headers = admin | {"content-type": "multipart/form-data; boundary=b"}
    assert_problem(tiny.post("/v1/documents", headers=headers, content=endless()), 413, "too_large")


def test_a_file_over_the_limit_within_the_room_is_refused_by_intake(tiny: TestClient, admin: Headers):
    answer = tiny.post("/v1/documents", headers=admin, files={"file": ("a.pdf", b"%PDF-1.7" + b"x" * 2000)})
    assert_problem(answer, 413, "too_large")


def test_a_json_body_has_a_small_limit(client: TestClient, admin: Headers):
    body = b'{"url": "' + b"x" * limits.SMALL_BODY + b'"}'
    answer = client.post("/v1/webhooks", headers=admin | {"content-type": "application/json"}, content=body)
    assert_problem(answer, 413, "too_large")


def test_a_strangers_upload_is_not_parsed(client: TestClient, monkeypatch: pytest.MonkeyPatch):
    parsed = []
    monkeypatch.setattr("starlette.requests.Request.form", lambda *_a, **_k: parsed.append(1))
    assert_problem(client.post("/v1/documents", files={"file": ("a.pdf", b"x")}), 401, "unauthorised")
    assert parsed == []


# --- other sites ------------------------------------------------------------------------------------------------------


CROSS_SITE: list[tuple[Headers, bool]] = [
    ({"sec-fetch-site": "cross-site"}, True),
    ({"sec-fetch-site": "same-site"}, True),
    ({"sec-fetch-site": "same-origin"}, False),
    ({"sec-fetch-site": "none"}, False),
    ({"origin": "https://evil.example"}, True),
    ({"origin": "null"}, True),
    ({"origin": "http://testserver"}, False),
    ({}, False),
    ({"sec-fetch-site": "cross-site", "authorization": "Bearer x"}, False),
]


def test_changing_requests_from_other_sites_are_refused(client: TestClient):
    for headers, is_refused in CROSS_SITE:
        answer = client.post("/v1/nothing", headers=headers)
        assert answer.status_code == (403 if is_refused else 404), headers
        assert client.get("/healthz", headers=headers).status_code == 200


def test_a_key_beside_cookies_does_not_switch_the_check_off(client: TestClient, admin: Headers):
    from_elsewhere = admin | {"Sec-Fetch-Site": "cross-site", "Cookie": "countersign_session=x"}
    assert_problem(client.post("/v1/nothing", headers=from_elsewhere), 403, "cross_site")
    assert client.post("/v1/nothing", headers=from_elsewhere | {"Sec-Fetch-Site": "same-origin"}).status_code == 404


def test_too_many_sign_ins_are_told_when_to_come_back(client: TestClient):
    for _ in range(5):
        assert client.post("/signin", data={"login": "ann", "password": "wrong"}).status_code == 403
    shut = client.post("/signin", data={"login": "ann", "password": "wrong"})
    assert shut.status_code == 429
    assert 0 < int(shut.headers["retry-after"]) <= 901


def test_every_answer_has_the_security_headers(client: TestClient):
    for path in ("/healthz", "/v1/documents", "/v1/nothing"):
        headers = client.get(path).headers
        assert set(headers) >= {name.lower() for name in limits.SECURITY_HEADERS}
        assert "unsafe" not in headers["content-security-policy"]


# --- health -----------------------------------------------------------------------------------------------------------


def test_health_needs_no_database(client: TestClient, monkeypatch):
    monkeypatch.setenv("COUNTERSIGN_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    db.forget()
    assert client.get("/healthz").json() == {"status": "ok"}
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] != "ok"
    assert "nobody" not in answer.text


def test_readiness_names_what_is_missing(client: TestClient, session: Session, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(confine, "missing", list)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["checks"] == {
        "database": "ok",
        "migrations": "ok",
        "blobs": "ok",
        "worker": "ok; but no worker has been heard of",
        "sandbox": "ok",
    }
    session.connection().exec_driver_sql("INSERT INTO procrastinate_workers DEFAULT VALUES")
    session.commit()
    assert client.get("/readyz").json() == {"ready": True, "checks": dict.fromkeys(CHECKS, "ok")}
    monkeypatch.setattr(confine, "missing", lambda: ["no Landlock: children can read files of others"])
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["checks"]["sandbox"] == "ok; but no Landlock: children can read files of others"


def test_metrics_count_requests_by_route_and_documents_by_state(
    client: TestClient, admin: Headers, session: Session, tenant: Workspace
):
    factories.create_document(session, tenant)
    session.commit()
    client.get("/v1/documents/doc_secret", headers=admin)
    text = client.get("/metrics").text
    assert 'countersign_requests_total{method="GET",route="/v1/documents/{document_id}",status="404"}' in text
    assert "doc_secret" not in text
    assert 'countersign_documents{state="read"} 1.0' in text


def test_the_settings_of_sizes_are_the_ones_in_force(tiny: TestClient):
    assert settings().max_bytes == 1000
