"""What a training is asked with: enough examples of each type, and what is missing where there are not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from hitl.learning import snapshots
from hitl.learning.examples import count_labelled
from hitl.learning.plan import plan
from hitl.learning.request import TooFewExamples, TrainingUnderWay, request_training, train_if_due
from hitl.settings import settings
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
    first.state = "refused"
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


def test_never_two_at_once_for_one_type(session: Session, workspace: Workspace):
    label(session, workspace, "receipt", 10)
    label(session, workspace, "ad_buy", 10)
    first = ask(session, workspace, "receipt")
    with pytest.raises(TrainingUnderWay, match="A model of receipt is being trained"):
        ask(session, workspace)
    ask(session, workspace, "ad_buy")
    first.state = "failed"
    session.flush()
    ask(session, workspace, "receipt")


def test_a_named_snapshot_is_trained_from_as_it_was_frozen(session: Session, workspace: Workspace):
    label(session, workspace, "receipt", 10)
    frozen = snapshots.freeze(session, workspace.id, now=NOW, name="march")
    label(session, workspace, "receipt", 5)
    label(session, workspace, "ad_buy", 12)
    found = snapshots.find(session, workspace.id, "march")
    assert found.id == frozen.id
    model = request_training(session, workspace.id, snapshot=found, actor="test", now=NOW)
    assert (model.snapshot_id, model.document_types) == (frozen.id, ["receipt"])
    with pytest.raises(TooFewExamples, match="ad_buy has 0 of 10"):
        request_training(session, workspace.id, ["ad_buy"], snapshot=found, actor="test", now=NOW)
    with pytest.raises(snapshots.NoSuchSnapshot, match="april"):
        snapshots.find(session, workspace.id, "april")
    with pytest.raises(snapshots.NoSuchSnapshot):
        snapshots.find(session, workspace.id, "")


# --- without anybody asking -------------------------------------------------------------------------------------------


def due(session: Session, workspace: Workspace, days: int = 0) -> list[str] | None:
    model = train_if_due(session, workspace.id, now=NOW + timedelta(days=days))
    return model.document_types if model else None


def judged(session: Session) -> None:
    """What was in training has been judged, on the day before its examples."""
    for model in session.exec(select(ModelVersion).where(ModelVersion.state == "training")):
        model.state, model.created_at = "refused", NOW - timedelta(days=1)
    session.flush()


def test_a_type_with_ten_examples_gets_its_first_model_by_itself(session: Session, workspace: Workspace):
    label(session, workspace, "receipt", 9)
    assert due(session, workspace) is None
    label(session, workspace, "receipt", 1)
    assert due(session, workspace) == ["receipt"]
    label(session, workspace, "ad_buy", 10)
    assert due(session, workspace) is None  # while that one is trained


def test_the_next_model_comes_with_enough_that_is_new(
    session: Session, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COUNTERSIGN_RETRAIN_AFTER", "14")
    settings.cache_clear()
    label(session, workspace, "receipt", 12)
    assert due(session, workspace) == ["receipt"]
    judged(session)
    assert due(session, workspace) is None  # 12 since then
    label(session, workspace, "receipt", 5, Fold.SELECT)  # teaches nothing
    assert due(session, workspace) is None
    label(session, workspace, "receipt", 2)
    assert due(session, workspace) == ["receipt"]


def test_a_schedule_needs_something_new(session: Session, workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COUNTERSIGN_RETRAIN_DAYS", "7")
    settings.cache_clear()
    label(session, workspace, "receipt", 10)
    assert due(session, workspace) == ["receipt"]
    judged(session)
    assert due(session, workspace, days=5) is None
    assert due(session, workspace, days=6) == ["receipt"]
    for model in session.exec(select(ModelVersion)):
        model.state, model.created_at = "refused", NOW + timedelta(days=7)
    session.flush()
    assert due(session, workspace, days=20) is None  # nothing is new


def test_only_by_hand_where_it_is_set_so(session: Session, workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COUNTERSIGN_RETRAIN_AFTER", "0")
    settings.cache_clear()
    label(session, workspace, "receipt", 20)
    assert due(session, workspace) is None
