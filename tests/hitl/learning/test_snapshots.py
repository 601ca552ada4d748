"""Frozen training sets: what they hold, and what it costs to freeze one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import Session

from hitl.learning import snapshots
from hitl.platform import db
from models.states import Fold
from models.tables import Document, Example, Workspace
from tests import factories
from tests.factories import NOW


@pytest.fixture
def statements(session: Session) -> Iterator[list[str]]:
    """What is asked of the database."""
    asked: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        asked.append(statement)

    event.listen(db.engine(), "before_cursor_execute", note)
    yield asked
    event.remove(db.engine(), "before_cursor_execute", note)


def with_labels(session: Session, workspace: Workspace, *fields: str, **columns: Any) -> Document:
    """A document of two pages with a label for each field."""
    document = factories.create_document(session, workspace, **({"fold": Fold.TRAIN.value} | columns))
    for number in (1, 2):
        factories.create_page(session, document, number, words_key=f"w{number}", image_key=f"i{number}")
    for field in fields:
        factories.save(session, Example(
            workspace_id=workspace.id, document_id=document.id, document_type=document.document_type, field=field,
            kind="money", value_state="found", value="1.00", source="review", fold=document.fold, created_at=NOW,
        ))  # fmt: skip
    return document


def test_pages_are_read_once_however_many_labels_there_are(
    session: Session, workspace: Workspace, statements: list[str]
):
    for _ in range(5):
        with_labels(session, workspace, "total", "tax", "net", "tip")
    statements.clear()
    snapshot = snapshots.freeze(session, workspace.id, now=NOW)
    assert sum("FROM document_page" in one for one in statements) == 1
    assert (snapshot.documents, snapshot.rows) == (5, 20)
    assert [one["pages"] for one in snapshots.read(snapshot)] == [["w1", "w2"]] * 5


def test_nothing_of_the_certify_fold_is_frozen_and_no_label_of_other_types(session: Session, workspace: Workspace):
    taught = with_labels(session, workspace, "total")
    chosen = with_labels(session, workspace, "total", fold=Fold.SELECT.value)
    witness = with_labels(session, workspace, "total", document_type="invoice")
    for document_type in ("receipt", "invoice"):
        with_labels(session, workspace, "total", fold=Fold.CERTIFY.value, document_type=document_type)
    snapshot = snapshots.freeze(session, workspace.id, now=NOW, document_types=["receipt"])
    labelled = {one["document"]: list(one["labels"]) for one in snapshots.read(snapshot)}
    assert labelled == {taught.id: ["total"], chosen.id: ["total"], witness.id: []}
    assert (snapshot.documents, snapshot.rows) == (2, 2)


def test_of_other_types_the_newest_are_enough(session: Session, workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(snapshots, "WITNESSES", 2)
    with_labels(session, workspace, "total")
    found = [
        with_labels(session, workspace, "total", document_type="invoice", created_at=NOW + timedelta(days=day)).id
        for day in range(4)
    ]
    snapshot = snapshots.freeze(session, workspace.id, now=NOW, document_types=["receipt"])
    assert [one["document"] for one in snapshots.read(snapshot) if not one["labels"]] == found[2:]


def test_the_better_source_is_kept(session: Session, workspace: Workspace):
    document = with_labels(session, workspace, "total")
    factories.save(session, Example(
        workspace_id=workspace.id, document_id=document.id, document_type="receipt", field="total", kind="money",
        value_state="found", value="2.00", source="audit", probability=0.1, fold="train", created_at=NOW,
    ))  # fmt: skip
    label = snapshots.read(snapshots.freeze(session, workspace.id, now=NOW))[0]["labels"]["total"]
    assert (label["value"], label["source"], label["probability"]) == ("2.00", "audit", 0.1)
