"""The list of documents: its views, its search, its pages, and the counts that ask for somebody in charge."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlmodel import Session

from hitl.release import listing
from hitl.release.listing import Wanted, list_documents
from models.states import DocumentState
from models.tables import Correction, Document, Workspace
from tests import factories


def names(session: Session, workspace: Workspace, wanted: Wanted) -> list[str]:
    rows, _ = list_documents(session, workspace.id, wanted, limit=50)
    return sorted(row.filename for row in rows)


@pytest.fixture
def shelf(session: Session, workspace: Workspace, now: datetime) -> dict[str, Document]:
    """One document in each state, one that a client corrected, and one of another workspace."""
    made = {
        state.value: factories.create_document(session, workspace, state=state.value, filename=state.value)
        for state in DocumentState
    }
    made["in_review"].held_reason = "look at the stamp"
    made["read"].due_at = made["released"].due_at = now - timedelta(hours=1)
    made["amended"].exceptions = [{"code": "illegible"}]
    made["amended"].released_at = now - timedelta(days=1)
    for days, by in ((2, "key_1"), (1, "usr_1")):
        row = Correction(
            document_id=made["amended"].id,
            field="total",
            value_state="found",
            by=by,
            created_at=now - timedelta(days=days),
        )
        factories.save(session, row)
    factories.create_document(session, factories.create_workspace(session), filename="elsewhere")
    return made


@pytest.mark.parametrize(
    ("view", "expected"),
    [("all", sorted(DocumentState)), ("working", ["read", "received", "rendered"]), ("people", ["in_review"]),
     ("type", ["awaiting_type"]), ("held", ["in_review"]), ("released", ["released"]), ("exceptions", ["amended"]),
     ("amended", ["amended"]), ("corrections", ["amended"]), ("trouble", ["failed", "refused"]),
     ("no such view", sorted(DocumentState))],
)  # fmt: skip
def test_each_view_has_its_documents(
    session: Session, workspace: Workspace, shelf: dict[str, Document], view: str, expected: list[str]
):
    assert names(session, workspace, Wanted(view=view)) == expected


def test_words_are_looked_for_in_names_and_ids_as_they_are(
    session: Session, workspace: Workspace, shelf: dict[str, Document]
):
    shelf["failed"].external_id, shelf["failed"].filename = "R_100%", "a_b.pdf"
    assert names(session, workspace, Wanted(words="_B")) == ["a_b.pdf"]
    assert names(session, workspace, Wanted(words="100%")) == ["a_b.pdf"]
    assert names(session, workspace, Wanted(words=shelf["read"].id)) == ["read"]
    assert names(session, workspace, Wanted(external_id="R_100%", states=[DocumentState.FAILED])) == ["a_b.pdf"]


def test_the_pages_of_a_list_hold_every_document_once(
    session: Session, workspace: Workspace, shelf: dict[str, Document]
):
    seen, after = [], None
    while True:
        rows, after = list_documents(session, workspace.id, Wanted(), limit=4, after=after)
        seen += [row.id for row in rows]
        if after is None:
            break
    assert sorted(seen) == sorted(document.id for document in shelf.values())


def test_what_presses_is_counted_by_what_is_the_matter(
    session: Session, workspace: Workspace, shelf: dict[str, Document], now: datetime
):
    counted = {"late": 1, "failed": 1, "no type": 1, "to split": 1, "held": 1, "corrected": 1, "exceptions": 1}
    assert listing.count_pressing(session, workspace.id, now=now) == counted
    later = listing.count_pressing(session, workspace.id, now=now + timedelta(days=30))
    assert (later["corrected"], later["exceptions"]) == (0, 0)
    assert listing.all_states(session, workspace.id) == dict.fromkeys(DocumentState, 1)
    assert listing.most_urgent(session, workspace.id)[0] is shelf["read"]
