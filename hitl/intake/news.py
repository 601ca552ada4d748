"""What happened in the last minute, for somebody who watches: pages that were read, documents that moved on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from hitl.platform import db

_PAGES = text("""
    SELECT p.id AS what, p.number, p.engine, p.cpu_seconds, d.filename, d.id, d.page_count
    FROM document_page p JOIN document d ON d.id = p.document_id
    WHERE p.read_at > now() - interval '1 minute' ORDER BY p.read_at
""")

_MOVES = text("""
    SELECT e.id AS what, e.action, d.filename, d.id AS document_id, d.document_type, d.problem
    FROM event e JOIN document d ON d.id = e.subject
    WHERE e.at > now() - interval '1 minute' AND e.action = ANY(:actions) ORDER BY e.at
""")

_COUNTS = text("""
    SELECT (SELECT count(*) FROM document_page p JOIN document d ON d.id = p.document_id
            WHERE d.state <> 'erased') AS pages,
           (SELECT count(*) FROM document_page p JOIN document d ON d.id = p.document_id
            WHERE d.state <> 'erased' AND p.read_at IS NOT NULL) AS read,
           (SELECT count(*) FROM task WHERE state = 'open') AS tasks
""")


@dataclass(frozen=True, slots=True)
class News:
    """Rows, each with its id as `what`, and how many pages there are, are read, and tasks are open."""

    pages: list[Any]
    moves: list[Any]
    counts: Any


def news(actions: Collection[str]) -> News | None:
    """The last minute: pages, and moves of these actions. None while the database does not answer."""
    try:
        with db.engine().connect() as connection:
            pages = list(connection.execute(_PAGES))
            moves = list(connection.execute(_MOVES, {"actions": list(actions)}))
            return News(pages, moves, connection.execute(_COUNTS).one())
    except OperationalError:
        return None
