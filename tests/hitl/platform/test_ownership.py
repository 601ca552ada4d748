"""Another workspace's row is not there; the base model is everybody's."""

from __future__ import annotations

from sqlmodel import Session

from hitl.platform.ownership import find, has_any, rows_of
from models.tables import Document, ModelVersion, Workspace
from tests import factories


def test_a_row_is_found_by_its_own_workspace_alone(session: Session, workspace: Workspace):
    document = factories.create_document(session, workspace, state="failed")
    elsewhere = factories.create_workspace(session)
    assert find(session, Document, document.id, workspace.id, lock=True) is document
    assert find(session, Document, document.id, elsewhere.id) is None
    assert has_any(session, Document, workspace.id, state="failed")
    assert not has_any(session, Document, workspace.id, state="read")
    assert not has_any(session, Document, elsewhere.id)


def test_the_base_model_belongs_to_all(session: Session, workspace: Workspace):
    base, own = factories.create_model(session), factories.create_model(session, workspace)
    factories.create_model(session, factories.create_workspace(session))
    found = session.exec(rows_of(ModelVersion, workspace.id)).all()
    assert {model.id for model in found} == {base.id, own.id}
    assert find(session, ModelVersion, base.id, workspace.id) is base
    assert not has_any(session, ModelVersion, factories.create_workspace(session).id)
