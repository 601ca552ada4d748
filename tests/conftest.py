"""What all tests share: one embedded PostgreSQL for the run, and an empty migrated database for each
test that asks; Debian's Chromium for those that drive pages."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from argon2 import PasswordHasher
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import Engine
from sqlmodel import Session

from hitl.people import accounts
from hitl.platform import db
from hitl.platform.embedded import FAST, ROLE, Server
from hitl.settings import settings
from models.tables import Workspace
from tests import factories

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else every process compiles a thousand files anew
sys.dont_write_bytecode = False
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server without fsync in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="countersign-test-", dir="/tmp"))
    server = Server(folder, options=FAST)
    server.start()
    yield server
    server.release()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def kept_engines() -> Iterator[None]:
    """An engine is kept for all tests that would make one like it: it knows the statements that it compiled."""
    made, make = dict[tuple[object, ...], Engine](), db._engine

    def engine(arguments: dict[str, str]) -> Engine:
        given = settings()
        like = (db.database_url(), given.database_pool, given.lock_seconds, *arguments.items())
        if like not in made:
            made[like] = make(arguments)
        return made[like]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(db, "_engine", engine)
        yield


@pytest.fixture(scope="session", autouse=True)
def whole_hasher() -> Iterator[PasswordHasher]:
    """A fifth of a CPU second for each password is for those who guess them. Yields the product's own way."""
    whole = accounts._hasher
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield whole


@pytest.fixture(scope="session")
def migrated(server: Server) -> str:
    """The name of a migrated database of this run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COUNTERSIGN_DATABASE_URL", server.url)
        db.forget()
        db.migrate()
        db.forget()
    return ROLE


@pytest.fixture
def database(server: Server, migrated: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """An empty migrated database and data folder, set for this process by its environment. The value is the URL."""
    monkeypatch.setenv("COUNTERSIGN_DATABASE_URL", server.url_of(migrated))
    monkeypatch.setenv("COUNTERSIGN_DATA_DIR", str(tmp_path / "data"))
    db.forget()
    yield server.url_of(migrated)
    db.forget()
    empty(server, migrated)


def empty(server: Server, name: str) -> None:
    """Cut off whoever is still connected and delete every row: a tenth of the time of a new database for each test."""
    with psycopg.connect(server.dsn_of(name), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
            [name],
        )
        connection.execute("SET session_replication_role = replica")  # no foreign keys, no triggers
        connection.execute("""
            DO $$ DECLARE name text; BEGIN
                FOR name IN SELECT quote_ident(tablename) FROM pg_tables
                    WHERE schemaname = 'public' AND tablename <> 'alembic_version'
                LOOP EXECUTE 'DELETE FROM ' || name; END LOOP;
            END $$
        """)


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


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the run: Playwright starts once in a process."""
    if not shutil.which(CHROMIUM):
        pytest.skip(f"no Chromium at {CHROMIUM}; install Debian's package chromium or set CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()
