"""Workers and their children are killed while real documents go through: each still ends once, in one place."""

from __future__ import annotations

import random
import time
from collections import Counter
from datetime import datetime
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text
from sqlmodel import Session, col, select

from hitl.intake import receive as intake
from hitl.platform.blobs import blobs
from hitl.platform.moves import verify_chain
from hitl.workspace import workspaces
from models.states import DocumentState
from models.tables import Document, DocumentPage, Event, FieldReading
from tests.faults.running import a_pdf, a_scan, all_settled, kill, start_worker, states, wait_until, worker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "worker.log"
    path.touch()
    return path


def receive(session: Session, data: list[bytes], now: datetime, **given) -> list[str]:
    workspace = workspaces.ensure_default_workspace(session, now)
    ids = []
    for number, one in enumerate(data):
        document, _ = intake.receive(
            session, workspace_id=workspace.id, data=one, filename=f"{number}", actor="usr", now=now, **given
        )
        ids.append(document.id)
    session.commit()
    return ids


def count_jobs(session: Session, statuses: str) -> int:
    session.rollback()
    query = "SELECT count(*) FROM procrastinate_jobs WHERE status::text = ANY (:statuses) AND args ? 'document_id'"
    return int(session.execute(text(query), {"statuses": statuses.split()}).scalar_one())


def unfinished_jobs(session: Session) -> int:
    return count_jobs(session, "todo doing")


def jobs_in_hand(session: Session) -> int:
    return count_jobs(session, "doing")


def jobs_done(session: Session) -> int:
    return count_jobs(session, "succeeded failed")


def test_kill_9_at_random_moments_loses_and_doubles_nothing(session: Session, now: datetime, log: Path):
    rng = random.Random(20150)
    data = [a_pdf(f"Invoice {n}", f"Page two of {n}", f"Total {n}.00") for n in range(4)]
    data += [a_scan(f"Receipt {n}", f"Total {n}.50") for n in range(3)]
    data += [b"%PDF-1.4\n" + b"garbage " * 50 + b"%%EOF\n"]
    ids = receive(session, data, now, document_type="receipt")

    orphans: list[psutil.Process] = []
    lost = 0
    for _ in range(5):
        process = start_worker(log)
        done = jobs_done(session)
        wait_until(lambda done=done: jobs_done(session) > done or all_settled(ids), 180, log)
        time.sleep(rng.uniform(0.0, 4.0))
        lost += jobs_in_hand(session)
        children = psutil.Process(process.pid).children(recursive=True)
        if children and rng.random() < 0.3:
            rng.choice(children).kill()
            time.sleep(rng.uniform(0.0, 1.0))
        orphans += kill(process)
    with worker(log):
        wait_until(lambda: all_settled(ids), 240, log)
        wait_until(lambda: unfinished_jobs(session) == 0, 60, log)

    assert lost > 0, "nothing was in hand when the workers were killed: the test shows nothing"
    session.expire_all()
    ends = Counter(states(ids).values())
    assert ends == {DocumentState.IN_REVIEW: 7, DocumentState.REFUSED: 1}, ends
    for document_id in ids:
        assert_consistent(session, document_id)
    psutil.wait_procs(orphans, timeout=5)
    assert [p for p in orphans if p.is_running()] == [], "children outlived their worker"


def assert_consistent(session: Session, document_id: str) -> None:
    document = session.get_one(Document, document_id)
    actions = Counter(session.exec(select(Event.action).where(Event.stream == document_id)).all())
    assert verify_chain(session, document_id)
    assert actions["document.received"] == 1
    if document.state == DocumentState.REFUSED:
        assert actions["document.refused"] == 1
        return
    assert actions["document.rendered"] == actions["document.read"] == actions["document.in_review"] == 1
    pages = session.exec(select(DocumentPage).where(DocumentPage.document_id == document_id)).all()
    assert document.pages_left == 0
    assert sorted(page.number for page in pages) == list(range(1, (document.page_count or 0) + 1))
    assert all(blobs().get(key) for page in pages for key in (page.image_key, str(page.words_key)))
    fields = session.exec(select(FieldReading.field).where(FieldReading.document_id == document_id)).all()
    assert len(fields) == len(set(fields)) > 0


def test_a_lost_worker_is_not_a_failed_attempt(session: Session, now: datetime, log: Path):
    (document_id,) = receive(session, [a_scan(*(f"line {n} of a long page" for n in range(9)))], now)
    process = start_worker(log)
    running = text("SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing' AND task_name = 'read_page'")

    def is_reading() -> bool:
        session.rollback()
        return session.execute(running).scalar_one() == 1

    wait_until(is_reading, 120, log)
    kill(process)
    with worker(log):
        wait_until(lambda: all_settled([document_id]), 240, log)
    session.expire_all()
    document = session.get_one(Document, document_id)
    page = session.exec(select(DocumentPage).where(DocumentPage.document_id == document_id)).one()
    assert (document.attempts, page.attempts, document.lost_workers) == (0, 0, 1)


def test_a_stopped_worker_loses_nothing(session: Session, now: datetime, log: Path):
    (document_id,) = receive(session, [a_scan(*(f"line {n} of a long page" for n in range(9)))], now)
    with worker(log):
        wait_until(lambda: count_jobs(session, "doing") > 0, 120, log)
    wait_until(lambda: jobs_in_hand(session) == 0, 1, log)
    with worker(log):
        wait_until(lambda: all_settled([document_id]), 240, log)
    session.expire_all()
    document = session.get_one(Document, document_id)
    assert (document.attempts, document.lost_workers) == (0, 0)


def test_a_poison_document_ends_failed_after_three_attempts_and_the_others_go_on(
    session: Session, now: datetime, log: Path
):
    poison, healthy = receive(session, [a_pdf("poison"), a_pdf("healthy")], now)
    document = session.get_one(Document, poison)
    blobs().delete(f"{document.workspace_id}/{document.sha256}")
    with worker(log):
        wait_until(lambda: all_settled([poison, healthy]), 120, log)
    session.expire_all()
    assert document.state == DocumentState.FAILED
    assert document.attempts == 3
    assert document.problem is not None
    assert "BlobMissing" in document.problem["message"]
    assert states([healthy])[healthy] == DocumentState.AWAITING_TYPE
    attempts = session.exec(select(Event.action).where(Event.stream == poison, col(Event.action) == "document.failed"))
    assert len(attempts.all()) == 1
    assert unfinished_jobs(session) == 0
