"""The jobs of a silent worker go to the living once, however many look for them, and its loss is counted once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from croniter import croniter
from sqlalchemy import text
from sqlmodel import Session

from hitl import failures
from hitl.platform import db, jobs
from hitl.settings import settings
from models.tables import Document, Workspace
from tests.factories import create_document, create_model

WORKER = text(
    "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - CAST(:silent AS interval)) RETURNING id"
)
STATUS = text("SELECT task_name, status::text FROM procrastinate_jobs ORDER BY id")


def in_hand(session: Session, *, silent: str, jobs_of: dict[str, dict]) -> None:
    """A worker that was last heard of `silent` ago, with these jobs in hand."""
    worker = session.execute(
        text(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - CAST(:silent AS interval)) RETURNING id"
        ),
        {"silent": silent},
    ).scalar_one()
    session.execute(text("DELETE FROM procrastinate_jobs"))
    for name, arguments in jobs_of.items():
        jobs.enqueue(session, name, **arguments)
    session.execute(text("UPDATE procrastinate_jobs SET status = 'doing', worker_id = :worker"), {"worker": worker})
    session.commit()


def statuses(session: Session) -> dict[str, str]:
    session.rollback()
    return {row.task_name: row.status for row in session.execute(STATUS)}


@pytest.fixture
def document(session: Session, workspace: Workspace) -> Document:
    """A document that waits to be rendered."""
    return create_document(session, workspace, state="received")


def test_a_worker_with_two_jobs_of_a_document_is_one_loss(session: Session, document: Document, now: datetime):
    both = {"render": {"document_id": document.id}, "read_page": {"document_id": document.id, "number": 1}}
    in_hand(session, silent="1 hour", jobs_of=both)
    failures.take_over(session, now)
    session.commit()
    assert statuses(session) == {"render": "todo", "read_page": "todo"}
    assert session.get_one(Document, document.id).lost_workers == 1


def test_who_looks_at_the_same_time_takes_nothing_over_again(session: Session, document: Document, now: datetime):
    in_hand(session, silent="1 hour", jobs_of={"render": {"document_id": document.id}})
    with db.transaction() as other:
        failures.take_over(session, now)
        failures.take_over(other, now)  # while the first has not committed
        session.commit()
    assert statuses(session) == {"render": "todo"}
    assert session.get_one(Document, document.id).lost_workers == 1


def test_who_signs_off_puts_its_jobs_back_and_is_no_loss(session: Session, document: Document, now: datetime):
    in_hand(session, silent="1 second", jobs_of={"render": {"document_id": document.id}})
    failures.put_back(session)  # it still works
    assert statuses(session) == {"render": "doing"}
    session.execute(text("DELETE FROM procrastinate_workers"))
    failures.put_back(session)
    session.commit()
    assert statuses(session) == {"render": "todo"}
    assert session.get_one(Document, document.id).lost_workers == 0


def test_a_living_worker_keeps_its_jobs(session: Session, document: Document, now: datetime):
    in_hand(session, silent="1 second", jobs_of={"render": {"document_id": document.id}})
    failures.take_over(session, now)
    session.commit()
    assert statuses(session) == {"render": "doing"}


def test_upkeep_of_a_lost_worker_is_left_to_its_next_regular_run(session: Session, now: datetime):
    in_hand(session, silent="1 hour", jobs_of={"upkeep": {"timestamp": 1}})
    failures.take_over(session, now)
    session.commit()
    assert statuses(session) == {"upkeep": "failed"}


def test_the_tenth_loss_ends_the_document_and_its_job(session: Session, document: Document, now: datetime):
    document.lost_workers = 9
    in_hand(session, silent="1 hour", jobs_of={"render": {"document_id": document.id}})
    failures.take_over(session, now)
    session.commit()
    assert statuses(session)["render"] == "failed"
    assert session.get_one(Document, document.id).state == "failed"


def test_a_training_that_loses_its_workers_ends(session: Session, workspace: Workspace, now: datetime):
    model = create_model(session, workspace, state="training", progress={"failures": 1})
    for lost in range(1, settings().lost_workers + 1):
        in_hand(session, silent="1 hour", jobs_of={"retrain": {"model_id": model.id}})
        failures.take_over(session, now)
        session.commit()
        session.refresh(model)
        assert (model.progress["lost_workers"], model.progress["failures"]) == (lost, 1)
        assert statuses(session) == {"retrain": "failed" if lost == settings().lost_workers else "todo"}
    assert (model.state, model.progress["reason"]) == ("failed", "10 workers were lost while they trained it.")


def test_the_living_look_every_five_seconds(now: datetime):
    import hitl.worker  # noqa: F401  (registers the job)

    crons = {task.task.name: task.cron for task in jobs.app.periodic_registry.periodic_tasks.values()}
    at = croniter(crons["take_over"], now)
    assert at.get_next(datetime) - now == timedelta(seconds=5)
