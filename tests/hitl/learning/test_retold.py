"""What confirmed text did to values since a model reads with it, against what people decided."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session

from hitl.learning import retold
from hitl.learning.retold import Retold
from models.tables import Document, Example, ModelVersion, Workspace
from tests import factories

RETOLD = {"read_as": "ACNE LTD"}


def read(session: Session, workspace: Workspace, model: ModelVersion, **columns: Any) -> Document:
    document = factories.create_document(session, workspace, document_type="slip")
    given = {"kind": "name", "model_version_id": model.id, "provenance": RETOLD}
    factories.create_reading(session, document, "company", "ACME LTD", **(given | columns))
    return document


def decide(session: Session, document: Document, value: str, source: str = "review") -> None:
    factories.save(session, Example(
        workspace_id=document.workspace_id, document_id=document.id, document_type="slip", field="company", kind="name",
        value_state="found", value=value, source=source, fold="train", created_at=factories.NOW,
    ))  # fmt: skip


def test_values_are_counted_by_what_people_said_of_them(session: Session, workspace: Workspace):
    model = factories.create_model(session, workspace)
    right, wrong, _open = (read(session, workspace, model) for _ in range(3))
    decide(session, right, "Acme Ltd")
    decide(session, wrong, "ACME LTD", source="review")
    decide(session, wrong, "ACNE LTD", source="audit")  # is trusted more
    assert retold.count(session, model, workspace.id) == [Retold("slip", "company", values=3, right=1, wrong=1)]


def test_what_was_read_otherwise_does_not_count(session: Session, workspace: Workspace):
    model, other = factories.create_model(session, workspace), factories.create_model(session)
    read(session, workspace, model, provenance={})
    read(session, workspace, model, model_version_id=other.id)
    read(session, factories.create_workspace(session), model)
    read(session, workspace, model, run=7)
    assert retold.count(session, model, workspace.id) == []
