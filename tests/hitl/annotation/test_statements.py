"""How many statements a lease and an answer take: what grows here, grows with every answer of everybody."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import Session

from hitl.annotation import qualification
from hitl.annotation.tasks import hand_out
from hitl.platform import db
from models.tables import Task, User, Workspace
from tests.factories import NOW
from tests.hitl.annotation.test_tasks import statements_of
from tests.hitl.crowd import answer, create_people, create_read_document, set_policy, start

LEASE, ANSWER = 4, 11
SAID = {"vendor": "ACME LTD", "date": "2026-01-31", "total": "12.50"}


def test_a_lease_and_an_answer_take_no_more_statements_than_they_do(
    session: Session, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(qualification, "is_due", lambda _user, _standing: False)  # drawn; it has statements of its own
    set_policy(session, workspace)
    person = create_people(session, workspace, 3)[0].id
    for _ in range(2):
        start(session, create_read_document(session, workspace))
    session.commit()
    for number in range(3):  # the third of a document would release it
        now = NOW + timedelta(seconds=10 * number)
        with Session(db.engine(), expire_on_commit=False) as one:
            user, leased = one.get_one(User, person), list[Task]()
            sent = statements_of(one, lambda s=one, u=user, t=now, to=leased: _lease(s, u, to, t), "")
            assert len(sent) <= LEASE
        with Session(db.engine(), expire_on_commit=False) as one:
            user = one.get_one(User, person)
            said = SAID[leased[0].field]
            sent = statements_of(one, lambda s=one, u=user, w=leased[0], v=said, t=now: _answer(s, u, w, v, t), "")
            assert len(sent) <= ANSWER
        if number == 1:
            break


def _lease(session: Session, user: User, leased: list[Task], now: object) -> None:
    leased += hand_out(session, user, now=now)  # type: ignore[arg-type]
    session.commit()


def _answer(session: Session, user: User, task: Task, said: str, now: object) -> None:
    answer(session, user, task, said, now=now)  # type: ignore[arg-type]
    session.commit()
