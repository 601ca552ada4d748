"""What a document leaves in the database: bytes of tables and indexes, from reading to release.

`make bench-size` has 300 receipts (COUNTERSIGN_DOCUMENTS) of one page and three fields keyed by people, and prints
the growth of every table by document. Jobs, which go after a week, and blobs, which lie elsewhere, are not in it.
"""

from __future__ import annotations

import os
import sys
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlmodel import Session, func, select

from models.tables import Answer, Document, Event, Workspace
from tests.factories import NOW, create_user
from tests.hitl.crowd import create_read_document, set_policy, start, work_off

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]

COUNT = int(os.environ.get("COUNTERSIGN_DOCUMENTS", "300"))
AT_ONCE = 50
TRUTH = {"vendor": "ACME LTD", "date": "2026-01-31", "total": "12.50"}
SIZES = text("""
    SELECT relname, pg_total_relation_size(oid) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname NOT LIKE 'procrastinate%'
""")


def sizes(session: Session) -> dict[str, int]:
    session.commit()
    return {str(name): int(size) for name, size in session.execute(SIZES)}


def test_bytes_of_a_document(session: Session, workspace: Workspace):
    set_policy(session, workspace)
    people = [create_user(session, workspace, login=login) for login in ("ann", "bob")]
    before = sizes(session)
    for begun in range(0, COUNT, AT_ONCE):
        now = NOW + timedelta(minutes=begun)
        for _ in range(AT_ONCE):
            start(session, create_read_document(session, workspace, created_at=now), now)
        for person in people:
            work_off(session, person, TRUTH, now)
        session.commit()
        session.expunge_all()
        people = [session.merge(person) for person in people]
    grown = {name: (size - before[name]) / COUNT for name, size in sizes(session).items() if size > before[name]}
    for name, size in sorted(grown.items(), key=lambda item: -item[1]):
        sys.stdout.write(f"{name:20} {size / 1000:6.2f} kB\n")
    counts = [session.exec(select(func.count()).select_from(table)).one() / COUNT for table in (Answer, Event)]
    each = f"{counts[0]:.1f} answers, {counts[1]:.1f} events"
    sys.stdout.write(f"a document of three fields: {sum(grown.values()) / 1000:.1f} kB ({each})\n")
    states = session.exec(select(Document.state, func.count()).group_by(Document.state)).all()
    assert dict(states) == {"released": COUNT}
