"""What waits in the database, counted for whoever watches the service; and whether it and its workers answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from time import perf_counter

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
    (
        "tasks",
        "Tasks that nobody has answered yet, by state",
        "state",
        "SELECT state, count(*) FROM task WHERE state IN ('open', 'leased') GROUP BY state",
    ),
    ("reviews", "Reviews by state", "state", "SELECT state, count(*) FROM review GROUP BY state"),
    ("jobs", "Jobs by status", "status", "SELECT status::text, count(*) FROM procrastinate_jobs GROUP BY status"),
    (
        "deliveries",
        "Webhook deliveries by status",
        "status",
        "SELECT status, count(*) FROM webhook_delivery GROUP BY status",
    ),
    (
        "oldest_job_seconds",
        "Age of the oldest job that waits and is due",
        "queue",
        """
        SELECT queue.name, coalesce((
            SELECT extract(epoch FROM now() - greatest(job.scheduled_at, event.at)) FROM procrastinate_jobs job
            JOIN procrastinate_events event ON event.job_id = job.id AND event.type = 'deferred'
            WHERE job.queue_name = queue.name AND job.status = 'todo' AND coalesce(job.scheduled_at, now()) <= now()
            ORDER BY job.id LIMIT 1), 0)
        FROM (VALUES ('countersign'), ('deliveries')) queue (name)
        """,
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


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """What a look at the server tells. `seconds` is what the look took."""

    version: str
    major: int
    bytes: int
    connections: int
    most_connections: int
    seconds: float


def database_facts() -> DatabaseFacts:
    """Raises DatabaseAway, DatabaseBusy."""
    query = """
        SELECT current_setting('server_version'), current_setting('server_version_num')::int / 10000,
          pg_database_size(current_database()), (SELECT count(*) FROM pg_stat_activity WHERE backend_type =
          'client backend'), current_setting('max_connections')::int
    """
    with outage.translated(), db.request_engine().connect() as connection:
        begun = perf_counter()
        connection.execute(text("SELECT 1"))
        seconds = perf_counter() - begun
        version, major, size, connections, most = connection.execute(text(query)).one()
    return DatabaseFacts(version, major, size, connections, most, seconds)


def clock_of_database(now: datetime) -> float:
    """Seconds that the database's clock is ahead of `now`, less half the time of asking."""
    with outage.translated(), db.request_engine().connect() as connection:
        begun = perf_counter()
        connection.execute(text("SELECT 1"))
        there: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return (there - now).total_seconds() - (perf_counter() - begun) / 2


def oldest_jobs() -> dict[str, float]:
    """Seconds that the oldest job of each queue waits."""
    (query,) = (query for name, _, _, query in _GAUGES if name == "oldest_job_seconds")
    with outage.translated(), db.request_engine().connect() as connection:
        return {key: float(number) for key, number in connection.execute(text(query))}


def ping() -> None:
    """Raises where the database does not answer."""
    with db.request_engine().connect() as connection:
        connection.execute(text("SELECT 1"))


def revisions() -> tuple[str | None, str | None, bool]:
    """The revision of the schema as it is, the one that this version needs, and whether a newer version made it."""
    with db.request_engine().connect() as connection:
        return db.revisions(connection)


def last_heartbeat() -> datetime | None:
    """When a worker was last heard of."""
    with db.request_engine().connect() as connection:
        beat: datetime | None = connection.execute(
            text("SELECT max(last_heartbeat) FROM procrastinate_workers")
        ).scalar_one()
    return beat
