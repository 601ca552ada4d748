"""States move by the table or not at all, one of two movers wins, and the log of it cannot be changed unseen."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from hitl.platform import db
from hitl.platform.moves import ENUM, IllegalMove, LostRace, advance, record, verify_chain
from models.states import DONE, IN_WORK, MOVES, DocumentState
from models.tables import Document, Event, Task, Workspace
from tests import factories

D = DocumentState


@pytest.mark.parametrize("enum", sorted(set(ENUM.values()), key=str))
def test_every_state_is_in_the_table_and_moves_within_its_own_life(enum):
    assert set(MOVES[enum]) == set(enum)
    assert all(isinstance(target, enum) for targets in MOVES[enum].values() for target in targets)


def test_no_document_state_is_a_dead_end_but_erased():
    assert [state for state in D if not MOVES[D][state]] == [D.ERASED]
    assert IN_WORK.isdisjoint(DONE)
    assert {state for state in D if state not in IN_WORK | DONE} == {D.FAILED}


@pytest.mark.parametrize("start", list(D))
def test_exactly_the_moves_of_the_table_are_made(session: Session, workspace: Workspace, now: datetime, start: D):
    for target in D:
        document = factories.create_document(session, workspace, state=start.value)
        if target in MOVES[D][start]:
            advance(session, document, target, actor="usr", now=now)
            assert document.state == target
        else:
            with pytest.raises(IllegalMove):
                advance(session, document, target, actor="usr", now=now)
            assert document.state == start


def test_of_two_movers_one_is_told_that_it_lost(session: Session, workspace: Workspace, now: datetime):
    document = factories.create_document(session, workspace, state=D.IN_REVIEW.value)
    session.commit()
    with db.transaction() as other:
        advance(other, other.get_one(Document, document.id), D.CANCELLED, actor="first", now=now)
    with pytest.raises(LostRace):
        advance(session, document, D.RELEASED, actor="second", now=now)


def test_a_move_sets_its_columns_and_tells_the_log(session: Session, workspace: Workspace, now: datetime):
    document = factories.create_document(session, workspace, state=D.IN_REVIEW.value)
    advance(session, document, D.RELEASED, actor="usr_1", now=now, why="all final", released_at=now)
    event = session.exec(select(Event).where(Event.stream == document.id)).one()
    assert document.released_at == now
    assert (event.action, event.actor, event.data["from"]) == ("document.released", "usr_1", "in_review")


def test_a_task_writes_into_the_stream_of_its_document(session: Session, workspace: Workspace, now: datetime):
    document = factories.create_document(session, workspace)
    task = factories.create_task(session, factories.create_verdict(session, document))
    from models.states import TaskState

    advance(session, task, TaskState.WITHDRAWN, actor="usr", now=now)
    assert isinstance(task, Task)
    assert session.exec(select(Event.subject).where(Event.stream == document.id)).all() == [task.id]


def a_chain(session: Session, workspace: Workspace, now: datetime) -> str:
    for number in range(4):
        record(
            session, action="page.shown", subject="doc_x", stream="doc_x", workspace_id=workspace.id, actor="usr",
            now=now, data={"page": number},
        )  # fmt: skip
    return "doc_x"


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE event SET actor = 'somebody else' WHERE number = 2",
        "UPDATE event SET data = '{\"page\": 9}' WHERE number = 3",
        "DELETE FROM event WHERE number = 2",
        "UPDATE event SET number = 5 - number WHERE number > 4",
    ],
)
def test_a_changed_log_does_not_verify(session: Session, workspace: Workspace, now: datetime, tampering: str):
    stream = a_chain(session, workspace, now)
    assert verify_chain(session, stream)
    changed = session.execute(text(tampering))
    session.expire_all()
    assert verify_chain(session, stream) is (changed.rowcount == 0)
