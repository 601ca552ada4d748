"""What a training is to read: documents of a frozen snapshot, the model that serves, and what that one has seen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlmodel import Session

from hitl.learning import snapshots
from hitl.platform.blobs import blobs
from hitl.settings import settings
from hitl.workspace import registry
from models.doctype import DocumentType
from models.states import Fold
from models.tables import ModelVersion, Snapshot
from models.values import Box, Page, ValueState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from extractor.fields import TrainingDocument

MAX_WEIGHT = 20.0  # of an example: so much one label teaches at most; the gate, which estimates, cuts nothing


@dataclass(frozen=True)
class Plan:
    """All that training needs, read in one short transaction."""

    model_id: str
    documents: list[dict[str, Any]]
    types: list[str]
    champion: Path
    doctypes: dict[str, DocumentType]
    target: float
    floor: float
    known: frozenset[str] = frozenset()  # documents that the champion, or one before it, was trained on
    witnesses: list[dict[str, Any]] = field(default_factory=list)  # of other types: is any of them still known?


def plan(session: Session, model: ModelVersion, doctypes: Mapping[str, DocumentType]) -> Plan:
    """Read what `model` is to be trained on. `doctypes`: the current document types of its workspace."""
    snapshot = session.get_one(Snapshot, model.snapshot_id)
    champion = session.get_one(ModelVersion, model.parent_id)
    types = [name for name in model.document_types if name in doctypes]
    rows = snapshots.read(snapshot)
    return Plan(
        model_id=model.id,
        documents=[row for row in rows if row["labels"] and row["type"] in types],
        types=types,
        champion=registry.bundle_folder(champion),
        doctypes=dict(doctypes),
        target=min((doctypes[name].error_target for name in types), default=0.02),
        floor=settings().gate_floor,
        known=_known(session, champion),
        witnesses=[row for row in rows if row["type"] in doctypes and row["type"] not in types],
    )


def _known(session: Session, champion: ModelVersion | None) -> frozenset[str]:
    """Documents that the champion was trained on, and those before it: a type that it did not learn is theirs."""
    known: set[str] = set()
    while champion is not None:
        snapshot = session.get(Snapshot, champion.snapshot_id) if champion.snapshot_id else None
        rows = snapshots.read(snapshot) if snapshot else []
        known |= {row["document"] for row in rows if row["labels"] and row["fold"] == Fold.TRAIN.value}
        champion = session.get(ModelVersion, champion.parent_id) if champion.parent_id else None
    return frozenset(known)


def weight_of(label: Mapping[str, Any]) -> float:
    """What a label stands for: those that were as likely to be asked for, and were not."""
    return 1.0 / float(label["probability"])


def training_document(entry: Mapping[str, Any], spec: DocumentType) -> TrainingDocument:
    from extractor.fields import Label, TrainingDocument
    from extractor.ink.tickboxes import with_ticks
    from extractor.kinds import canonical
    from extractor.page.render import decode_png

    labels: dict[str, Label | None] = {}
    for name, label in entry["labels"].items():
        boxes = ((label["page"], Box.from_list(label["box"])),) if label["box"] and label["page"] else ()
        value = canonical(label["value"])
        labels[name] = Label(ValueState(label["state"]), value, boxes, min(weight_of(label), MAX_WEIGHT))
    pages = pages_of(entry)
    images = {page.number: key for page, key in zip(pages, entry.get("images", ()), strict=False)}
    if len(images) < len(pages):  # snapshots of older versions name no images
        return TrainingDocument(entry["document"], entry["group"], entry["type"], pages, labels)

    def image_of(number: int) -> NDArray[np.uint8]:
        return decode_png(blobs().get(images[number]))

    pages = with_ticks(pages, spec, image_of)
    return TrainingDocument(entry["document"], entry["group"], entry["type"], pages, labels, image_of)


def pages_of(entry: Mapping[str, Any]) -> tuple[Page, ...]:
    """The words of a document of a snapshot."""
    return tuple(Page.from_json(json.loads(blobs().get(key))) for key in entry["pages"])
