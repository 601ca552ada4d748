"""Admission: what waits holds nothing, health answers whatever happens, and an absent database is told as such."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from api import admission
from api.admission import Places, TooBusy
from api.app import ROUTERS, create_app
from api.web.app import PAGES
from hitl.people.accounts import open_session
from hitl.platform import db, outage
from hitl.platform.embedded import Server
from models.states import Role
from models.tables import Workspace
from tests import factories

PAGE = {"accept": "text/html"}
NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


def in_a_loop(work: Coroutine[Any, Any, Any]) -> Any:
    """In a thread of its own: a browser that another test opened keeps a loop running in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


# --- places -----------------------------------------------------------------------------------------------------------


def test_so_many_are_at_work_and_the_rest_come_in_order():
    places, done = Places(at_work=2, waiting=10, seconds=5), list[int]()

    async def work(number: int) -> None:
        await places.take()
        assert places.free >= 0
        await asyncio.sleep(0)
        done.append(number)
        places.give_back(0.1)

    async def all_at_once() -> None:
        await asyncio.gather(*(work(number) for number in range(12)))

    in_a_loop(all_at_once())
    assert done == list(range(12))
    assert (places.free, len(places.waiting)) == (2, 0)


def test_who_comes_when_too_many_wait_is_told_when_to_come_again():
    places = Places(at_work=1, waiting=3, seconds=5)
    places.took = 2.0

    async def crowd() -> int:
        await places.take()
        waiting = [asyncio.ensure_future(places.take()) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(TooBusy) as told:
            await places.take()
        for turn in waiting:
            turn.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return told.value.retry_seconds

    assert in_a_loop(crowd()) == 6
    assert len(places.waiting) == 0


def test_who_waits_too_long_is_sent_away_and_takes_no_place():
    places = Places(at_work=1, waiting=3, seconds=0.001)

    async def late() -> None:
        await places.take()
        with pytest.raises(TooBusy):
            await places.take()
        places.give_back()
        assert places.free == 1

    in_a_loop(late())


# --- the application --------------------------------------------------------------------------------------------------


def calls_of(dependant: Dependant) -> Iterator[object]:
    for one in dependant.dependencies:
        yield one.call
        yield from calls_of(one)


def test_every_route_has_a_place_but_those_that_look_nothing_up():
    routers = [*ROUTERS, *(page.router for page in PAGES)]
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    given = {admission.place_at_work, admission.place_of_probe}
    without = {route.path for route in routes if given.isdisjoint(calls_of(route.dependant))}
    assert without == {"/healthz", "/password/{code}"}  # the form alone; what is sent with it has a place


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> FastAPI:
    """An application with one place and one request that may wait."""
    for name, value in {"DATABASE_POOL": "1", "REQUESTS_WAITING": "1", "LOCK_SECONDS": "0.2"}.items():
        monkeypatch.setenv(f"COUNTERSIGN_{name}", value)
    request.getfixturevalue("database")  # which reads the settings anew
    return create_app()


def test_more_clients_than_places_are_served_and_health_answers_meanwhile(
    narrow: FastAPI, admin: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    """The first stands still within its transaction; the second waits; the third is refused; health is untouched."""
    inside, go_on = threading.Event(), threading.Event()
    real = outage.translated

    async def storm() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=narrow)
        async with httpx.AsyncClient(transport=transport, base_url="http://here", headers=admin) as client:
            first = asyncio.ensure_future(client.get("/v1/documents"))
            assert await asyncio.to_thread(inside.wait, 30)
            second = asyncio.ensure_future(client.get("/v1/documents"))
            while not narrow.state.places.waiting:
                await asyncio.sleep(0)
            third = await client.get("/v1/documents")
            health = await client.get("/healthz")
            go_on.set()
            return [await first, await second, third, health]

    def held_up():
        if not inside.is_set():
            inside.set()
            assert go_on.wait(30)
        return real()

    monkeypatch.setattr(outage, "translated", held_up)
    first, second, third, health = in_a_loop(storm())
    assert [one.status_code for one in (first, second, third, health)] == [200, 200, 503, 200]
    assert (third.json()["code"], third.headers["retry-after"]) == ("too_busy", "1")


def test_a_lock_that_is_not_given_is_told_as_busy(
    narrow: FastAPI, admin: dict[str, str], session: Session, tenant: Workspace
):
    document = factories.create_document(session, tenant)
    session.commit()
    session.execute(text("SELECT 1 FROM document FOR UPDATE"))
    with TestClient(narrow, raise_server_exceptions=False) as client:
        answer = client.post(f"/v1/documents/{document.id}/cancel", headers=admin)
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "database_busy", "1")
    assert "document" not in answer.json()["detail"]


def test_a_database_that_is_away_is_503_at_every_door(
    client: TestClient, admin: dict[str, str], session: Session, tenant: Workspace, monkeypatch: pytest.MonkeyPatch
):
    session.close()
    monkeypatch.setenv("COUNTERSIGN_DATABASE_URL", NOWHERE)
    db.forget()
    calls = {"/v1/documents": admin, "/v1/quality": admin, "/metrics": {}, "/work": {"cookie": "countersign_session=x"}}
    for path, headers in calls.items():
        answer = client.get(path, headers=headers)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2"), path
        assert answer.json()["code"] == "database_away"
        assert "127.0.0.1" not in answer.text
    page = client.get("/work", headers=PAGE | {"cookie": "countersign_session=x"})
    assert page.status_code == 503
    assert "does not answer" in page.text


def test_what_was_keyed_into_a_form_stays_on_the_page_of_the_outage(
    client: TestClient, session: Session, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
):
    cookie = {"cookie": "countersign_session=x"}
    session.close()
    monkeypatch.setenv("COUNTERSIGN_DATABASE_URL", NOWHERE)
    db.forget()
    keyed = {"message": 'the "old" total', "field": "total"}
    page = client.post("/review/rev_1/return?from=queue", data=keyed, headers=PAGE | cookie)
    assert page.status_code == 503
    assert 'action="/review/rev_1/return?from=queue"' in page.text
    assert 'name="message" value="the &#34;old&#34; total"' in page.text
    secret = client.post("/signin", data={"login": "ann", "password": "hunter2"}, headers=PAGE)
    assert secret.status_code == 503
    assert "hunter2" not in secret.text


# --- what is an outage ------------------------------------------------------------------------------------------------


def wrapped(error: Exception) -> OperationalError:
    return OperationalError("SELECT", None, error)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (wrapped(psycopg.errors.LockNotAvailable()), outage.DatabaseBusy),
        (wrapped(psycopg.errors.QueryCanceled()), outage.DatabaseBusy),
        (wrapped(psycopg.errors.DeadlockDetected()), outage.DatabaseBusy),
        (psycopg.errors.IdleInTransactionSessionTimeout(), outage.DatabaseBusy),
        (psycopg.errors.TooManyConnections(), outage.DatabaseBusy),
        (wrapped(psycopg.errors.AdminShutdown()), outage.DatabaseAway),
        (psycopg.errors.CannotConnectNow(), outage.DatabaseAway),
        (psycopg.OperationalError("connection refused"), outage.DatabaseAway),
        (wrapped(psycopg.errors.UniqueViolation()), None),
        (psycopg.errors.DiskFull(), None),
        (ValueError("no"), None),
    ],
)
def test_outages_are_told_from_faults(error: Exception, told: type | None):
    assert type(outage.outage_of(error)) is (told or type(None))
    deep = RuntimeError("the queue said")
    deep.__cause__ = error
    assert type(outage.outage_of(deep)) is (told or type(None))


def test_after_a_failed_try_the_others_fail_at_once(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(outage, "breaker", outage.Breaker())
    tries = []

    def connect() -> None:
        with outage.translated():
            tries.append(1)
            raise psycopg.OperationalError("connection refused")

    for _ in range(3):
        with pytest.raises(outage.DatabaseAway):
            connect()
    assert len(tries) == 1


def test_work_goes_on_when_the_server_cut_the_connections(client: TestClient, admin: dict[str, str], session: Session):
    assert client.get("/v1/documents", headers=admin).status_code == 200
    session.commit()
    others = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
    session.execute(text(f"SELECT pg_terminate_backend(pid) {others}"))
    session.commit()
    assert client.get("/v1/documents", headers=admin).status_code == 200


def test_a_signed_in_page_is_served_through_one_place(narrow: FastAPI, session: Session, workspace: Workspace):
    user = factories.create_user(session, workspace, Role.REVIEWER)
    signed_in = open_session(session, user, now=factories.NOW + timedelta(days=3650))
    session.commit()
    with TestClient(narrow) as client:
        page = client.get("/documents", headers=PAGE | {"cookie": f"countersign_session={signed_in.token}"})
    assert page.status_code == 200
