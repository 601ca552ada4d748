"""What a lease costs the database at any number of open tasks, beside a bare ordered SKIP LOCKED on the same table.

`make bench-scale` prints the CPU milliseconds of the database's process a lease, read from the kernel. "Bare" takes the
first open task and updates it, with the index that the table had before and with the one that it has now. SIZES of
COUNTERSIGN_SCALE, by default 6,000 and 100,000; a million takes some minutes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session

from hitl.annotation.tasks import hand_out
from models.tables import User, Workspace
from tests import factories
from tests.factories import NOW
from tests.hitl.crowd import create_people

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]

SIZES = [int(size) for size in os.environ.get("COUNTERSIGN_SCALE", "6000,100000").split(",")]
FIELDS = 20
ROUNDS = 40
RARE = "iban"
MOST_OVER_BARE, MOST_GROWTH = 2.0, 1.2

DOCUMENTS = text("""
    INSERT INTO document (id, workspace_id, filename, sha256, group_id, fold, media_type, bytes, state, run, attempts,
      lost_workers, priority, problems, exceptions, created_at)
    SELECT 'doc_' || lpad(n::text, 26, '0'), :workspace, '', n::text, n::text, 'train', 'application/pdf', 1,
      'in_review', 1, 0, 0, 0, '[]', '[]', :now FROM generate_series(CAST(:from AS int), CAST(:to AS int)) n
""")
TASKS = text("""
    INSERT INTO task (id, workspace_id, document_id, field, kind, purpose, mode, seeded, whole_page, state, priority,
      pressing, created_at)
    SELECT 'tsk_' || lpad(n::text, 26, '0'), :workspace, 'doc_' || lpad((n / CAST(:fields AS int))::text, 26, '0'),
      'f' || n % CAST(:fields AS int),
      CASE WHEN n % 5000 = 4999 THEN :rare ELSE 'money' END, 'review', 'blind', false, false, 'open', 0, false,
      CAST(:now AS timestamptz) + n * interval '1 millisecond'
    FROM generate_series(CAST(:from AS int), CAST(:to AS int)) n
""")
BARE = text("""
    SELECT id FROM task WHERE workspace_id = :workspace AND state = 'open' AND for_user_id IS NULL
    ORDER BY priority DESC, pressing DESC, due_at, created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
""")
TAKE = text("UPDATE task SET state = 'leased', leased_to = :user, lease_token = 'x', lease_until = :now WHERE id = :id")
OLD_INDEX = "CREATE INDEX task_next ON task (workspace_id, state, priority, due_at, created_at)"
HIDE = "UPDATE pg_index SET indisvalid = %s WHERE indexrelid::regclass::text LIKE 'task_front%%'"


def cpu_ms(session: Session, lease: Callable[[], object]) -> float:
    """CPU milliseconds of the database's process for one call, the mean of some; each is rolled back."""
    backend = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
    meter = Path(f"/proc/{backend}/schedstat")
    spent = []
    for _ in range(ROUNDS):
        before = int(meter.read_text().split()[0])
        lease()
        session.flush()
        spent.append((int(meter.read_text().split()[0]) - before) / 1e6)
        session.rollback()
    kept = sorted(spent)[ROUNDS // 10 : -ROUNDS // 10]
    return sum(kept) / len(kept)


def bare(session: Session, workspace: Workspace, user: User) -> Callable[[], object]:
    def take() -> None:
        task_id = session.execute(BARE, {"workspace": workspace.id}).scalar_one()
        session.execute(TAKE, {"user": user.id, "now": NOW, "id": task_id})

    return take


def grow(session: Session, workspace: Workspace, before: int, size: int) -> None:
    given = {"workspace": workspace.id, "now": NOW, "fields": FIELDS, "rare": RARE}
    session.execute(DOCUMENTS, given | {"from": -(-before // FIELDS), "to": (size - 1) // FIELDS})
    session.execute(TASKS, given | {"from": before, "to": size - 1})
    session.commit()
    session.execute(text("ANALYZE task"))
    session.execute(text("ANALYZE document"))
    session.commit()


def test_a_lease_costs_the_same_at_any_number_of_open_tasks(session: Session, workspace: Workspace):
    user = create_people(session, workspace, 1)[0]
    factories.create_type(session, workspace)
    session.commit()
    whole: list[float] = []
    before = 0
    for size in SIZES:
        grow(session, workspace, before, size)
        before = size
        ours = cpu_ms(session, lambda: hand_out(session, user, now=NOW))
        rare = cpu_ms(session, lambda: hand_out(session, user, now=NOW, kinds=[RARE]))
        with_new = cpu_ms(session, bare(session, workspace, user))
        with_old = with_index_of_before(session, bare(session, workspace, user))
        whole.append(ours)
        sys.stderr.write(
            f"\n{size:>9,} open: lease {ours:.2f} ms, of a rare kind {rare:.2f}; bare {with_new:.2f} with this index, "
            f"{with_old:.2f} with the one before; {ours / with_new:.1f} and {ours / with_old:.2f} times bare\n"
        )
        assert hand_out(session, user, now=NOW, kinds=[RARE])
        session.rollback()
    assert max(whole) <= MOST_GROWTH * min(whole)


def with_index_of_before(session: Session, take: Callable[[], object]) -> float:
    """The same with the index that the table had before, and without the new ones."""
    session.connection().exec_driver_sql(HIDE, (False,))
    session.connection().exec_driver_sql(OLD_INDEX)
    session.commit()
    try:
        return cpu_ms(session, take)
    finally:
        session.connection().exec_driver_sql("DROP INDEX task_next")
        session.connection().exec_driver_sql(HIDE, (True,))
        session.commit()
