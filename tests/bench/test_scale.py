"""What a lease costs the database at any number of open tasks, beside a bare ordered SKIP LOCKED on the same table.

`make bench-scale` prints the CPU milliseconds of the database's process a lease, read from the kernel, for somebody who
may have everything, somebody barred from the first 50,000 tasks, and for a rare kind. "Bare" takes the first open task
and updates it, with the index that the table had before and with the one that it has now. SIZES of COUNTERSIGN_SCALE,
by default 6,000 and 100,000; a million takes some minutes.
"""

from __future__ import annotations

import os
import statistics
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
WARM, ROUNDS = 15, 60
BARRED = 50_000
RARE = "iban"
MOST_GROWTH = 1.2

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
SKIPPED = text("""
    INSERT INTO answer (id, workspace_id, task_id, document_id, user_id, idempotency_key, value_state, source,
      skip_reason, created_at)
    SELECT 'ans_' || id, workspace_id, id, document_id, :user, id, 'skipped', 'typed', 'other', :now FROM task
    WHERE workspace_id = :workspace ORDER BY created_at, id LIMIT :most ON CONFLICT DO NOTHING
""")
BARE = text("""
    SELECT id FROM task WHERE workspace_id = :workspace AND state = 'open' AND for_user_id IS NULL
    ORDER BY (-priority), (NOT pressing), coalesce(due_at, 'infinity'::timestamptz), created_at, id
    LIMIT 1 FOR UPDATE SKIP LOCKED
""")
TAKE = text("UPDATE task SET state = 'leased', leased_to = :user, lease_token = 'x', lease_until = :now WHERE id = :id")
UNDO = text("UPDATE task SET state = 'open', leased_to = NULL WHERE state = 'leased'")
OLD_INDEX = "CREATE INDEX task_next ON task (workspace_id, state, priority, due_at, created_at)"
HIDE = "UPDATE pg_index SET indisvalid = %s WHERE indexrelid::regclass::text LIKE 'task_front%%'"


def cpu_ms(session: Session, *leases: Callable[[], object], user: User) -> list[float]:
    """CPU milliseconds of the database's process for one call of each, the mean of some; each is committed and undone.

    They take turns, so that all see the same machine. Statements are prepared by then, as in a server.
    """
    backend = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
    meter = Path(f"/proc/{backend}/schedstat")
    spent: list[list[float]] = [[] for _ in leases]
    for _ in range(WARM + ROUNDS):
        for kept, lease in zip(spent, leases, strict=True):
            session.refresh(user)
            before = int(meter.read_text().split()[0])
            lease()
            session.commit()
            kept.append((int(meter.read_text().split()[0]) - before) / 1e6)
            session.execute(UNDO)
            session.commit()
    return [statistics.mean(sorted(one[WARM:])[ROUNDS // 10 : -ROUNDS // 10]) for one in spent]


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


def bar(session: Session, workspace: Workspace, user: User, size: int) -> None:
    """The person skipped the first tasks, and had some since, so that it is known how far they went."""
    given = {"workspace": workspace.id, "user": user.id, "now": NOW, "most": min(BARRED, size // 2)}
    session.execute(SKIPPED, given)
    session.commit()
    session.execute(text("ANALYZE answer"))
    session.commit()
    for _ in range(size // 1000):
        hand_out(session, user, now=NOW)
        session.commit()
        session.execute(UNDO)
        session.commit()


def test_a_lease_costs_the_same_at_any_number_of_open_tasks(session: Session, workspace: Workspace):
    user, barred = create_people(session, workspace, 2)
    factories.create_type(session, workspace)
    session.commit()
    costs: dict[str, list[float]] = {"everything": [], "rare": [], "barred": []}
    least: list[float] = []
    before = 0
    for size in SIZES:
        grow(session, workspace, before, size)
        before = size
        bar(session, workspace, barred, size)
        take = bare(session, workspace, user)
        ours, rare, with_new = cpu_ms(
            session,
            lambda: hand_out(session, user, now=NOW),
            lambda: hand_out(session, user, now=NOW, kinds=[RARE]),
            take,
            user=user,
        )
        theirs = cpu_ms(session, lambda: hand_out(session, barred, now=NOW), user=barred)[0]
        with_old = with_index_of_before(session, take, user)
        for one, cost in zip(costs.values(), (ours, rare, theirs), strict=True):
            one.append(cost)
        least.append(with_new)
        sys.stderr.write(
            f"\n{size:>9,} open: lease {ours:.2f} ms, of a rare kind {rare:.2f}, barred from the first "
            f"{min(BARRED, size // 2):,} {theirs:.2f}; bare {with_new:.2f} with this index, "
            f"{with_old:.2f} with the one before; {ours / with_new:.1f} and {ours / with_old:.2f} times bare\n"
        )
        assert hand_out(session, user, now=NOW, kinds=[RARE])
        session.rollback()
    times_bare = [cost / other for cost, other in zip(costs["everything"], least, strict=True)]
    assert max(times_bare) <= MOST_GROWTH * min(times_bare)


def with_index_of_before(session: Session, take: Callable[[], object], user: User) -> float:
    """The same with the index that the table had before, and without the new ones."""
    session.connection().exec_driver_sql(HIDE, (False,))
    session.connection().exec_driver_sql(OLD_INDEX)
    session.commit()
    try:
        return cpu_ms(session, take, user=user)[0]
    finally:
        session.connection().exec_driver_sql("DROP INDEX task_next")
        session.connection().exec_driver_sql(HIDE, (True,))
        session.commit()
