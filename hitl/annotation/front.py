"""The front of the queue: which open tasks a person may have, best first, read from indexes in that very order.

The order: returned work, priority, what cannot wait, the field the person has in hand, due, age. Each part of it is a
walk along one index (of the person's own tasks, of the field in hand, of all or of each kind allowed), a few tasks
long. The best of the parts together are the best of all, because whatever a part leaves out comes after all that is in
it. Only where the person may have none of these the walk goes on from there, in longer pieces. How far that person had
to go is kept for a while, so that the next lease looks at the front, and then goes on from that place: what a lease
costs depends neither on how much is open nor on how much of it the person may not have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Row, TextClause, text
from sqlmodel import Session

from hitl.platform.locks import hold_best, hold_free, note_held, notes
from models.states import TaskPurpose

FIRST_WALK = 32
GLANCE = 8  # tasks at the front, for who has passed by more of them before: what comes in there goes before all
PIECES = (256, 2048)  # of a longer walk: the first one, and those after it
LOOKED_AT_MOST = 60_000  # tasks in one go; the next one continues
CHOICE = 20  # more than asked for are offered: somebody may be at the best of them this instant
KEPT = timedelta(minutes=5)  # until it is looked whether a person may have what they were barred from
PERSONAL = {TaskPurpose.GOLD.value, TaskPurpose.TRAINING.value, TaskPurpose.EXAM.value}  # always for one person

_DUE = "(coalesce(due_at, 'infinity'::timestamptz))"
_PLACE = f"(-priority), (NOT pressing), {_DUE}, created_at, id"  # as the indexes say it
_COLUMNS = (
    "id, document_id, field, kind, purpose, for_user_id, (-priority) AS low, (NOT pressing) AS patient, "
    f"{_DUE} AS due, created_at"
)
_KEYS: Final = ("low", "patient", "due", "created", "last")
_AFTER: Final = f"({_PLACE}) >= ({', '.join(f'(SELECT {key} FROM place)' for key in _KEYS)})"  # noqa: S608
_OF: Final = {
    "own": "for_user_id = (TABLE person)",
    "field": "for_user_id IS NULL AND field = (TABLE batch)",
    "kinds": "for_user_id IS NULL AND kind = one.kind",
    "all": "for_user_id IS NULL",
}
_BEFORE: Final = {"kinds": "unnest((TABLE allowed)) AS one (kind) CROSS JOIN LATERAL "}

# Nothing that may be asked of one row is turned into a join over all: each is looked up for the few rows of a walk.
_MAY_HAVE = """
    NOT coalesce((SELECT true FROM task done JOIN answer a ON a.task_id = done.id
      WHERE done.document_id = w.document_id AND done.field = w.field
        AND a.user_id = (TABLE person) AND a.undone_at IS NULL LIMIT 1), false)
    AND NOT coalesce((SELECT true FROM task t
      WHERE t.document_id = w.document_id AND t.field = w.field
        AND t.leased_to = (TABLE person) AND t.state = 'leased' LIMIT 1), false)
"""
_NARROWED: Final = {
    "purposes": "w.purpose = ANY ((TABLE purposes)::text[])",
    "kinds": "w.kind = ANY ((TABLE kinds)::text[])",
    "allowed": "(w.kind = ANY ((TABLE allowed)::text[]) OR w.for_user_id = (TABLE person))",
    "field": "w.field = (TABLE field)",
    "cap": """(w.for_user_id = (TABLE person) OR coalesce(
        (SELECT jsonb_array_length(e.fields) FROM exposure e
          WHERE e.user_id = (TABLE person) AND e.document_id = w.document_id), 0) + 1
        <= greatest(1, (TABLE cap) * (SELECT count(*) FROM verdict v
          WHERE v.document_id = w.document_id AND v.run = d.run)))""",
}
_ORDER = "(w.for_user_id IS NULL), w.low, w.patient, {batch} w.due, w.created_at, w.id"

# The plan must not depend on the values, or it is made anew each time, which takes longer than the walk.
_GIVEN: Final = {
    "person": "CAST(:user AS text)",
    "workspace": "CAST(:workspace AS text)",
    "batch": "CAST(:batch AS text)",
    "purposes": "CAST(:purposes AS text[])",
    "kinds": "CAST(:kinds AS text[])",
    "allowed": "CAST(:allowed AS text[])",
    "field": "CAST(:field AS text)",
    "cap": "CAST(:cap AS float)",
    "place": "CAST(:low AS int) AS low, CAST(:patient AS boolean) AS patient, CAST(:due AS timestamptz) AS due, "
    "CAST(:created AS timestamptz) AS created, CAST(:last AS text) AS last",
}
# One after the other in the order of the walk, until enough are free: the rules are asked of no more than are needed.
_TAKE = """
    WITH {given} SELECT w.id, w.document_id, w.field
    FROM (SELECT * FROM ({walks}) w ORDER BY {order} OFFSET 0) w
    CROSS JOIN LATERAL (SELECT d.run FROM document d WHERE d.id = w.document_id AND d.held_reason IS NULL
      FOR NO KEY UPDATE SKIP LOCKED) d
    WHERE {may_have} LIMIT {most}
"""
# What a walk that is full leaves out comes after its last: it is complete up to the first of these. Before the first
# that the person may have, or, if there is none, before the end, nothing is for them: there the next walk begins.
_LOOK = """
    WITH {given}, walked AS MATERIALIZED ({walks}),
    ends AS (
      SELECT low, patient, due, created_at, id FROM (
        SELECT DISTINCT ON (walk) count(*) OVER (PARTITION BY walk) AS length, low, patient, due, created_at, id
        FROM walked ORDER BY walk, low DESC, patient DESC, due DESC, created_at DESC, id DESC) last
      WHERE length >= {walk} ORDER BY low, patient, due, created_at, id LIMIT 1),
    fit AS MATERIALIZED (SELECT w.* FROM walked w JOIN document d ON d.id = w.document_id
      WHERE d.held_reason IS NULL AND {may_have}),
    first AS (SELECT low, patient, due, created_at, id FROM fit ORDER BY low, patient, due, created_at, id LIMIT 1),
    until AS (
      SELECT * FROM (SELECT * FROM ends UNION SELECT * FROM first) one
      ORDER BY low, patient, due, created_at, id LIMIT 1),
    best AS (
      SELECT w.id, w.document_id, w.field, row_number() OVER (ORDER BY {order}) AS number
      FROM fit w ORDER BY {order} LIMIT {most})
    SELECT best.id, best.document_id, best.field, until.low::text AS low, until.patient::text AS patient,
      until.due::text AS due, until.created_at::text AS created, until.id AS last
    FROM (SELECT 1) one LEFT JOIN until ON true LEFT JOIN best ON true ORDER BY best.number
"""

Place = dict[str, str]  # of one task in the order of the queue
Asked = Mapping[str, Any]  # workspace, user, kinds, trained, field, purposes (None: any), batch, cap


class Walk:
    """The way of one person along the queue. `passed` is what was kept of the last one; see `passed_now`."""

    def __init__(self, session: Session, asked: Asked, passed: Mapping[str, Any] | None, *, now: datetime) -> None:
        self.session, self.given, self.now = session, dict(asked) | {"allowed": _allowed(asked)}, now
        self.question = [self.given[one] for one in ("allowed", "field", "purposes", "cap")]
        self.place: Place | None = None
        self.since = now
        self.is_whole = True  # all before the place was looked at in this search, so that at the end nothing is left
        self.is_unfinished = False  # so much was looked at in vain that the rest is for the next time
        if passed and passed["question"] == self.question:
            since = datetime.fromisoformat(passed["since"])
            if since <= now < since + KEPT:
                self.place, self.since, self.is_whole = passed["place"], since, passed["whole"]

    def choose(self, count: int) -> list[str]:
        """Ids of the best tasks, at most `count`, whose documents are held now. None: there is nothing to do.

        They were open when it was looked; look again.
        """
        for place in [None, self.place] if self.place else [None]:
            if found := self._take(place, count):
                return found
        return self._look_on(count)

    def passed_now(self) -> dict[str, Any] | None:
        """What to keep for the next walk."""
        if self.place is None:
            return None
        return {"question": self.question, "since": self.since.isoformat(), "place": self.place, "whole": self.is_whole}

    def _take(self, place: Place | None, count: int) -> list[str]:
        """Where the best are free, they and their documents are had by one statement."""
        walk = GLANCE if self.place and not place else max(FIRST_WALK, 2 * count)
        statement = take_statement(self._names(place), self._filters(), walk, count)
        rows = self.session.execute(statement, self.given | (place or {})).all()
        note_held(self.session, {row.document_id for row in rows})
        return _one_of_a_field(rows)

    def _look_on(self, count: int) -> list[str]:
        looked = 0
        while looked < LOOKED_AT_MOST:
            piece = max(PIECES[looked > 0], 2 * count)
            statement = look_statement(self._names(self.place), self._filters(), piece, count + CHOICE)
            rows = self.session.execute(statement, self.given | (self.place or {})).all()
            self.place = {key: getattr(rows[0], key) for key in _KEYS} if rows[0].last is not None else None
            if found := [row for row in rows if row.id is not None]:
                self.is_whole = False
                # who has some already waits for nobody: it could not be in the order of locks
                take = hold_free if notes(self.session).held else hold_best
                held = take(self.session, [row.document_id for row in found], most=count)
                return _one_of_a_field([row for row in found if row.document_id in held])[:count]
            if self.place is None and self.is_whole:
                return []
            if self.place is None:  # what was passed by may be free by now
                self.is_whole, self.since = True, self.now
            looked += piece
        self.is_unfinished = True
        return []

    def _names(self, place: Place | None) -> tuple[str, ...]:
        """Which walks there are, and where they begin."""
        if self.given["purposes"] is not None and PERSONAL.issuperset(self.given["purposes"]):
            names = ["own"]
        else:
            names = ["own"] if place is None else []
            names += ["field"] if self.given["batch"] else []
            if self.given["field"] is None:
                names += ["all"] if self.given["allowed"] is None else ["kinds"]
        return (*names, "after") if place else tuple(names)

    def _filters(self) -> tuple[str, ...]:
        names = [name for name in ("purposes", "kinds", "allowed", "field") if self.given[name] is not None]
        return (*names, *(["cap"] if self.given["cap"] < 1 else []), *(["batch"] if self.given["batch"] else []))


def _allowed(asked: Asked) -> list[str] | None:
    kinds, trained = asked["kinds"], asked["trained"]
    if kinds is None or trained is None:
        return list(trained) if kinds is None and trained is not None else list(kinds) if kinds is not None else None
    return [kind for kind in kinds if kind in trained]


def _one_of_a_field(rows: Sequence[Row[Any]]) -> list[str]:
    """Of several tasks on one field a person gets the first."""
    first = {(row.document_id, row.field): row.id for row in reversed(rows)}
    return list(dict.fromkeys(row.id for row in rows if first[row.document_id, row.field] == row.id))


@lru_cache(maxsize=256)
def take_statement(names: Sequence[str], filters: Sequence[str], walk: int, most: int) -> TextClause:
    """The best and their documents, which nobody else holds. Numbers stand in the text, so that plans are kept."""
    return text(_TAKE.format(walks=_walks(names, walk, once=most > 1), most=most, **_parts(names, filters)))


@lru_cache(maxsize=256)
def look_statement(names: Sequence[str], filters: Sequence[str], walk: int, most: int) -> TextClause:
    """The best of a longer piece, and up to where that is complete (`last` is null: to the end)."""
    return text(_LOOK.format(walks=_walks(names, walk, numbered=True), walk=walk, most=most, **_parts(names, filters)))


def _walks(names: Sequence[str], length: int, *, numbered: bool = False, once: bool = False) -> str:
    after = f" AND {_AFTER}" if "after" in names else ""
    parts = []
    for name in names:
        if name == "after":
            continue
        where = f"workspace_id = (TABLE workspace) AND state = 'open' AND {_OF[name]}{after}"
        walk = f"SELECT {_COLUMNS} FROM task WHERE {where} ORDER BY {_PLACE} LIMIT {length}"  # noqa: S608
        label = (", one.kind AS walk" if name == "kinds" else f", '{name}' AS walk") if numbered else ""
        parts.append(f"(SELECT walk.*{label} FROM {_BEFORE.get(name, '')}({walk}) walk)")  # noqa: S608
    return (" UNION " if once else " UNION ALL ").join(parts)


def _parts(names: Sequence[str], filters: Sequence[str]) -> dict[str, str]:
    narrowed = [_NARROWED[name] for name in filters if name != "batch"]
    batch = "((w.field = (TABLE batch)) IS NOT TRUE)," if "batch" in filters else ""
    used = {"person", "workspace", *filters, *(["place"] if "after" in names else [])}
    given = ", ".join(f"{name} AS MATERIALIZED (SELECT {what})" for name, what in _GIVEN.items() if name in used)
    return {"given": given, "may_have": " AND ".join([_MAY_HAVE, *narrowed]), "order": _ORDER.format(batch=batch)}
