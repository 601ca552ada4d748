"""The retrain job: training runs in a process of its own, which may take minutes and may die; what that costs it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlmodel import Session

from extractor.processes import apart
from hitl.learning import train
from hitl.learning.plan import plan
from hitl.platform.db import transaction
from hitl.platform.locks import ROW
from hitl.platform.moves import advance
from hitl.settings import settings
from hitl.workspace.workspaces import current_types
from models.states import ModelState
from models.tables import ModelVersion

LOST_WORKERS = "lost_workers"
COUNTED = ("failures", LOST_WORKERS)  # in the progress of a model


def train_candidate(model_id: str, *, now: Callable[[], datetime]) -> None:
    """Train the model version `model_id` if it still waits for that, and store candidate and gate report."""
    with transaction() as session:
        model = session.get(ModelVersion, model_id)
        if model is None or model.state != ModelState.TRAINING or model.workspace_id is None:
            return
        types = {name: spec for name, (_, spec) in current_types(session, model.workspace_id).items()}
        work = plan(session, model, types)
    trained = apart.run(train.train, work, progress=lambda step, share: note_progress(model_id, step, share))
    with transaction() as session:
        train.finish(session, session.get_one(ModelVersion, model_id, with_for_update=ROW), trained, now=now())


def note_progress(model_id: str, step: str, share: float) -> None:
    """Show people how far the training is. How often it failed before stays known."""
    with transaction() as session:
        model = session.get_one(ModelVersion, model_id, with_for_update=ROW)
        if model.state != ModelState.TRAINING:
            return
        counted = {name: model.progress[name] for name in COUNTED if name in model.progress}
        model.progress = {"step": step, "share": round(share, 3)} | counted
        session.add(model)


def count_failure(error: BaseException, arguments: dict[str, Any], now: datetime) -> bool:
    """Count a failed training. True: enough, the model version is failed with its reason."""
    with transaction() as session:
        model = session.get(ModelVersion, arguments["model_id"], with_for_update=ROW)
        if model is None or model.state != ModelState.TRAINING:
            return True
        attempts = int(model.progress.get("failures", 0)) + 1
        progress = {"step": "failed, will be tried again", "share": 0.0, "failures": attempts}
        model.progress = model.progress | progress
        session.add(model)
        if attempts < settings().attempts:
            return False
        why = f"{type(error).__name__}: {error}"[:500]
        report = model.progress | {"step": "failed", "reason": why}
        advance(session, model, ModelState.FAILED, actor="system:jobs", now=now, why=why, progress=report)
        return True


def count_lost_training(session: Session, model_id: str, now: datetime) -> bool:
    """Count a worker that was lost with this training in hand. True: enough, the model version is failed."""
    model = session.get(ModelVersion, model_id, with_for_update=ROW)
    if model is None or model.state != ModelState.TRAINING:
        return True
    lost = int(model.progress.get(LOST_WORKERS, 0)) + 1
    progress = {"step": "its worker was lost, will be tried again", "share": 0.0, LOST_WORKERS: lost}
    model.progress = model.progress | progress
    session.add(model)
    if lost < settings().lost_workers:
        return False
    why = f"{lost} workers were lost while they trained it."
    report = model.progress | {"step": "failed", "reason": why}
    advance(session, model, ModelState.FAILED, actor="system:jobs", now=now, why=why, progress=report)
    return True
