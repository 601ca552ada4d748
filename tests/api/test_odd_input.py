"""Odd text and numbers at every door: refused with a sentence, never a crash, and no value of theirs in a log."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from api.app import ROUTERS
from api.limits import TAKES_FILES
from api.web.app import PAGES
from api.web.visitor import COOKIE
from hitl.people.accounts import add_user, open_session
from hitl.platform import db
from models.states import Role
from models.tables import Workspace
from tests.api.test_documents import png, send

NUL, HALF, TURN = "a\0b", "a\ud800b", "a\u202eb"
HUGE = 10**30
FIELD = {"name": "a", "kind": "line"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def document(client: TestClient, admin: dict[str, str]) -> str:
    answer = send(client, admin)
    assert answer.status_code == 202
    return str(answer.json()["id"])


def body(**content: Any) -> dict[str, Any]:
    return {"content": json.dumps(content), "headers": JSON}


# One row each: method, address, what is sent with it. Before there was one place for them, half of them ended in 500.
ODD: dict[str, tuple[str, str, dict[str, Any]]] = {
    "NUL in an id": ("GET", "/v1/documents/doc_%00", {}),
    "bytes that are no UTF-8 in an id": ("GET", "/v1/documents/doc_%ff", {}),
    "half a surrogate pair in an id": ("GET", "/v1/documents/%ed%a0%80", {}),
    "direction turned in an id": ("GET", "/v1/documents/doc_%e2%80%aex", {}),
    "huge page number": ("GET", f"/v1/documents/{{document}}/pages/{HUGE}.png", {}),
    "page number that int4 does not hold": ("GET", "/v1/documents/{document}/pages/2147483648.png", {}),
    "negative page number": ("GET", "/v1/documents/{document}/pages/-1.png", {}),
    "NUL in a filter": ("GET", "/v1/documents?external_id=%00", {}),
    "NUL in the filter of the type": ("GET", "/v1/documents?document_type=%00", {}),
    "bytes that are no UTF-8 in a filter": ("GET", "/v1/documents?external_id=%ff%fe", {}),
    "huge limit": ("GET", f"/v1/documents?limit={HUGE}", {}),
    "NUL in a cursor": ("GET", "/v1/documents?cursor=%00", {}),
    "cursor with NUL inside": ("GET", "/v1/documents?cursor=WyIyMDI2LTAxLTAxVDAwOjAwOjAwKzAwOjAwIiwgIlx1MDAwMCJd", {}),
    "cursor with half a pair inside": (
        "GET", "/v1/documents?cursor=WyIyMDI2LTAxLTAxVDAwOjAwOjAwKzAwOjAwIiwgIlx1ZDgwMCJd", {},
    ),
    "cursor before the year 1": (
        "GET", "/v1/documents?cursor=WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzE0OjAwIiwgImEiXQ", {},
    ),
    "cursor that is a number": ("GET", "/v1/documents?cursor=MQ", {}),
    "NUL in a correction": ("POST", "/v1/documents/{document}/corrections", body(field="total", value=NUL)),
    "half a surrogate pair in a correction": (
        "POST", "/v1/documents/{document}/corrections", body(field="total", value=HALF),
    ),
    "NUL in a field's name": ("POST", "/v1/documents/{document}/corrections", body(field=NUL, value="1")),
    "NUL in a list of values": ("POST", "/v1/documents/{document}/corrections", body(field="total", value=["1", NUL])),
    "NUL as a key": ("POST", "/v1/documents/{document}/corrections", body(field="total", value=[{NUL: "1"}])),
    "direction turned in a note": (
        "POST", "/v1/documents/{document}/corrections", body(field="total", value="1", note=TURN),
    ),
    "over-long note": (
        "POST", "/v1/documents/{document}/corrections", body(field="total", value="1", note="x" * 5000),
    ),
    "NUL in the type of a document": ("POST", "/v1/documents/{document}/type", body(document_type=NUL)),
    "label with NUL": ("POST", "/v1/document-types", body(name="slip", label=NUL, fields=[FIELD])),
    "label with half a pair": ("POST", "/v1/document-types", body(name="slip", label=HALF, fields=[FIELD])),
    "huge error target": (
        "POST", "/v1/document-types",
        {"content": f'{{"name":"slip","label":"a","fields":[{{"name":"a","kind":"line"}}],"error_target":{HUGE}}}',
         "headers": JSON},
    ),
    "a number that is none": (
        "PUT", "/v1/policies/receipt", {"content": '{"audit_rate": NaN}', "headers": JSON},
    ),
    "an infinite number": ("PUT", "/v1/policies/receipt", {"content": '{"audit_rate": 1e999}', "headers": JSON}),
    "an integer of 5000 digits": (
        "PUT", "/v1/policies/receipt", {"content": '{"audit_rate": ' + "9" * 5000 + "}", "headers": JSON},
    ),
    "brackets within brackets": ("POST", "/v1/document-types", {"content": "[" * 100_000, "headers": JSON}),
    "JSON in Latin-1": (
        "POST", "/v1/documents/{document}/corrections",
        {"content": '{"field":"total","value":"ü"}'.encode("latin-1"), "headers": JSON},
    ),
    "events with NUL": ("POST", "/v1/webhooks", body(url="https://example.com/", events=[NUL])),
    "over-long webhook address": ("POST", "/v1/webhooks", body(url="https://example.com/" + "x" * 50_000)),
    "NUL in a person": ("GET", "/v1/tasks/next?person=%00", {}),
    "huge count": ("GET", f"/v1/tasks/next?person=a&count={HUGE}", {}),
    "NUL in Idempotency-Key": (
        "POST", "/v1/documents/{document}/corrections",
        {"content": '{"field":"total","value":"1"}', "headers": {**JSON, "Idempotency-Key": NUL}},
    ),
    "over-long Idempotency-Key": (
        "POST", "/v1/documents/{document}/corrections",
        {"content": '{"field":"total","value":"1"}', "headers": {**JSON, "Idempotency-Key": "x" * 5000}},
    ),
    "NUL in a form": ("POST", "/signin", {"content": "login=%00&password=x", "headers": FORM}),
    "Latin-1 in a form": ("POST", "/signin", {"content": "login=%fc&password=x", "headers": FORM}),
    "NUL in a multipart form": (
        "POST", "/signin", {"files": {"login": (None, NUL), "password": (None, "x")}},
    ),
    "a multipart form in an encoding that is none": (
        "POST", "/signin",
        {"content": b"--x\r\nContent-Disposition: form-data; name=\"login\"\r\n\r\n\xff\r\n--x--\r\n",
         "headers": {"Content-Type": "multipart/form-data; boundary=x; charset=undefined"}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", ODD)
def test_odd_input_is_refused_with_a_sentence(what: str, client: TestClient, admin: dict[str, str], document: str):
    method, address, sent = ODD[what]
    headers = admin | sent.get("headers", {})
    answer = client.request(method, address.format(document=document), **(sent | {"headers": headers}))
    assert 400 <= answer.status_code < 500, answer.text
    if "problem" in answer.headers["content-type"]:
        assert answer.json()["next_step"]


@pytest.mark.parametrize("field", ["external_id", "document_type", "priority", "due_at"])
@pytest.mark.parametrize("odd", [NUL, TURN, "x" * 5000, str(HUGE), "0001-01-01T00:00:00+14:00"])
def test_odd_fields_beside_an_upload(client: TestClient, admin: dict[str, str], field: str, odd: str):
    answer = send(client, admin, **{field: odd})
    taken = field == "external_id" and odd in {str(HUGE), "0001-01-01T00:00:00+14:00"}
    assert answer.status_code == 202 if taken else 400 <= answer.status_code < 500, answer.text


def test_the_name_of_a_file_is_cleaned(client: TestClient, admin: dict[str, str]):
    files = {"file": ("../invoice\u202efdp.exe", png())}
    assert client.post("/v1/documents", headers=admin, files=files).json()["filename"] == "invoicefdp.exe"


# --- every parameter of every route and page --------------------------------------------------------------------------

NASTY = (str(HUGE), "9" * 5000, "x" * 20_000, "0001-01-01T00:00:00+14:00", "²", "nan")


def every_route() -> Iterator[APIRoute]:
    for router in (*ROUTERS, *(page.router for page in PAGES)):
        yield from (route for route in router.routes if isinstance(route, APIRoute))


def parameters(route: APIRoute, kind: str) -> list[Any]:
    waiting, found = [route.dependant], []
    while waiting:
        one = waiting.pop()
        found += getattr(one, f"{kind}_params")
        waiting += one.dependencies
    return found


@pytest.fixture
def signed_in(client: TestClient, session: Session, tenant: Workspace) -> TestClient:
    now = datetime.now(UTC)
    user = add_user(session, tenant.id, "root", role=Role.ADMIN, password="a long password", actor="test", now=now)
    client.cookies.set(COOKIE, open_session(session, user, now=now).token)
    session.commit()
    return client


def requests_of(route: APIRoute, document: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each parameter of the route in turn with everything nasty, the others as harmless as can be."""
    harmless = {"document_id": document, "number": "1", "name": "receipt", "document_type": "receipt"}
    path = {parameter.alias: harmless.get(parameter.alias, "x") for parameter in parameters(route, "path")}
    query = {parameter.alias: "1" for parameter in parameters(route, "query")}
    names = [parameter.alias for parameter in parameters(route, "body")]
    form = dict.fromkeys([*names, *FREE_FORM] if "form" in names or not names else names, "1")
    for nasty in NASTY:
        for name in path:
            yield route.path.format(**path | {name: nasty[:2000]}), {"params": query, "data": form}
        for name in query:
            yield route.path.format(**path), {"params": query | {name: nasty}, "data": form}
        for name in form if "POST" in route.methods else ():
            yield route.path.format(**path), {"params": query, "data": form | {name: nasty}}
        for field in fields_of_body(route):
            for value in (nasty, [nasty], {nasty: nasty}, 2**31) if nasty == NASTY[0] else (nasty,):
                yield route.path.format(**path), {"params": query, "json": {field: value}}


FREE_FORM = ("seconds", "choice", "field", "value", "f0.name", "f0.kind", "error_target", "audit_rate", "days", "token")


def fields_of_body(route: APIRoute) -> list[str]:
    kinds = [parameter.field_info.annotation for parameter in parameters(route, "body")]
    return [name for kind in kinds for name in getattr(kind, "model_fields", {})]


@pytest.mark.parametrize("route", list(every_route()), ids=lambda route: f"{min(route.methods)} {route.path}")
def test_no_parameter_of_any_route_breaks_it(
    route: APIRoute, signed_in: TestClient, admin: dict[str, str], document: str, caplog: pytest.LogCaptureFixture
):
    if route.path == "/signout":
        return
    for address, sent in requests_of(route, document):
        for method in route.methods:
            headers = admin if address.startswith("/v1") else {}
            answer = signed_in.request(method, address, headers=headers, follow_redirects=False, **sent)
            assert answer.status_code < 500 or address == "/readyz", (method, address, str(sent)[:300], answer.text)


def test_every_route_that_takes_files_is_known_to_the_limits():
    takes = {
        route.path
        for route in every_route()
        if route.openapi_extra or any("UploadFile" in str(p.field_info.annotation) for p in parameters(route, "body"))
    }
    assert takes == {"/v1/documents", "/upload", "/types/{name}/master-data"}
    assert all(TAKES_FILES.match(path) for path in takes)


# --- logs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT CAST(:value AS integer)",
        "INSERT INTO workspace (id, name) VALUES (:value, :value)",
        "SELECT no_such_function(:value)",
    ],
)
def test_no_error_of_the_database_quotes_a_value(database: str, statement: str, caplog: pytest.LogCaptureFixture):
    value = "-".join(["SECRET", "VALUE"])
    with caplog.at_level(logging.DEBUG), pytest.raises(SQLAlchemyError) as raised, db.engine().connect() as connection:
        connection.execute(text(statement), {"value": value})
    logging.getLogger("test").error("broke", exc_info=raised.value)
    assert value not in caplog.text
    assert "SQLSTATE" in caplog.text


def test_a_crash_of_a_route_quotes_no_value(
    client: TestClient, admin: dict[str, str], document: str, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    def broken(session: Session, *_: Any, **__: Any) -> None:
        session.execute(text("INSERT INTO workspace (id, name) VALUES (:a, NULL)"), {"a": "SECRET" + "-VALUE"})

    monkeypatch.setattr("hitl.release.release.correct", broken)
    answer = client.post(
        f"/v1/documents/{document}/corrections", headers=admin, json={"field": "total", "value": "SECRET-VALUE"}
    )
    assert answer.status_code == 500
    assert "broke" in caplog.text
    assert "SECRET-VALUE" not in caplog.text + answer.text
