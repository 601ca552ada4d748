"""The doctor finds what is really broken, and says what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session

from api.doctor import Finding, State, examine
from extractor.processes import confine
from hitl.platform import db
from hitl.platform.blobs import _open
from hitl.platform.jobs import enqueue
from hitl.settings import settings
from hitl.workspace.workspaces import ensure_default_workspace
from models.states import ModelState
from tests import factories
from tests.api.test_cli import Run, run
from tests.flow.running import free_port

__all__ = ["run"]  # a fixture

Look = Callable[..., dict[str, Finding]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERSIGN_OCR_ENGINE", "tesserocr")


def examined(clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> dict[str, Finding]:
    settings.cache_clear()
    return {finding.name: finding for finding in examine(clock)}


@pytest.fixture
def installed(session: Session) -> Session:
    """An installation with a worker."""
    ensure_default_workspace(session, datetime.now(UTC))
    session.connection().exec_driver_sql("INSERT INTO procrastinate_workers DEFAULT VALUES")
    session.commit()
    return session


def test_a_healthy_installation_is_told_so(installed: Session, run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(confine, "missing", list)
    code, said, _ = run("doctor", "--json")
    found = json.loads(said)
    assert code == 0
    assert [one["state"] for one in found] == ["ok"] * 10, found
    assert [one["todo"] for one in found] == [""] * 10


def test_a_database_out_of_reach_is_named_and_all_else_is_still_looked_at(
    installed: Session, run: Run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COUNTERSIGN_DATABASE_URL", f"postgresql://nobody:secret@127.0.0.1:{free_port()}/none")
    db.forget()
    code, said, _ = run("doctor")
    assert code == 1
    lines = [line.split(None, 2) for line in said.splitlines() if not line.strip().startswith("->")]
    assert {line[1] for line in lines if line[0] == "broken"} >= {"database", "clock", "versions", "model", "queue"}
    assert {line[1] for line in lines if line[0] == "ok"} >= {"disk", "blobs", "engine"}
    assert "COUNTERSIGN_DATABASE_URL" in said
    assert "secret" not in said


@pytest.mark.parametrize(("revision", "state"), [("0011", State.BROKEN), ("9999", State.WARNING)])
def test_a_schema_of_another_version(installed: Session, revision: str, state: State):
    before = installed.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    installed.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": revision})
    installed.commit()
    try:
        found = examined()["versions"]
    finally:
        installed.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": before})
        installed.commit()
    assert (found.state, bool(found.todo)) == (state, True)
    assert revision in found.figure


def test_a_folder_that_cannot_be_written(installed: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COUNTERSIGN_DATA_DIR", str(tmp_path / "file" / "data"))
    found = examined()
    assert {name for name, one in found.items() if one.state is State.BROKEN} == {"disk", "blobs"}


def test_an_object_store_out_of_reach_is_told_soon(installed: Session, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COUNTERSIGN_BLOB_URL", "s3://scans/countersign")
    given = {
        "ENDPOINT": f"http://127.0.0.1:{free_port()}",
        "ALLOW_HTTP": "true",
        "ACCESS_KEY_ID": "a",
        "REGION": "eu-1",
    }
    for name, value in (given | {"SECRET_ACCESS_KEY": "b"}).items():
        monkeypatch.setenv(f"AWS_{name}", value)
    _open.cache_clear()
    begun = datetime.now(UTC)
    found = examined()["blobs"]
    assert found.state is State.BROKEN
    assert "127.0.0.1" in found.figure
    assert datetime.now(UTC) - begun < timedelta(seconds=45)
    _open.cache_clear()


def test_a_clock_that_is_wrong(installed: Session):
    found = examined(lambda: datetime.now(UTC) - timedelta(hours=1))["clock"]
    assert found.state is State.BROKEN
    assert found.figure.startswith("+3600")
    assert examined(lambda: datetime.now(UTC) + timedelta(seconds=5))["clock"].state is State.WARNING


def test_a_queue_that_waits_without_a_worker(session: Session):
    ensure_default_workspace(session, datetime.now(UTC))
    enqueue(session, "render", document_id="doc_x")
    session.flush()
    session.execute(text("UPDATE procrastinate_events SET at = at - interval '20 minutes'"))
    enqueue(session, "render", at=datetime.now(UTC) + timedelta(hours=1), document_id="doc_y")
    session.commit()
    found = examined()
    assert (found["workers"].state, found["queue"].state) == (State.WARNING, State.WARNING)
    assert "120" in found["queue"].figure
    assert "countersign worker" in found["workers"].todo


def test_an_engine_and_a_model_that_are_not_there(installed: Session, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COUNTERSIGN_OCR_ENGINE", "no_such_engine")
    workspace = factories.create_workspace(installed)
    factories.create_model(
        installed, workspace, bundle_key=f"{workspace.id}/{64 * '0'}", state=ModelState.SERVING.value
    )
    installed.commit()
    found = examined()
    assert {name for name, one in found.items() if one.state is State.BROKEN} == {"engine", "model"}
    assert all(one.todo for one in found.values() if one.state is State.BROKEN)
