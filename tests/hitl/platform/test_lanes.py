"""Lanes: later steps go first, workspaces take turns, and a document's own priority counts among the new ones."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import text
from sqlmodel import Session

from hitl.intake.receive import receive
from hitl.platform import jobs, lanes
from hitl.release import documents
from hitl.workspace.workspaces import create_workspace
from models.states import DocumentState
from models.tables import Document, Workspace
from tests import factories
from tests.faults.running import a_pdf


def in_order(session: Session) -> list[tuple[str, str]]:
    """Name and document of what waits, as Procrastinate hands it out."""
    session.flush()
    rows = session.execute(
        text("SELECT task_name, args->>'document_id' FROM procrastinate_jobs ORDER BY priority DESC, id")
    )
    return [(name, document) for name, document in rows]


def send(session: Session, workspace: Workspace, count: int, now: datetime, priority: int = 0) -> list[str]:
    sent = []
    for _ in range(count):
        given = {"filename": "a.pdf", "actor": "usr", "now": now, "priority": priority}
        document, _ = receive(session, workspace_id=workspace.id, data=a_pdf("Total 1.00"), **given)
        sent.append(document.id)
    return sent


def test_later_steps_go_before_new_documents(session: Session, workspace: Workspace, now: datetime):
    urgent, old = (factories.create_document(session, workspace, id=f"doc_{n}", priority=100 - n) for n in range(2))
    for name, given in (("render", {}), ("read_page", {"number": 1}), ("read_page", {"number": 11}), ("recognise", {})):
        for document in (urgent, old):
            lanes.enqueue_step(session, name, document, **given)
    jobs.enqueue(session, "certify", workspace_id=workspace.id, document_type="receipt")
    jobs.enqueue(session, "retrain", model_id="mdl_1")
    steps = [name for name, _ in in_order(session)]
    assert steps[:5] == ["certify", "recognise", "recognise", "read_page", "read_page"]
    assert steps[-1] == "retrain"
    assert in_order(session)[1] == ("recognise", "doc_0")
    assert max(jobs.LANES.values()) + 100 < jobs.UPKEEP_PRIORITY


def test_who_sends_much_waits_for_itself(session: Session, workspace: Workspace, now: datetime):
    other = create_workspace(session, "other", now=now)
    many = send(session, workspace, 6, now)
    few = send(session, other, 2, now)
    many += send(session, workspace, 1, now)
    assert [document for _, document in in_order(session)] == [many[0], few[0], many[1], few[1], *many[2:]]


def test_turns_go_on_where_the_queue_is(session: Session, workspace: Workspace, now: datetime):
    """Somebody new is not sent behind those who came before, nor before what was in turn long ago."""
    many = send(session, workspace, 6, now)
    for document_id in many[:4]:
        document = session.get_one(Document, document_id)
        document.place = 0  # rendered since: it does not count any more
        session.execute(text("UPDATE document SET state = 'rendered' WHERE id = :id"), {"id": document_id})
        session.execute(text("DELETE FROM procrastinate_jobs WHERE args->>'document_id' = :id"), {"id": document_id})
    few = send(session, create_workspace(session, "other", now=now), 2, now)
    assert [document for _, document in in_order(session)] == [many[4], few[0], many[5], few[1]]


def test_priority_goes_before_turns(session: Session, workspace: Workspace, now: datetime):
    usual, urgent, late = (send(session, workspace, 2, now, priority) for priority in (0, 100, -100))
    assert [document for _, document in in_order(session)] == urgent + usual + late


def test_a_retried_document_takes_a_new_place(session: Session, workspace: Workspace, now: datetime):
    failed = factories.create_document(session, workspace, state=DocumentState.FAILED.value)
    sent = send(session, workspace, 2, now)
    documents.retry_failed(session, failed, actor="usr", now=now)
    assert [document for _, document in in_order(session)] == [*sent, failed.id]


@pytest.mark.parametrize("priority", [-100, 0, 100])
def test_every_priority_fits_the_column_and_its_lane(session: Session, workspace: Workspace, priority: int):
    last = factories.create_document(session, workspace, priority=priority, place=1 - lanes.ROOM)
    for name, given in (("render", {}), ("read_page", {"number": 1}), ("recognise", {})):
        lanes.enqueue_step(session, name, last, **given)
    assert [name for name, _ in in_order(session)] == ["recognise", "read_page", "render"]
