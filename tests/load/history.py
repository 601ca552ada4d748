"""A workspace with a past: documents that were read, keyed, checked, released and told, by the hundred thousand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlmodel import Session

from hitl.workspace.workspaces import ensure_base_model
from models.doctype import Kind
from models.tables import Document, User, Workspace
from tests import factories
from tests.hitl.crowd import create_people, create_read_document, set_policy, start, work_off

SAID = {"net": "40.50", "tax": "7.70", "total": "48.20", "paid": "50.00"}
PEOPLE = 40
DAYS = 120
OPEN_SHARE = 10  # one document in so many is still in work

# Tables whose rows hang on a document, with the columns that lead to a row that is copied too.
PAST: Mapping[str, tuple[str, ...]] = {
    "document": ("id",),
    "document_page": ("id", "document_id"),
    "field_reading": ("id", "document_id"),
    "verdict": ("id", "document_id", "reading_id"),
    "audit": ("id", "document_id", "verdict_id"),
    "task": ("id", "document_id", "verdict_id", "audit_id"),
    "answer": ("id", "document_id", "task_id", "idempotency_key"),
    "release": ("id", "document_id"),
    "example": ("id", "document_id"),
    "event": ("id", "stream"),
    "exposure": ("id", "document_id"),
}
MOMENTS = ("created_at", "changed_at", "released_at", "answered_at", "decided_at", "updated_at", "at")


def create_history(session: Session, workspace: Workspace, documents: int, *, now: datetime) -> None:
    """So many documents of the last days: most are released, each tenth waits for people."""
    ensure_base_model(session, now)
    set_policy(session, workspace)
    people = create_people(session, workspace, PEOPLE)
    spec = factories.a_type("receipt", **dict.fromkeys(SAID, Kind.MONEY))
    readings = {name: (value, 0.7) for name, value in SAID.items()}
    released, waiting = (create_read_document(session, workspace, readings, spec, created_at=now) for _ in range(2))
    start(session, released, now)
    work_off(session, people[0], SAID, now=now)
    start(session, waiting, now)
    session.commit()
    session.execute(text("SET session_replication_role = replica"))  # neither foreign keys nor triggers
    copy(session, waiting, documents // OPEN_SHARE, people, documents)
    copy(session, released, documents - documents // OPEN_SHARE, people, documents)
    session.execute(text("SET session_replication_role = DEFAULT"))
    session.commit()
    with session.connection().engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def copy(session: Session, document: Document, times: int, people: list[User], among: int) -> None:
    """Copies of a document over the last days, answered by one person after the other."""
    ids = [user.id for user in people]
    step = timedelta(days=DAYS) / among
    for table, names in PAST.items():
        columns = set(
            session.execute(
                text("SELECT column_name FROM information_schema.columns WHERE table_name = :table"), {"table": table}
            ).scalars()
        )
        names = [name for name in names if name in columns]
        given = [f"'{name}', row.{name} || '-' || n" for name in names]
        given += [f"'{name}', row.{name} - n * CAST(:step AS interval)" for name in MOMENTS if name in columns]
        if "user_id" in columns:
            given.append("'user_id', (CAST(:people AS text[]))[1 + n % :count]")
        if table == "document":
            given += ["'sha256', n", "'group_id', n"]
        session.execute(
            text(f"""
                INSERT INTO {table} SELECT made.* FROM {table} AS row, generate_series(1, :times) AS n,
                  jsonb_populate_record(row, jsonb_build_object({", ".join(given)})) AS made
                WHERE row.{"id" if table == "document" else "stream" if table == "event" else "document_id"} = :document
            """),
            {"times": times, "document": document.id, "step": step, "people": ids, "count": len(ids)},
        )


def rows(session: Session) -> dict[str, int]:
    """How many rows the large tables have."""
    return {name: session.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in PAST}
