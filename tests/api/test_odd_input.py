"""Odd text and numbers at every door: refused with a sentence, never a crash, and no value of theirs in a log."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
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
from api.web.forms import read_form
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


Meeting = tuple[str, str, Any]  # where the parameter stands, its name, what is sent as it
FREE_FORM = ("seconds", "choice", "field", "value", "f0.name", "f0.kind", "error_target", "audit_rate", "days", "token")
IN_JSON = (*NASTY, [NASTY[0]], {NASTY[0]: NASTY[0]}, 2**31)


def reads_any_form(route: APIRoute) -> bool:
    waiting = [route.dependant]
    while waiting:
        one = waiting.pop()
        if one.call is read_form:
            return True
        waiting += one.dependencies
    return False


def fields_of_body(route: APIRoute) -> dict[str, Any]:
    """The fields of a JSON body by name."""
    kinds = [parameter.field_info.annotation for parameter in parameters(route, "body")]
    return {name: field.annotation for kind in kinds for name, field in getattr(kind, "model_fields", {}).items()}


def fields_of_form(route: APIRoute) -> list[str]:
    declared = [p.alias for p in parameters(route, "body") if not hasattr(p.field_info.annotation, "model_fields")]
    return [*declared, *(FREE_FORM if reads_any_form(route) else ())]


@cache
def meetings() -> dict[int, list[Meeting]]:
    """By the id of a route: what is asked of it.

    In forms and queries, which our own code takes apart, every parameter meets everything nasty. In paths and JSON,
    which are parsed by what they are declared as, every such declaration does, and every parameter meets something.
    """
    found = defaultdict[int, list[Meeting]](list)
    alike = defaultdict[tuple[str, str], list[tuple[int, str]]](list)
    for route in every_route():
        for parameter in parameters(route, "path"):
            alike["path", str(parameter.field_info.annotation)].append((id(route), parameter.alias))
        for name, annotation in fields_of_body(route).items():
            alike["json", str(annotation)].append((id(route), name))
        free = [("query", parameter.alias) for parameter in parameters(route, "query")]
        free += [("data", name) for name in fields_of_form(route)] if "POST" in route.methods else []
        found[id(route)] += [(where, name, nasty) for where, name in free for nasty in NASTY]
    for (where, _), members in alike.items():
        values = IN_JSON if where == "json" else [nasty[:2000] for nasty in NASTY]
        for turn in range(max(len(members), len(values))):
            route_id, name = members[turn % len(members)]
            found[route_id].append((where, name, values[turn % len(values)]))
    return found


def requests_of(route: APIRoute, document: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is asked of the route, its other parameters as harmless as can be."""
    harmless = {"document_id": document, "number": "1", "name": "receipt", "document_type": "receipt"}
    path = {parameter.alias: harmless.get(parameter.alias, "x") for parameter in parameters(route, "path")}
    query = {parameter.alias: "1" for parameter in parameters(route, "query")}
    form = dict.fromkeys(fields_of_form(route), "1")
    for where, name, nasty in meetings()[id(route)] or [("", "", "")]:
        address = route.path.format(**path | ({name: nasty} if where == "path" else {}))
        sent: dict[str, Any] = {"params": query | ({name: nasty} if where == "query" else {})}
        sent |= (
            {"json": {name: nasty}} if where == "json" else {"data": form | ({name: nasty} if where == "data" else {})}
        )
        yield address, sent


def files_of_routes() -> dict[str, list[APIRoute]]:
    found = defaultdict[str, list[APIRoute]](list)
    for route in every_route():
        found[route.endpoint.__module__].append(route)
    return found


@pytest.mark.parametrize("module", files_of_routes())
def test_no_parameter_of_any_route_breaks_it(
    module: str, client: TestClient, session: Session, tenant: Workspace, admin: dict[str, str], document: str
):
    now = datetime.now(UTC)
    root = add_user(session, tenant.id, "root", role=Role.ADMIN, password="a long password", actor="test", now=now)
    for route in files_of_routes()[module]:
        if route.path == "/signout":
            continue
        client.cookies.set(COOKIE, open_session(session, root, now=now).token)
        session.commit()
        for address, sent in requests_of(route, document):
            for method in route.methods:
                headers = admin if address.startswith("/v1") else {}
                answer = client.request(method, address, headers=headers, follow_redirects=False, **sent)
                assert answer.status_code < 500 or address == "/readyz", (method, address, str(sent)[:300], answer.text)


def test_every_kind_of_parameter_meets_everything_nasty_and_every_parameter_something():
    routes = {id(route): route for route in every_route()}
    met = {(one, where, name) for one, meeting in meetings().items() for where, name, _ in meeting}
    for one, route in routes.items():
        assert {(one, "path", p.alias) for p in parameters(route, "path")} <= met
        assert {(one, "query", p.alias) for p in parameters(route, "query")} <= met
        assert {(one, "json", name) for name in fields_of_body(route)} <= met
    kinds = defaultdict[tuple[str, str], set[str]](set)
    for one, meeting in meetings().items():
        declared = {("path", p.alias): p.field_info.annotation for p in parameters(routes[one], "path")}
        declared |= {("json", name): kind for name, kind in fields_of_body(routes[one]).items()}
        for where, name, nasty in meeting:
            if (where, name) in declared:
                kinds[where, str(declared[where, name])].add(str(nasty))
    assert all(len(values) == (len(IN_JSON) if where == "json" else len(NASTY)) for (where, _), values in kinds.items())


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
