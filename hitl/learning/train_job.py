"""The retrain job: training runs in a process of its own, which may take minutes and may die without harm."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Any

from hitl.learning import train
from hitl.learning.plan import plan
from hitl.platform.db import transaction
from hitl.platform.failures import LOST_WORKERS
from hitl.platform.locks import ROW
from hitl.platform.moves import advance
from hitl.settings import settings
from hitl.workspace.workspaces import current_types
from models.states import ModelState
from models.tables import ModelVersion

COUNTED = ("failures", LOST_WORKERS)  # in the progress of a model


class TrainingFailed(Exception):
    """The training process raised or died; the message says what it said."""


def train_candidate(model_id: str, *, now: Callable[[], datetime]) -> None:
    """Train the model version `model_id` if it still waits for that, and store candidate and gate report."""
    with transaction() as session:
        model = session.get(ModelVersion, model_id)
        if model is None or model.state != ModelState.TRAINING or model.workspace_id is None:
            return
        types = {name: spec for name, (_, spec) in current_types(session, model.workspace_id).items()}
        work = plan(session, model, types)
    trained = in_own_process(train.train, work, progress=lambda step, share: note_progress(model_id, step, share))
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
        told = {"step": "failed, will be tried again", "share": 0.0, "failures": attempts}
        model.progress = model.progress | told
        session.add(model)
        if attempts < settings().attempts:
            return False
        why = f"{type(error).__name__}: {error}"[:500]
        report = model.progress | {"step": "failed", "reason": why}
        advance(session, model, ModelState.FAILED, actor="system:jobs", now=now, why=why, progress=report)
        return True


def in_own_process(
    work: Callable[[Any, Callable[[str, float], None]], Any], argument: Any, *, progress: Callable[[str, float], None]
) -> Any:
    """``work(argument, progress)`` in a fresh process; it dies with us. Raises TrainingFailed."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, os.getpid(), work, argument), daemon=True)
    process.start()
    theirs.close()
    try:
        while True:
            kind, *said = ours.recv()
            if kind == "progress":
                progress(*said)
            elif kind == "done":
                return said[0]
            else:
                raise TrainingFailed(said[0])
    except EOFError as error:
        process.join(5)
        raise TrainingFailed(f"the training process ended with {process.exitcode}") from error
    finally:
        process.kill()
        process.join()
        ours.close()


def _serve(pipe: Connection, parent: int, work: Callable[..., Any], argument: Any) -> None:
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    try:
        pipe.send(("done", work(argument, lambda step, share: pipe.send(("progress", step, share)))))
    except Exception as error:  # noqa: BLE001  the edge of the process: everything becomes an answer
        pipe.send(("raised", f"{type(error).__name__}: {error}"[:500]))


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
