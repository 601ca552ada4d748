"""The schema that migrations make is the schema that the tables describe; a transaction commits at its edge only."""

from __future__ import annotations

import pytest
from alembic import command
from sqlalchemy import inspect
from sqlmodel import select

from hitl.platform import db
from models.tables import Workspace
from tests import factories


def test_migrations_make_exactly_the_tables_of_the_models(database: str) -> None:
    with db.engine().connect() as connection:
        command.check(db.alembic_config(connection))


def test_migrating_again_changes_nothing(database: str) -> None:
    before = set(inspect(db.engine()).get_table_names())
    db.migrate()
    assert set(inspect(db.engine()).get_table_names()) == before
    assert {"document", "procrastinate_jobs"} <= before


def test_a_transaction_that_raises_leaves_nothing(database: str) -> None:
    def work() -> None:
        with db.transaction() as session:
            factories.create_workspace(session)
            raise RuntimeError("killed here")

    with pytest.raises(RuntimeError, match="killed here"):
        work()
    with db.transaction() as session:
        assert session.exec(select(Workspace)).all() == []


def test_a_transaction_that_ends_is_committed(database: str) -> None:
    with db.transaction() as session:
        made = factories.create_workspace(session)
    with db.transaction() as session:
        assert session.get(Workspace, made.id) is not None


def test_addresses_without_a_driver_get_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERSIGN_DATABASE_URL", "postgres://me@db.example/countersign")
    db.forget()
    assert db.database_url() == "postgresql+psycopg://me@db.example/countersign"
    assert db.conninfo() == "postgresql://me@db.example/countersign"
    db.forget()
