"""What pages, lists, upkeep and certify cost the database of a workspace with a past.

`make bench-past`: COUNTERSIGN_DOCUMENTS (by default 25,000; 250,000 takes some ten minutes), of four fields each.
Prints CPU milliseconds of the database's processes, read from the kernel, for the second call of each.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlmodel import Session

from api.app import create_app
from hitl import pipeline
from models.tables import Workspace
from tests.load.history import create_history, rows
from tests.load.pages import LISTS, MANAGEMENT, STILL_GROW, create_caller

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]

DOCUMENTS = int(os.environ.get("COUNTERSIGN_DOCUMENTS", "25000"))
A_LIST, A_PAGE, UPKEEP, CERTIFY = 20.0, 100.0, 20.0, 50.0  # CPU milliseconds
OTHERS = text("""
    SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
""")


def test_what_a_past_costs(session: Session, workspace: Workspace):
    now = datetime.now(UTC)
    create_history(session, workspace, DOCUMENTS, now=now)
    caller = create_caller(session, workspace, now)
    sys.stderr.write(f"\n{', '.join(f'{name} {count:,}' for name, count in rows(session).items())}\n")
    session.rollback()
    over = []
    with TestClient(create_app()) as client:
        for paths, most in ((LISTS, A_LIST), (MANAGEMENT, A_PAGE), (STILL_GROW, 1e9)):
            for path in paths:
                spent = cpu_ms(session, lambda path=path: client.get(path, headers=caller.headers(path)))
                over += tell(path, spent, most)
    over += tell("upkeep", cpu_ms(session, pipeline.upkeep), UPKEEP)
    over += tell("certify", cpu_ms(session, lambda: pipeline.certify(workspace.id, "receipt")), CERTIFY)
    assert not over


def cpu_ms(session: Session, work: Callable[[], object]) -> float:
    """CPU milliseconds of the database's processes for the second call."""
    work()
    before = meters(session)
    work()
    after = meters(session)
    return sum(spent - before.get(pid, 0) for pid, spent in after.items()) / 1e6


def meters(session: Session) -> dict[int, int]:
    """Nanoseconds of each connected process of the database but this session's own."""
    pids = session.execute(OTHERS).scalars().all()
    session.rollback()
    return {pid: int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in pids}


def tell(what: str, spent: float, most: float) -> list[str]:
    sys.stderr.write(f"{spent:9.1f} ms  {what}\n")
    return [what] if spent > most else []
