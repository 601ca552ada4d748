"""What a training is asked with: enough examples of each type, and what is missing where there are not."""

from __future__ import annotations

import pytest
from sqlmodel import Session

from hitl.learning import snapshots
from hitl.learning.examples import count_labelled
from hitl.learning.plan import plan
from hitl.learning.train import TooFewExamples, request_training
from hitl.workspace.workspaces import BASE_MODEL, ensure_base_model
from models.states import Fold
from models.tables import ModelVersion, Snapshot, Workspace
from tests import factories
from tests.factories import NOW
from tests.hitl.learning.test_snapshots import with_labels


@pytest.fixture(autouse=True)
def base(session: Session) -> ModelVersion:
    ensure_base_model(session, NOW)
    return session.get_one(ModelVersion, BASE_MODEL)


def label(session: Session, workspace: Workspace, document_type: str, count: int, fold: Fold = Fold.TRAIN) -> None:
    for _ in range(count):
        with_labels(session, workspace, "total", "date", document_type=document_type, fold=fold.value)


def ask(session: Session, workspace: Workspace, *types: str) -> ModelVersion:
    return request_training(session, workspace.id, types, actor="test", now=NOW)


def test_what_is_missing_is_said(session: Session, workspace: Workspace):
    label(session, workspace, "receipt", 4)
    label(session, workspace, "receipt", 20, Fold.SELECT)  # judges, and does not teach
    label(session, workspace, "ad_buy", 12)
    assert [str(one) for one in count_labelled(session, workspace.id)] == [
        "12 documents, 24 fields",
        "4 of 10 documents",
    ]
    with pytest.raises(TooFewExamples, match="receipt has 4 of 10 documents"):
        ask(session, workspace, "receipt")
    with pytest.raises(TooFewExamples, match="invoice has 0 of 10 documents"):
        ask(session, workspace, "invoice")
    with pytest.raises(TooFewExamples, match="receipt has 4 of 10"):  # not left out silently
        ask(session, workspace, "ad_buy", "receipt")
    assert ask(session, workspace).document_types == ["ad_buy"]


def test_without_any_example_there_is_nothing_to_learn(session: Session, workspace: Workspace):
    with pytest.raises(snapshots.NothingToLearn):
        ask(session, workspace)


def test_what_a_model_before_the_champion_learned_is_known_to_it(session: Session, workspace: Workspace):
    """Else the champion would be judged on documents that its sections were trained on, which none of its own names."""
    label(session, workspace, "ad_buy", 10)
    first = ask(session, workspace, "ad_buy")
    label(session, workspace, "receipt", 10)
    second = ask(session, workspace, "receipt")
    second.parent_id = first.id
    third = ask(session, workspace, "ad_buy")
    third.parent_id = second.id
    session.flush()
    learned = {row["document"] for row in snapshots.read(session.get_one(Snapshot, first.snapshot_id))}
    found = plan(session, third, {"ad_buy": factories.a_type("ad_buy")})
    assert learned <= found.known
    assert len(found.known) == 20
    assert {one["type"] for one in found.documents} == {"ad_buy"}
