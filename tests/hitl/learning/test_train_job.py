"""The job that trains: what a training that dies costs, and what people are shown meanwhile."""

from __future__ import annotations

import os
from typing import Any

import pytest
from sqlmodel import Session

from extractor.processes import apart
from hitl.learning import train, train_job
from hitl.learning.plan import Plan
from hitl.learning.train import Progress
from hitl.settings import settings
from models.states import ModelState
from models.tables import ModelVersion, Workspace
from tests import factories
from tests.factories import NOW


def tell_and_die(_: Plan, progress: Progress) -> Any:
    """A training that says how far it is, and is killed."""
    progress("fold 1 of 5", 0.2)
    os._exit(9)


@pytest.fixture
def model(session: Session, workspace: Workspace) -> ModelVersion:
    """One in training, whose process will die."""
    base = factories.create_model(session)
    model = factories.create_model(session, workspace, state="training", parent_id=base.id, progress={})
    session.commit()
    return model


def test_a_training_that_always_dies_ends_with_its_reason(
    session: Session, model: ModelVersion, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(train_job, "plan", lambda *_: None)
    monkeypatch.setattr(train, "train", tell_and_die)
    shown = []
    for attempt in range(1, settings().attempts + 1):
        with pytest.raises(apart.WorkFailed) as died:
            train_job.train_candidate(model.id, now=lambda: NOW)
        session.refresh(model)
        shown.append(model.progress["step"])
        is_over = train_job.count_failure(died.value, {"model_id": model.id}, NOW)
        session.refresh(model)
        assert (model.progress["failures"], is_over) == (attempt, attempt == settings().attempts)
    assert shown == ["fold 1 of 5"] * settings().attempts
    assert model.state == ModelState.FAILED
    assert model.progress["reason"] == "WorkFailed: the process ended with 9"


def test_who_still_trains_a_model_that_has_failed_changes_nothing(session: Session, model: ModelVersion):
    model.state, model.progress = "failed", {"step": "failed", "reason": "it died"}
    session.add(model)
    session.commit()
    train_job.note_progress(model.id, "fold 2 of 5", 0.4)
    session.refresh(model)
    assert model.progress == {"step": "failed", "reason": "it died"}
