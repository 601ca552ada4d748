"""Asking for a training: by hand, from a named snapshot, or because enough is new. Never two at once for one type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlmodel import Session, col, func, select

from hitl.learning import snapshots
from hitl.learning.examples import Labelled, count_labelled
from hitl.platform.jobs import enqueue
from hitl.platform.moves import record
from hitl.settings import settings
from hitl.workspace import registry
from models.states import Fold, ModelState
from models.tables import Example, ModelVersion, Snapshot


class TooFewExamples(Exception):
    """A type needs more labelled documents before a model is worth training; the message says how many."""


class TrainingUnderWay(Exception):
    """A model of one of the types is being trained already."""


def request_training(
    session: Session,
    workspace_id: str,
    document_types: Iterable[str] = (),
    *,
    snapshot: Snapshot | None = None,
    actor: str,
    now: datetime,
) -> ModelVersion:
    """Open a model version in state training, and enqueue the job: one transaction. Without `snapshot` one is frozen.

    Without `document_types`: all that have enough examples. Raises snapshots.NothingToLearn, TooFewExamples,
    TrainingUnderWay.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 9))"), {"name": workspace_id})
    labelled = count_labelled(session, workspace_id) if snapshot is None else _labelled_in(snapshot)
    types = _trainable(labelled, set(document_types))
    busy = sorted(set(types) & {name for one in _under_way(session, workspace_id) for name in one.document_types})
    if busy:
        raise TrainingUnderWay(f"A model of {', '.join(busy)} is being trained. Wait until the gate has judged it.")
    if snapshot is None:
        snapshot = snapshots.freeze(session, workspace_id, now=now, document_types=types)
    model = ModelVersion(
        workspace_id=workspace_id,
        name=f"{', '.join(types)} {now:%Y-%m-%d %H:%M}",
        parent_id=registry.serving_model(session, workspace_id).id,
        snapshot_id=snapshot.id,
        document_types=types,
        progress={"step": "waiting for a worker", "share": 0.0},
        created_at=now,
    )
    session.add(model)
    session.flush()
    record(
        session,
        action="modelversion.requested",
        subject=model.id,
        stream=model.id,
        workspace_id=workspace_id,
        actor=actor,
        now=now,
        data={"snapshot": snapshot.digest, "types": types},
    )
    enqueue(session, "retrain", model_id=model.id)
    return model


def train_if_due(session: Session, workspace_id: str, *, now: datetime) -> ModelVersion | None:
    """Ask for a training of the types that have enough that is new: for a first model, for the next, or by schedule.

    While another training of the workspace goes on, it waits: the next one grows from what that one becomes.
    """
    if not settings().retrain_after or _under_way(session, workspace_id):
        return None
    enough = [one.document_type for one in count_labelled(session, workspace_id) if one.is_enough]
    due = [name for name in enough if _is_due(session, workspace_id, name, now)]
    return request_training(session, workspace_id, due, actor="system:retrain", now=now) if due else None


def _is_due(session: Session, workspace_id: str, document_type: str, now: datetime) -> bool:
    newest = session.exec(
        select(ModelVersion)
        .where(
            ModelVersion.workspace_id == workspace_id,
            col(ModelVersion.document_types).contains([document_type]),
        )
        .order_by(col(ModelVersion.created_at).desc())
        .limit(1)
    ).first()
    if newest is None:
        return True
    fresh = session.exec(
        select(func.count(func.distinct(Example.document_id))).where(
            Example.workspace_id == workspace_id,
            Example.document_type == document_type,
            Example.fold == Fold.TRAIN.value,
            col(Example.created_at) > newest.created_at,
        )
    ).one()
    days = settings().retrain_days
    is_time = bool(days) and newest.created_at <= now - timedelta(days=days)
    return fresh >= settings().retrain_after or (is_time and fresh > 0)


def _under_way(session: Session, workspace_id: str) -> Collection[ModelVersion]:
    training = ModelVersion.state == ModelState.TRAINING.value
    return session.exec(select(ModelVersion).where(ModelVersion.workspace_id == workspace_id, training)).all()


def _labelled_in(snapshot: Snapshot) -> list[Labelled]:
    taught = [row for row in snapshots.read(snapshot) if row["labels"] and row["fold"] == Fold.TRAIN.value]
    fields = Counter[str]()
    for row in taught:
        fields[row["type"]] += len(row["labels"])
    documents = Counter(row["type"] for row in taught)
    least = settings().min_training_documents
    return [Labelled(name, count, fields[name], least) for name, count in sorted(documents.items())]


def _trainable(labelled: Collection[Labelled], wanted: set[str]) -> list[str]:
    least = settings().min_training_documents
    found = {one.document_type: one for one in labelled}
    asked = [found.get(name, Labelled(name, 0, 0, least)) for name in sorted(wanted or found)]
    enough = [one.document_type for one in asked if one.is_enough]
    if not asked:
        raise snapshots.NothingToLearn("There are no examples to learn from yet. Answer some review tasks first.")
    if not enough or (wanted and len(enough) < len(asked)):
        missing = ", ".join(f"{one.document_type} has {one}" for one in asked if not one.is_enough)
        raise TooFewExamples(f"Too little to train on: {missing} with labels in the train fold. Answer more tasks.")
    return enough
