"""The front of the queue: which open tasks a person may have, best first, read from indexes in that very order.

The order: returned work, priority, what cannot wait, the field the person has in hand, due, age. Each part of it is a
walk along one index (of the person's own tasks, of the field in hand, of all or of each kind allowed), a few tasks
long. The best of the parts together are the best of all, because whatever a part leaves out comes after all that is in
it. Only where the person may have none of these the walk is repeated, eight times as long: what a lease costs depends
on what the person may not have, never on how much is open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, TextClause, text
from sqlmodel import Session

from models.states import TaskPurpose

FIRST_WALK, LONGER = 32, 8
CHOICE = 20  # more than asked for are offered: somebody may be at the best of them this instant
PERSONAL = {TaskPurpose.GOLD.value, TaskPurpose.TRAINING.value, TaskPurpose.EXAM.value}  # always for one person

_COLUMNS = "id, document_id, field, kind, purpose, for_user_id, priority, pressing, due_at, created_at"
_OPEN = f"SELECT {_COLUMNS} FROM task WHERE workspace_id = :workspace AND state = 'open' AND for_user_id"  # noqa: S608
_ORDER = "ORDER BY priority DESC, pressing DESC, due_at, created_at, id LIMIT :walk"
_WALKS = {
    "own": f"{_OPEN} = :user {_ORDER}",
    "field": f"{_OPEN} IS NULL AND field = :batch {_ORDER}",
    "kinds": "SELECT walk.* FROM unnest(CAST(:allowed AS text[])) AS one (kind) CROSS JOIN LATERAL "  # noqa: S608
    f"({_OPEN} IS NULL AND kind = one.kind {_ORDER}) walk",
    "all": f"{_OPEN} IS NULL {_ORDER}",
}

# Of several tasks on one field a person gets the first.
_BEST = """
    WITH walked AS MATERIALIZED ({walks}),
    best AS (
      SELECT DISTINCT ON (document_id, field) * FROM walked w
      WHERE (CAST(:purposes AS text[]) IS NULL OR purpose = ANY (CAST(:purposes AS text[])))
        AND (CAST(:kinds AS text[]) IS NULL OR kind = ANY (CAST(:kinds AS text[])))
        AND (CAST(:allowed AS text[]) IS NULL OR kind = ANY (CAST(:allowed AS text[])) OR for_user_id = :user)
        AND (CAST(:field AS text) IS NULL OR field = :field)
        AND NOT EXISTS (SELECT 1 FROM answer a JOIN task done ON done.id = a.task_id
          WHERE a.user_id = :user AND a.document_id = w.document_id AND a.undone_at IS NULL AND done.field = w.field)
        AND NOT EXISTS (SELECT 1 FROM task t
          WHERE t.leased_to = :user AND t.state = 'leased' AND t.document_id = w.document_id AND t.field = w.field)
        AND NOT EXISTS (SELECT 1 FROM document d WHERE d.id = w.document_id AND d.held_reason IS NOT NULL)
        AND (CAST(:cap AS float) >= 1 OR for_user_id = :user OR coalesce(
          (SELECT jsonb_array_length(e.fields) FROM exposure e
            WHERE e.user_id = :user AND e.document_id = w.document_id), 0) + 1
          <= greatest(1, :cap * (SELECT count(*) FROM verdict v JOIN document d ON d.id = v.document_id
            WHERE v.document_id = w.document_id AND v.run = d.run)))
      ORDER BY document_id, field, for_user_id IS NULL, priority DESC, pressing DESC, due_at, created_at, id)
    SELECT walk.length, best.id, best.document_id FROM (SELECT count(*) AS length FROM walked) walk
    LEFT JOIN best ON true
    ORDER BY (for_user_id IS NOT NULL) DESC, priority DESC, pressing DESC, (field = :batch) IS TRUE DESC,
      due_at, created_at, id
    LIMIT :most
"""


def best_tasks(session: Session, asked: Mapping[str, Any], count: int) -> Sequence[Row[Any]]:
    """Ids and documents of the best open tasks for one person, and a few more than `count` of them.

    `asked`: workspace, user, kinds, trained, field, purposes (None: any), batch, cap.
    """
    given = dict(asked) | {"allowed": _allowed(asked["kinds"], asked["trained"]), "most": count + CHOICE}
    statement = statement_of(*_names(given))
    walk = max(FIRST_WALK, 2 * count)
    while True:
        rows = session.execute(statement, given | {"walk": walk}).all()
        if (found := [row for row in rows if row.id is not None]) or rows[0].length < walk:
            return found
        walk *= LONGER


def _allowed(kinds: Sequence[str] | None, trained: Sequence[str] | None) -> list[str] | None:
    if kinds is None or trained is None:
        return list(trained) if kinds is None and trained is not None else list(kinds) if kinds is not None else None
    return [kind for kind in kinds if kind in trained]


def _names(given: Mapping[str, Any]) -> list[str]:
    """Which walks there are."""
    if given["purposes"] is not None and PERSONAL.issuperset(given["purposes"]):
        return ["own"]
    in_hand = ["field"] if given["batch"] else []
    if given["field"] is not None:
        return ["own", *in_hand]
    return ["own", *in_hand, "all" if given["allowed"] is None else "kinds"]


@lru_cache
def statement_of(*names: str) -> TextClause:
    return text(_BEST.format(walks=" UNION ".join(f"({_WALKS[name]})" for name in names)))
