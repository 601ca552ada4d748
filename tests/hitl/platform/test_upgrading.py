"""The schema is brought up to date while others use it, by several at once, and under a program that is older."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from alembic import command
from sqlalchemy import text

from api import readiness
from hitl.platform import db, gauges
from hitl.platform.embedded import Server
from models import migrations

ROOT = Path(__file__).resolve().parents[3]
FIRST_UNDER_THE_RULE = 13


@pytest.fixture
def old_database(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """A database of its own, one migration behind. The value is its name."""
    name = "upgrading"
    with psycopg.connect(server.dsn_of("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
    monkeypatch.setenv("COUNTERSIGN_DATABASE_URL", server.url_of(name))
    monkeypatch.setenv("COUNTERSIGN_DATA_DIR", str(tmp_path / "data"))
    db.forget()
    with db.engine().connect() as connection:
        command.upgrade(db.alembic_config(connection), "0011")
        connection.commit()
    yield name
    db.forget()
    with psycopg.connect(server.dsn_of("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} (FORCE)")


def migrating() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "api.cli", "migrate"], cwd=ROOT, env=dict(os.environ), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_two_migrate_at_once_while_somebody_reads_for_long(server: Server, old_database: str):
    """A reader holds the table: who migrates steps back, so that other readers do not queue up, and tries again."""
    with psycopg.connect(server.dsn_of(old_database)) as reader:
        reader.execute("SELECT count(*) FROM task")  # keeps its lock until the transaction ends
        both = [migrating(), migrating()]
        with psycopg.connect(server.dsn_of(old_database), autocommit=True) as other:
            wait_for_waiting(other, both, 2)  # one for the table, one for its turn
            other.execute("SELECT count(*) FROM task")  # behind them, and yet soon answered
            wait_for_waiting(other, both, 1)  # the first has stepped back
    said = [one.communicate(timeout=120) for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    present, wanted, is_newer = gauges.revisions()
    assert (present, is_newer) == (wanted, False)


def wait_for_waiting(connection: psycopg.Connection, processes: list[subprocess.Popen[str]], count: int) -> None:
    """Return when so many of this database wait for a lock."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    while connection.execute(query).fetchone() != (count,):
        assert all(one.poll() is None for one in processes), [one.communicate() for one in processes]


def test_a_schema_of_a_newer_version_is_worked_with_and_left_as_it_is(database: str, caplog: pytest.LogCaptureFixture):
    with db.engine().begin() as connection:
        before = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    try:
        with caplog.at_level(logging.WARNING):
            db.migrate()
        assert "newer version" in caplog.text
        assert readiness.CHECKS["migrations"](db_now()) == (
            "ok; but the schema is at 9999, which is newer than this version"
        )
    finally:
        with db.engine().begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :before"), {"before": before})


def db_now():
    with db.engine().connect() as connection:
        return connection.execute(text("SELECT now()")).scalar_one()


def test_what_takes_away_says_since_when_nothing_needs_it():
    """Expand first, contract a version later: old processes go on working beside the new schema."""
    folder = Path(migrations.__file__).parent / "versions"
    mute = []
    for path in sorted(folder.glob("[0-9]*.py")):
        upgrade = path.read_text().partition("def upgrade")[2].partition("def downgrade")[0]
        takes = re.search(r"drop_(table|column)|rename_table|new_column_name|DROP (TABLE|COLUMN)|RENAME", upgrade)
        if takes and int(path.name[:4]) >= FIRST_UNDER_THE_RULE and "Contracts: " not in path.read_text():
            mute.append(path.name)
    assert not mute
