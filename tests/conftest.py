"""What all tests share: one embedded PostgreSQL for the run, and a fresh migrated database for each test that asks."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from sqlmodel import Session

from hitl import db
from hitl.embedded import FAST, ROLE, Server
from models.tables import Workspace
from tests import factories

os.environ.setdefault("OMP_NUM_THREADS", "1")

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server without fsync in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="countersign-test-", dir="/tmp"))
    server = Server(folder, options=FAST)
    server.start()
    yield server
    server.release()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated(server: Server) -> str:
    """The name of the database that each test's is copied from."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COUNTERSIGN_DATABASE_URL", server.url)
        db.forget()
        db.migrate()
        db.forget()
    return ROLE


@pytest.fixture
def database(server: Server, migrated: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """A fresh migrated database and data folder, set for this process through the environment. The value is its URL."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server.dsn_of("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {migrated} STRATEGY file_copy")
    monkeypatch.setenv("COUNTERSIGN_DATABASE_URL", server.url_of(name))
    monkeypatch.setenv("COUNTERSIGN_DATA_DIR", str(tmp_path / "data"))
    db.forget()
    yield server.url_of(name)
    db.forget()
    with psycopg.connect(server.dsn_of("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def session(database: str) -> Iterator[Session]:
    """An open session on the test's database. Commit in the test what another session or process must see."""
    with Session(db.engine(), expire_on_commit=False) as session:
        yield session


@pytest.fixture
def workspace(session: Session) -> Workspace:
    """A workspace without people, types or documents."""
    return factories.create_workspace(session)


@pytest.fixture
def now() -> datetime:
    """The moment at which tests happen unless they say otherwise."""
    return factories.NOW
