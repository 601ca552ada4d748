"""From a model to the examples behind it: each training on its way, newest first, down to the base model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from hitl.learning import snapshots
from models.states import Fold
from models.tables import ModelVersion, Snapshot


@dataclass(frozen=True, slots=True)
class Training:
    """What one model version learned, beyond what it grew from."""

    model_id: str
    name: str
    digest: str  # of the bundle
    snapshot_id: str
    snapshot_digest: str
    complete: bool  # False once a document of the snapshot was erased
    document_types: list[str]
    documents: dict[str, int]  # that taught, by type
    labels: dict[str, int]  # that taught, by who said the value
    document_ids: list[str]
    provenance: dict[str, Any]  # seed, code and libraries


def trainings(session: Session, model: ModelVersion | None) -> Iterator[Training]:
    """The trainings behind `model`; none of the base model, which was not trained here."""
    while model is not None:
        snapshot = session.get(Snapshot, model.snapshot_id) if model.snapshot_id else None
        if snapshot is not None:
            yield _training(model, snapshot)
        model = session.get(ModelVersion, model.parent_id) if model.parent_id else None


def _training(model: ModelVersion, snapshot: Snapshot) -> Training:
    taught = [row for row in snapshots.read(snapshot) if row["labels"] and row["fold"] == Fold.TRAIN.value]
    sources = Counter(label["source"] for row in taught for label in row["labels"].values())
    return Training(
        model.id,
        model.name,
        model.digest,
        snapshot.id,
        snapshot.digest,
        snapshot.complete,
        model.document_types,
        dict(sorted(Counter(row["type"] for row in taught).items())),
        dict(sorted(sources.items())),
        [row["document"] for row in taught],
        model.train_report.get("provenance", {}),
    )
