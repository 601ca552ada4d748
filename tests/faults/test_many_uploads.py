"""200 documents at once, one worker: people have work from the first on, and a release is told while the rest waits."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import Session, select

from hitl import pipeline
from hitl.annotation.answers import AnswerInput
from hitl.annotation.tasks import hand_out
from hitl.intake import receive as intake
from hitl.platform import db
from hitl.release.webhooks import register
from hitl.settings import settings
from hitl.workspace import workspaces
from models.states import DocumentState, Role
from models.tables import Document, User, Workspace
from tests import factories
from tests.faults.running import a_pdf, wait_until, worker
from tests.flow.running import listener
from tests.hitl.crowd import set_policy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
MANY = 200
TOLD_WITHIN = 3.0  # seconds


def test_a_release_is_told_at_once_behind_200_uploads(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    log = tmp_path / "worker.log"
    log.touch()
    workspace = workspaces.ensure_default_workspace(session, datetime.now(UTC))
    set_policy(session, workspace)
    people = [factories.create_user(session, workspace, Role.VALIDATOR) for _ in range(4)]
    other = workspaces.create_workspace(session, "other", now=datetime.now(UTC))
    with listener() as heard:
        heard.failed_once = True
        port = heard.url.split(":")[2].split("/")[0]
        monkeypatch.setenv("COUNTERSIGN_WEBHOOK_ALLOW_PRIVATE", "true")
        monkeypatch.setenv("COUNTERSIGN_WEBHOOK_PORTS", f"[{port}]")
        settings.cache_clear()
        heard.secret = register(session, workspace.id, heard.url, now=datetime.now(UTC)).secret
        send(session, workspace, MANY)
        send(session, other, 2)
        session.commit()
        with worker(log):
            wait_until(lambda: has_tasks(people[0]), 120, log)
            assert states()[DocumentState.RECEIVED] > MANY - 20, "people waited for the documents of others"
            decided = answer_until_released(people)
            wait_until(lambda: bool(heard.released()), TOLD_WITHIN + 5, log)
            assert time.monotonic() - decided < TOLD_WITHIN
            wait_until(lambda: states(other)[DocumentState.RECEIVED] == 0, 60, log)
            assert states()[DocumentState.RECEIVED] > MANY / 2


def send(session: Session, workspace: Workspace, count: int) -> None:
    for number in range(count):
        given = {"filename": f"{number}.pdf", "document_type": "receipt", "actor": "usr", "now": datetime.now(UTC)}
        intake.receive(session, workspace_id=workspace.id, data=a_pdf(f"Receipt {number} Total {number}.50"), **given)


def states(workspace: Workspace | None = None) -> Counter[str]:
    with Session(db.engine()) as session:
        wanted = select(Document.state, Document.workspace_id)
        rows = session.exec(wanted).all()
    return Counter(state for state, owner in rows if workspace is None or owner == workspace.id)


def has_tasks(user: User) -> bool:
    with Session(db.engine()) as session:
        return bool(hand_out(session, session.get_one(User, user.id), now=datetime.now(UTC)))  # not committed


def answer_until_released(people: list[User]) -> float:
    """Everything is absent, say all. Returns when a document was released by that."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for person in people:
            with db.transaction() as session:
                user, now = session.get_one(User, person.id), datetime.now(UTC)
                for task in hand_out(session, user, now=now):
                    given = AnswerInput(value_state="absent", idempotency_key=f"{task.id}:{user.id}", seconds=3.0)
                    pipeline.take_answer(session, task.id, user, task.lease_token or "", given, now=now)
        if states()[DocumentState.RELEASED]:
            return time.monotonic()
    raise AssertionError(f"nothing was released: {states()}")
