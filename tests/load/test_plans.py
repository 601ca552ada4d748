"""No list, page of numbers or upkeep reads a large table from end to end: what the planner says of each statement.

In a small database the planner would read whole tables, so it is told to do so only where no index serves.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event, text
from sqlmodel import Session

from api.app import create_app
from hitl import pipeline
from hitl.platform import db
from models.tables import Workspace
from tests.load.history import PAST, create_history
from tests.load.pages import LISTS, MANAGEMENT, Caller, create_caller

Sent = list[tuple[str, Any]]


@pytest.fixture
def caller(session: Session, workspace: Workspace) -> Caller:
    now = datetime.now(UTC)
    create_history(session, workspace, 60, now=now)
    return create_caller(session, workspace, now)


@contextmanager
def statements() -> Iterator[Sent]:
    """What is sent to the database meanwhile, with its parameters."""
    sent: Sent = []

    def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if not many and statement.lstrip().startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            sent.append((statement, parameters))

    engines = (db.engine(), db.request_engine())
    for engine in engines:
        event.listen(engine, "before_cursor_execute", keep)
    yield sent
    for engine in engines:
        event.remove(engine, "before_cursor_execute", keep)


def read_whole(session: Session, statement: str, parameters: Any) -> set[str]:
    """The large tables that a statement reads from end to end, however they are indexed."""
    cursor = session.connection().exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
    return {table for table in whole_tables(cursor.scalar_one()[0]["Plan"]) if table in PAST}


def whole_tables(node: dict[str, Any]) -> Iterator[str]:
    if node["Node Type"] == "Seq Scan":
        yield node["Relation Name"]
    for child in node.get("Plans", ()):
        yield from whole_tables(child)


def check(session: Session, sent: Sent, what: str) -> None:
    session.execute(text("SET LOCAL enable_seqscan = off"))
    found = {(what, table, statement) for statement, given in sent for table in read_whole(session, statement, given)}
    session.rollback()
    assert not found, "\n".join(map(str, found))


def test_no_page_reads_a_large_table_whole(session: Session, caller: Caller):
    with TestClient(create_app()) as client:
        for path in (*LISTS, *MANAGEMENT):
            client.get(path, headers=caller.headers(path))  # what is made at first use is made
            with statements() as sent:
                answer = client.get(path, headers=caller.headers(path))
            assert answer.status_code == 200, path
            check(session, sent, path)


def test_upkeep_and_certify_read_no_large_table_whole(session: Session, caller: Caller, workspace: Workspace):
    with statements() as sent:
        pipeline.upkeep()
        pipeline.certify(workspace.id, "receipt")
    check(session, sent, "upkeep")
