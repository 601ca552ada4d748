"""Many clients send at once: the same upload becomes one document, and folds do not depend on who was first."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session, select

from hitl.intake import groups, receive
from hitl.platform import db
from hitl.workspace import workspaces
from models.states import Fold
from models.tables import Document
from tests.faults.running import a_pdf


def test_the_same_upload_sent_by_eight_at_once_is_one_document(session: Session, now: datetime):
    workspace = workspaces.ensure_default_workspace(session, now)
    session.commit()
    data = a_pdf("once")

    def send(_: int) -> tuple[str, bool]:
        with db.transaction() as own:
            document, created = receive.receive(
                own, workspace_id=workspace.id, data=data, filename="a", external_id="42", actor="usr", now=now
            )
            return document.id, created

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert len({document_id for document_id, _ in answers}) == 1
    assert sum(created for _, created in answers) == 1
    assert len(session.exec(select(Document)).all()) == 1
    assert session.execute(text("SELECT count(*) FROM procrastinate_jobs")).scalar_one() == 1


def test_folds_have_the_shares_of_the_settings(database: str):
    folds = Counter(groups.fold_of("ws_1", f"p-{number}") for number in range(4000))
    assert 0.46 < folds[Fold.CERTIFY.value] / 4000 < 0.54
    assert 0.08 < folds[Fold.SELECT.value] / 4000 < 0.12


def test_a_fold_depends_on_workspace_and_group_alone(database: str):
    assert groups.fold_of("ws_1", "p-1") == groups.fold_of("ws_1", "p-1")
    assert {groups.fold_of(f"ws_{n}", "p-1") for n in range(40)} == {fold.value for fold in Fold}
