"""A probable second copy is held until somebody says what it is, and never lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlmodel import Session, select

from hitl.annotation.blocked import blocked
from hitl.platform import db
from hitl.release import documents
from hitl.work.repeats import hold_if_repeat
from models.doctype import Kind
from models.states import DocumentState
from models.tables import Document, Release, Workspace
from tests import factories
from tests.factories import NOW
from tests.hitl.crowd import create_people, create_read_document, set_policy, start, work_off

BILL = factories.a_type("bill", seller=Kind.NAME, number=Kind.IDENTIFIER, total=Kind.MONEY)
SAID = {"seller": "Molen Foods BV", "number": "RB-77", "total": "155.30"}


def read(session: Session, workspace: Workspace, **changes: str) -> Document:
    values = {name: (value, 0.9) for name, value in (SAID | changes).items()}
    return create_read_document(session, workspace, values, BILL)


def released(session: Session, workspace: Workspace) -> Document:
    set_policy(session, workspace, "bill")
    document = read(session, workspace)
    start(session, document)
    work_off(session, create_people(session, workspace, 1)[0], SAID)
    assert document.state == DocumentState.RELEASED
    return document


def test_what_the_machine_reads_as_a_second_copy_is_held_and_says_so(session: Session, workspace: Workspace):
    first = released(session, workspace)
    second = read(session, workspace, seller="MOLEN FOODS B.V.")
    assert hold_if_repeat(session, second, now=NOW)
    assert second.repeat_of == first.id
    assert (second.held_reason or "").startswith("repeat_of: ")
    [one] = [one for one in blocked(session, workspace.id) if one.document_id == second.id]
    assert (one.cause, "repeat" in one.next_step) == ("held", True)


@pytest.mark.parametrize("changes", [{"number": "RB-78"}, {"total": "155.31"}, {"seller": "Kade & Zonen"}])
def test_another_value_is_another_document(session: Session, workspace: Workspace, changes: dict[str, str]):
    released(session, workspace)
    other = read(session, workspace, **changes)
    assert not hold_if_repeat(session, other, now=NOW)
    assert other.held_reason is None


def test_the_same_bytes_the_policy_and_other_workspaces_hold_nothing(session: Session, workspace: Workspace):
    first = released(session, workspace)
    same = read(session, workspace)
    same.sha256 = first.sha256
    assert not hold_if_repeat(session, same, now=NOW)
    elsewhere = factories.create_workspace(session)
    assert not hold_if_repeat(session, read(session, elsewhere), now=NOW)
    set_policy(session, workspace, "bill", hold_repeats=False)
    assert not hold_if_repeat(session, read(session, workspace), now=NOW)


def test_what_people_say_shows_it_too_before_the_release(session: Session, workspace: Workspace):
    first = released(session, workspace)
    second = read(session, workspace, number="RB-71")
    assert not hold_if_repeat(session, second, now=NOW)
    start(session, second)
    for person in create_people(session, workspace, 2):
        work_off(session, person, SAID)
    assert second.state == DocumentState.IN_REVIEW
    assert second.repeat_of == first.id
    documents.answer_repeat(session, second, copy=False, actor="usr", now=NOW)
    assert (second.state, second.held_reason) == (DocumentState.RELEASED, None)
    assert len(session.exec(select(Release)).all()) == 2


def test_a_copy_is_cancelled_and_kept_and_answered_once(session: Session, workspace: Workspace):
    first = released(session, workspace)
    second = read(session, workspace)
    hold_if_repeat(session, second, now=NOW)
    documents.answer_repeat(session, second, copy=True, actor="usr", now=NOW)
    assert (second.state, second.repeat_of) == (DocumentState.CANCELLED, first.id)
    with pytest.raises(documents.NotNow):
        documents.answer_repeat(session, second, copy=False, actor="usr", now=NOW)
    third = read(session, workspace)
    assert hold_if_repeat(session, third, now=NOW)
    assert third.repeat_of == first.id  # a copy that was cancelled is no document of which others are copies


def test_of_two_that_come_at_once_one_is_held(session: Session, workspace: Workspace):
    set_policy(session, workspace, "bill")
    ids = [read(session, workspace).id for _ in range(2)]
    session.commit()
    together = Barrier(2)

    def look(document_id: str) -> bool:
        together.wait()
        with db.transaction() as own:
            return hold_if_repeat(own, own.get_one(Document, document_id), now=NOW)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(look, ids)) == [False, True]
