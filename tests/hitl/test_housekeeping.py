"""Finished jobs go in batches when they are old enough; what waits or ended lately stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlmodel import Session

from hitl import housekeeping
from hitl.settings import settings

JOBS = text("""
    WITH made AS (
      INSERT INTO procrastinate_jobs (task_name, queue_name, args, status)
      SELECT 'render', 'countersign', '{}', CAST(:status AS procrastinate_job_status) FROM generate_series(1, :count)
      RETURNING id)
    INSERT INTO procrastinate_events (job_id, type, at)
    SELECT id, 'succeeded', now() - CAST(:age AS interval) FROM made
""")


def add_jobs(session: Session, count: int, days: int, status: str = "succeeded") -> None:
    session.execute(JOBS, {"status": status, "count": count, "age": timedelta(days=days)})
    # the trigger of the queue noted the insertion as an event of this moment
    session.execute(
        text("DELETE FROM procrastinate_events WHERE type IN ('deferred', 'started') AND at > now() - interval '1 s'")
    )


def left(session: Session) -> int:
    return int(session.execute(text("SELECT count(*) FROM procrastinate_jobs")).scalar_one())


def test_old_jobs_go_in_batches_and_the_rest_stays(session: Session):
    add_jobs(session, 25, days=9)
    add_jobs(session, 3, days=9, status="todo")
    add_jobs(session, 5, days=2)
    before = datetime.now(UTC) - timedelta(days=7)
    gone = [housekeeping.delete_finished_jobs(session, before=before, most=10) for _ in range(4)]
    assert gone == [10, 10, 5, 0]
    assert left(session) == 8


def test_how_long_they_stay_is_a_setting(session: Session, monkeypatch: pytest.MonkeyPatch):
    add_jobs(session, 4, days=2)
    housekeeping.tidy(session, now=datetime.now(UTC))
    assert left(session) == 4
    monkeypatch.setenv("COUNTERSIGN_JOBS_KEPT_DAYS", "1")
    settings.cache_clear()
    housekeeping.tidy(session, now=datetime.now(UTC))
    assert left(session) == 0


def test_only_so_many_are_looked_at(session: Session):
    """Among many that ended lately, the first of them by number, along an index."""
    add_jobs(session, 3000, days=2)
    session.execute(text("ANALYZE procrastinate_jobs"))
    session.execute(text("ANALYZE procrastinate_events"))
    wanted = "SELECT id FROM procrastinate_jobs WHERE status IN ('succeeded', 'failed') ORDER BY id LIMIT 50"
    plan = session.execute(text(f"EXPLAIN {wanted}")).scalars().all()
    assert any("procrastinate_jobs_pkey" in line for line in plan), plan
    assert housekeeping.delete_finished_jobs(session, before=datetime.now(UTC) - timedelta(days=7), most=50) == 0
