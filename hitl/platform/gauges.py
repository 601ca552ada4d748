"""What waits in the database, counted for whoever watches the service; and whether it and its workers answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from hitl.platform import db, outage


@dataclass(frozen=True, slots=True)
class Gauge:
    """Numbers by one label, read at this moment."""

    name: str
    meaning: str
    label: str
    numbers: tuple[tuple[str, float], ...]


# name, meaning, label, query of (label, number)
_GAUGES: tuple[tuple[str, str, str, str], ...] = (
    ("documents", "Documents by state", "state", "SELECT state, count(*) FROM document GROUP BY state"),
    ("tasks", "Tasks by state", "state", "SELECT state, count(*) FROM task GROUP BY state"),
    ("reviews", "Reviews by state", "state", "SELECT state, count(*) FROM review GROUP BY state"),
    ("jobs", "Jobs by status", "status", "SELECT status::text, count(*) FROM procrastinate_jobs GROUP BY status"),
    (
        "deliveries",
        "Webhook deliveries by status",
        "status",
        "SELECT status, count(*) FROM webhook_delivery GROUP BY status",
    ),
    (
        "oldest_open_task_seconds",
        "Age of the oldest open task",
        "kind",
        "SELECT kind, extract(epoch FROM now() - min(created_at)) FROM task WHERE state = 'open' GROUP BY kind",
    ),
)


def gauges() -> list[Gauge]:
    """All of them. Raises DatabaseAway, DatabaseBusy."""
    with outage.translated(), db.request_engine().connect() as connection:
        return [
            Gauge(name, meaning, label, tuple((key, float(number)) for key, number in connection.execute(text(query))))
            for name, meaning, label, query in _GAUGES
        ]


def ping() -> None:
    """Raises where the database does not answer."""
    with db.request_engine().connect() as connection:
        connection.execute(text("SELECT 1"))


def revisions() -> tuple[str | None, str | None]:
    """The revision of the schema as it is, and the one that this version of the code needs."""
    from alembic.runtime.migration import MigrationContext  # half a second of every process that loads this file
    from alembic.script import ScriptDirectory

    with db.request_engine().connect() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
        return present, ScriptDirectory.from_config(db.alembic_config(connection)).get_current_head()


def last_heartbeat() -> datetime | None:
    """When a worker was last heard of."""
    with db.request_engine().connect() as connection:
        beat: datetime | None = connection.execute(
            text("SELECT max(last_heartbeat) FROM procrastinate_workers")
        ).scalar_one()
    return beat
