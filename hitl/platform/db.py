"""The database: its engine, the one transaction per request or job, and bringing the schema up to date."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

import models.migrations
from hitl.platform import outage
from hitl.platform.embedded import Server, default_folder
from hitl.settings import settings

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy.engine import ExceptionContext

log = logging.getLogger(__name__)

MIGRATION_LOCK = 7201
LOCK_PAUSES = (1, 2, 4, 8, 15, 30)  # seconds
SPARE_CONNECTIONS = 2  # for probes, and for those who look on
CONNECT_SECONDS = 3


@lru_cache(maxsize=1)
def database_url() -> str:
    """The address of the database for SQLAlchemy. Starts the embedded server if no other is set."""
    given = settings().database_url
    if given:
        return _with_driver(given)
    server = Server((settings().postgres_dir or default_folder(settings().data_dir)).resolve())
    server.start()
    return server.url


def _with_driver(url: str) -> str:
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def conninfo() -> str:
    """The same address for psycopg itself."""
    return database_url().replace("postgresql+psycopg://", "postgresql://", 1)


@lru_cache(maxsize=1)
def engine() -> Engine:
    """The engine of this process for jobs and commands, which may take their time."""
    return _engine({})


@lru_cache(maxsize=1)
def request_engine() -> Engine:
    """The engine of this process for requests: they wait for a lock, a statement and themselves only so long."""
    given = settings()
    limits = {
        "lock_timeout": given.lock_seconds,
        "statement_timeout": given.statement_seconds,
        "idle_in_transaction_session_timeout": given.idle_seconds,
    }
    return _engine({"options": " ".join(f"-c {name}={int(1000 * seconds)}" for name, seconds in limits.items())})


def _engine(arguments: dict[str, str]) -> Engine:
    """An engine whose errors carry neither parameters nor values: they end in logs."""
    size = settings().database_pool
    made = create_engine(
        database_url(),
        pool_size=size,
        max_overflow=SPARE_CONNECTIONS,
        pool_timeout=settings().lock_seconds,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"connect_timeout": CONNECT_SECONDS, **arguments},
    )
    event.listen(made, "handle_error", _without_values)
    return made


def _without_values(context: ExceptionContext) -> None:
    """The server quotes values in its messages ("Failing row contains ..."); keep what went wrong, and where."""
    error = context.original_exception
    if not isinstance(error, psycopg.Error) or error.sqlstate is None:
        return
    quotes = error.sqlstate.startswith(("22", "23"))  # data exception, integrity constraint violation
    where = ".".join(filter(None, (error.diag.table_name, error.diag.column_name or error.diag.constraint_name)))
    said = type(error).__name__ if quotes else error.diag.message_primary or type(error).__name__
    error.args = (f"{said} {where}".strip() + f" (SQLSTATE {error.sqlstate})",)
    if context.sqlalchemy_exception is not None:
        context.sqlalchemy_exception.args = (f"({type(error).__name__}) {error}",)


@contextmanager
def transaction(source: Callable[[], Engine] = engine) -> Iterator[Session]:
    """One session, committed when the block ends and rolled back when it raises. The only place that commits.

    Raises DatabaseAway and DatabaseBusy.
    """
    with outage.translated(), Session(source(), expire_on_commit=False) as session:
        yield session
        session.commit()


def forget() -> None:
    """Close the connections of this process and read the settings anew: for tests, and for a child after a fork."""
    for made in (engine, request_engine):
        if made.cache_info().currsize:
            made().dispose()
        made.cache_clear()
    outage.breaker.until = 0.0
    database_url.cache_clear()
    settings.cache_clear()


def migrate() -> None:
    """Bring our tables and the job tables up to date. Many processes may call it at once: one works, others wait."""
    with engine().connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()
        try:
            present, _, is_newer = revisions(connection)
            if is_newer:
                log.warning("the schema is at %s, which a newer version made; it is left as it is", present)
                return
            _upgrade(connection)
            _install_job_tables(connection)
            connection.commit()
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
            connection.commit()


def _upgrade(connection: Connection) -> None:
    """All or nothing. Beside processes at work a lock may be long in coming. Raises DatabaseBusy after the last try."""
    from alembic import command  # slow to import, and only needed here

    for pause in (*LOCK_PAUSES, None):
        try:
            command.upgrade(alembic_config(connection), "head")
        except OperationalError as error:
            if not isinstance(outage.outage_of(error), outage.DatabaseBusy):
                raise
            if pause is None:
                raise outage.DatabaseBusy from error
            connection.rollback()
            log.warning("migration: a table is in use; trying again in %s s", pause)
            sleep(pause)
        else:
            return


def revisions(connection: Connection) -> tuple[str | None, str | None, bool]:
    """The revision of the schema, the one that this version needs, and whether the first is of a newer version."""
    from alembic.runtime.migration import MigrationContext  # half a second of every process that loads this file
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(alembic_config(connection))
    present = MigrationContext.configure(connection).get_current_revision()
    known = {revision.revision for revision in script.walk_revisions()}
    return present, script.get_current_head(), present is not None and present not in known


def alembic_config(connection: Connection) -> Config:
    """Alembic's configuration without a file: the migrations lie in the package."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(models.migrations.__file__).parent))
    config.attributes["connection"] = connection
    return config


def _install_job_tables(connection: Connection) -> None:
    """Apply Procrastinate's schema, or its migrations since the version that is noted on its table."""
    from procrastinate.schema import SchemaManager

    raw = connection.connection.driver_connection
    assert raw is not None
    noted = connection.execute(
        text("SELECT obj_description(to_regclass('procrastinate_jobs'), 'pg_class'), to_regclass('procrastinate_jobs')")
    ).one()
    if noted[1] is None:
        raw.execute(SchemaManager.get_schema())
    else:
        for path in _job_migrations_after(noted[0]):
            raw.execute(path.read_text(encoding="utf-8"))
    raw.execute(f"COMMENT ON TABLE procrastinate_jobs IS '{_newest_job_migration()}'")


def _all_job_migrations() -> list[Path]:
    from procrastinate.schema import SchemaManager

    return sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))


def _job_migrations_after(noted: str | None) -> list[Path]:
    return [path for path in _all_job_migrations() if path.stem > (noted or "")]


def _newest_job_migration() -> str:
    return _all_job_migrations()[-1].stem
