"""Jobs exist exactly if their transaction commits, wait longer each time, and are counted before they are given up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import procrastinate
import pytest
from sqlalchemy import text
from sqlmodel import Session

from hitl.platform import jobs
from hitl.platform.blobs import BlobMissing, FolderBlobs, RemoteBlobs, key_of
from hitl.settings import Settings


def waiting(session: Session) -> list[tuple[str, int, dict]]:
    rows = session.execute(text("SELECT task_name, priority, args FROM procrastinate_jobs ORDER BY id")).all()
    return [tuple(row) for row in rows]


def test_a_job_exists_exactly_if_its_transaction_commits(session: Session):
    jobs.enqueue(session, "render", document_id="doc_1")
    session.rollback()
    assert waiting(session) == []
    jobs.enqueue(session, "render", priority=3, document_id="doc_2")
    session.commit()
    assert waiting(session) == [("render", 3, {"document_id": "doc_2"})]


def test_once_means_once_and_spoils_nothing(session: Session):
    for _ in range(3):
        jobs.enqueue(session, "render", once="render:doc_1", document_id="doc_1")
    jobs.enqueue(session, "render", document_id="doc_2")
    session.commit()
    assert len(waiting(session)) == 2


def test_a_job_may_be_put_off(session: Session, now: datetime):
    jobs.enqueue(session, "render", at=now + timedelta(hours=1), document_id="doc_1")
    at = session.execute(text("SELECT scheduled_at FROM procrastinate_jobs")).scalar_one()
    assert at == now + timedelta(hours=1)


def test_waits_grow_to_an_hour(database: str):
    seconds = [jobs.wait(attempts).total_seconds() for attempts in range(12)]
    assert seconds[:4] == [5, 15, 45, 135]
    assert max(seconds) == 3600


def test_what_was_given_up_is_not_tried_again(database: str):
    job = procrastinate.jobs.Job(queue="q", lock=None, queueing_lock=None, task_name="t")
    decide = jobs.Backoff().get_retry_decision
    assert decide(exception=jobs.GivenUp("no"), job=job) is None
    assert decide(exception=RuntimeError("boom"), job=job) is not None


def test_every_setting_is_described():
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


# --- blobs -----------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["folder", "remote"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FolderBlobs | RemoteBlobs]:
    if request.param == "folder":
        yield FolderBlobs(tmp_path / "blobs")
    else:
        from obstore.store import MemoryStore

        yield RemoteBlobs(MemoryStore())


def test_a_blob_is_found_by_its_content(store: FolderBlobs | RemoteBlobs):
    key = store.put("ws_1", b"some bytes")
    assert key == store.put("ws_1", b"some bytes") == key_of("ws_1", b"some bytes")
    assert store.get(key) == b"some bytes"
    store.delete(key)
    store.delete(key)
    with pytest.raises(BlobMissing):
        store.get(key)


@pytest.mark.parametrize("key", ["ws_1/../../etc/passwd", "/etc/passwd", "nonsense", ""])
def test_a_key_never_leads_out_of_the_folder(tmp_path: Path, key: str):
    with pytest.raises(BlobMissing):
        FolderBlobs(tmp_path / "blobs").get(key)


def test_a_folder_holds_no_half_written_blob(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = FolderBlobs(tmp_path)

    def full(_descriptor: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="disk full"):
        store.put("ws_1", b"some bytes")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
