"""Master data of a workspace: kept and forgotten by type, used when its own documents are recognised, by no other."""

from __future__ import annotations

import pytest
from sqlmodel import Session, select

from hitl.intake import recognition, recognition_child
from hitl.workspace import masterdata
from hitl.workspace.workspaces import NoSuchType
from models.tables import Event, Workspace
from tests import factories
from tests.factories import NOW

CSV = b"vendor,phone\nHarbour Cafe Ltd,03-12345678\n"


@pytest.fixture
def own(session: Session, workspace: Workspace) -> Workspace:
    factories.create_type(session, workspace)
    factories.create_model(session)
    return workspace


def keep(session: Session, workspace: Workspace, data: bytes = CSV) -> None:
    masterdata.keep(session, workspace.id, "receipt", data, actor="ada", now=NOW)


def test_it_is_replaced_as_a_whole_and_forgotten_on_the_record(session: Session, own: Workspace):
    keep(session, own)
    keep(session, own, b"\xef\xbb\xbfvendor\nGreen Leaf Inc\nOld Mill\n")
    assert masterdata.contents(session, own.id) == {"receipt": "vendor\nGreen Leaf Inc\nOld Mill\n"}
    kept = masterdata.find(session, own.id, "receipt")
    assert kept is not None
    assert kept.rows == 2
    assert masterdata.forget(session, own.id, "receipt", actor="ada", now=NOW)
    assert not masterdata.forget(session, own.id, "receipt", actor="ada", now=NOW)
    assert masterdata.contents(session, own.id) == {}
    actions = [event.action for event in session.exec(select(Event).order_by(Event.number)).all()]  # type: ignore[arg-type]
    assert actions == ["master_data.kept", "master_data.kept", "master_data.forgotten"]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"name\nHarbour Cafe\n", "names no field"),
        (b"vendor\n", "no vendor"),
        (b"vendor\nCaf\xe9\n", "UTF-8"),
        (b"vendor\n" + b"x" * masterdata.MOST_BYTES, "5 MB"),
    ],
)
def test_what_cannot_be_used_is_refused_and_nothing_kept(session: Session, own: Workspace, data: bytes, problem: str):
    with pytest.raises(masterdata.MasterDataRefused, match=problem):
        keep(session, own, data)
    assert masterdata.contents(session, own.id) == {}
    with pytest.raises(NoSuchType):
        masterdata.keep(session, own.id, "lease", CSV, actor="ada", now=NOW)


def test_only_documents_of_the_workspace_are_read_with_it(session: Session, own: Workspace):
    other = factories.create_workspace(session)
    factories.create_type(session, other)
    keep(session, own)
    mine, theirs = (recognition.gather(session, factories.create_document(session, one)) for one in (own, other))
    assert mine.master_data == {"receipt": CSV.decode()}
    assert theirs.master_data == {}
    assert (mine.folder, mine.model_version_id) == (theirs.folder, theirs.model_version_id)


def test_one_model_for_two_workspaces_keeps_their_master_data_apart():
    """The child that recognises keeps bundles loaded, and serves documents of every workspace."""
    types = {"receipt": factories.a_type().model_dump(mode="json")}
    with_it = recognition_child.recogniser("/nowhere", types, {"receipt": CSV.decode()})
    without = recognition_child.recogniser("/nowhere", types, {})
    assert [fact.value for fact in with_it.facts["receipt"]] == ["Harbour Cafe Ltd"]
    assert without.facts == {}
    assert recognition_child.recogniser("/nowhere", types, {"receipt": CSV.decode()}) is with_it
