"""A job that dies before any one of its writes leaves the database as it was, and its next run completes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlmodel import Session, select

from hitl import pipeline
from hitl.intake import receive
from hitl.platform import db
from hitl.platform.moves import verify_chain
from hitl.workspace import workspaces
from models.states import DocumentState
from models.tables import Audit, Blob, Document, DocumentPage, Event, FieldReading, Task, Verdict
from tests.faults.running import a_pdf

TABLES = (Document, DocumentPage, FieldReading, Verdict, Audit, Task, Event, Blob)


class Killed(BaseException):
    """Like a SIGKILL: nothing in the product catches it."""


@contextmanager
def dying_before_write(number: int) -> Iterator[None]:
    """Raise before the write of this number (from 1); a commit counts as one. What only reads makes no difference."""
    left = number

    def count(*call: Any) -> None:
        nonlocal left
        if len(call) > 2 and call[2].lstrip().startswith("SELECT"):
            return
        left -= 1
        if left == 0:
            raise Killed

    engine = db.engine()
    event.listen(engine, "before_cursor_execute", count)
    event.listen(engine, "commit", count)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", count)
        event.remove(engine, "commit", count)


def content() -> dict[str, Any]:
    """Every row that a job may touch, and the jobs that wait."""
    with Session(db.engine()) as session:
        found: dict[str, Any] = {
            table.__name__: sorted(str(row.model_dump()) for row in session.exec(select(table)).all())
            for table in TABLES
        }
        rows = session.execute(text("SELECT task_name, args::text FROM procrastinate_jobs ORDER BY id")).all()
        return found | {"jobs": [tuple(row) for row in rows]}


def kill_everywhere(job: Callable[[], None], at_most: int = 400) -> int:
    """Run `job`, killed before its first write, its second, and so on, until it gets through. Returns how many."""
    before = content()
    for number in range(1, at_most):
        try:
            with dying_before_write(number):
                job()
        except Killed:
            db.engine().dispose()  # its connections die with a process
            assert content() == before, f"killed before write {number}, and something stayed"
        else:
            assert content() != before
            return number
    raise AssertionError("the job never got through")


@pytest.mark.slow
def test_every_step_survives_a_death_before_each_of_its_writes(session: Session, now: datetime):
    workspace = workspaces.ensure_default_workspace(session, now)
    document, _ = receive.receive(
        session, workspace_id=workspace.id, data=a_pdf("Total 12.50"), filename="a", document_type="receipt",
        actor="usr", now=now,
    )  # fmt: skip
    session.commit()
    steps: list[Callable[[], None]] = [
        lambda: pipeline.render(document.id),
        lambda: pipeline.read_page(document.id, 1),
        lambda: pipeline.recognise(document.id),
    ]
    deaths = [kill_everywhere(step) for step in steps]
    assert all(number > 5 for number in deaths), deaths
    session.expire_all()
    assert document.state == DocumentState.IN_REVIEW
    assert verify_chain(session, document.id)


@pytest.mark.slow
def test_intake_survives_a_death_before_each_of_its_writes(session: Session, now: datetime):
    workspace = workspaces.ensure_default_workspace(session, now)
    session.commit()
    data = a_pdf("Total 12.50")

    def upload() -> None:
        with db.transaction() as own:
            receive.receive(
                own, workspace_id=workspace.id, data=data, filename="a", external_id="42", actor="usr", now=now
            )

    assert kill_everywhere(upload) > 5
