"""From a frozen snapshot to a candidate model and the gate's decision. The long part holds no transaction."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlmodel import Session

from hitl.learning import gate, snapshots
from hitl.learning.examples import Labelled, count_labelled
from hitl.platform.blobs import blobs
from hitl.platform.jobs import enqueue
from hitl.platform.moves import advance, record
from hitl.settings import settings
from hitl.workspace import registry
from models.doctype import DocumentType
from models.states import Fold, ModelState
from models.tables import ModelVersion, Snapshot
from models.values import Box, Page, Reading, ValueState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from extractor.fields import TrainingDocument
    from models.nets.bundle import Bundle

SEED = 20150
MAX_WEIGHT = 20.0  # of an example: so much one label teaches at most; the gate, which estimates, cuts nothing
Progress = Callable[[str, float], None]


class TooFewExamples(Exception):
    """A type needs more labelled documents before a model is worth training; the message says how many."""


@dataclass(frozen=True)
class Trained:
    """What training hands back: the packed bundle, its digest, the reports, and the paired decisions of the gate."""

    packed: bytes
    digest: str
    report: dict[str, Any]
    verdict: gate.GateReport


def request_training(
    session: Session, workspace_id: str, document_types: Iterable[str] = (), *, actor: str, now: datetime
) -> ModelVersion:
    """Freeze a snapshot, open a model version in state training, and enqueue the job: one transaction.

    Without `document_types`: all that have enough examples. Raises snapshots.NothingToLearn, TooFewExamples.
    """
    types = _trainable(session, workspace_id, set(document_types))
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


def _trainable(session: Session, workspace_id: str, wanted: set[str]) -> list[str]:
    least = settings().min_training_documents
    found = {one.document_type: one for one in count_labelled(session, workspace_id)}
    asked = [found.get(name, Labelled(name, 0, 0, least)) for name in sorted(wanted or found)]
    enough = [one.document_type for one in asked if one.is_enough]
    if not asked:
        raise snapshots.NothingToLearn("There are no examples to learn from yet. Answer some review tasks first.")
    if not enough or (wanted and len(enough) < len(asked)):
        missing = ", ".join(f"{one.document_type} has {one}" for one in asked if not one.is_enough)
        raise TooFewExamples(f"Too little to train on: {missing} with labels in the train fold. Answer more tasks.")
    return enough


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


def plan(session: Session, model: ModelVersion, doctypes: Mapping[str, DocumentType]) -> Plan:
    """Read what `model` is to be trained on. `doctypes`: the current document types of its workspace."""
    snapshot = session.get_one(Snapshot, model.snapshot_id)
    champion = session.get_one(ModelVersion, model.parent_id)
    types = [name for name in model.document_types if name in doctypes]
    return Plan(
        model_id=model.id,
        documents=[d for d in snapshots.read(snapshot) if d["type"] in types],
        types=types,
        champion=registry.bundle_folder(champion),
        doctypes=dict(doctypes),
        target=min((doctypes[name].error_target for name in types), default=0.02),
        floor=settings().gate_floor,
        known=_known(session, champion),
    )


def _known(session: Session, champion: ModelVersion | None) -> frozenset[str]:
    """Documents that the champion was trained on, and those before it: a type that it did not learn is theirs."""
    known: set[str] = set()
    while champion is not None:
        snapshot = session.get(Snapshot, champion.snapshot_id) if champion.snapshot_id else None
        rows = snapshots.read(snapshot) if snapshot else []
        known |= {row["document"] for row in rows if row["fold"] == Fold.TRAIN.value}
        champion = session.get(ModelVersion, champion.parent_id) if champion.parent_id else None
    return frozenset(known)


def train(work: Plan, progress: Progress) -> Trained:
    """Train a candidate on the train fold and judge it. Pure of the database; minutes of CPU."""
    from extractor.learn import learn
    from models.nets.bundle import Bundle

    champion = Bundle.load(work.champion)
    folds = {
        fold: [_training_document(d, work.doctypes[d["type"]]) for d in work.documents if d["fold"] == fold.value]
        for fold in Fold
    }
    doctypes = {name: work.doctypes[name] for name in work.types}
    bundle, report = learn(folds[Fold.TRAIN], doctypes, champion, SEED, progress)
    progress("gate", 0.9)
    rows = paired_decisions(work, champion, bundle, report, folds)
    verdict = gate.judge(rows, target=work.target, floor=work.floor, seed=SEED)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "bundle"
        bundle.save(folder)
        packed = registry.pack(folder)
    return Trained(packed, bundle.version, report.as_dict(), verdict)


def finish(session: Session, model: ModelVersion, trained: Trained, *, now: datetime) -> None:
    """Store the candidate and the gate's decision; a second call for the same model changes nothing."""
    if model.state != ModelState.TRAINING:
        return
    assert model.workspace_id is not None
    actor = "system:retrain"
    key = blobs().put(model.workspace_id, trained.packed)
    advance(
        session,
        model,
        ModelState.CANDIDATE,
        actor=actor,
        now=now,
        bundle_key=key,
        digest=trained.digest,
        train_report=trained.report,
        gate_report=trained.verdict.as_dict(),
        progress={"step": "done", "share": 1.0},
    )
    to = ModelState.PASSED if trained.verdict.passed else ModelState.REFUSED
    why = "; ".join(t.sentence for t in trained.verdict.tests)
    advance(session, model, to, actor=actor, now=now, why=why)
    if to is ModelState.PASSED:
        registry.recertify(session, model.workspace_id, model.id)


def paired_decisions(
    work: Plan, champion: Bundle, candidate: Bundle, report: Any, folds: Mapping[Fold, list[TrainingDocument]]
) -> list[gate.PairedDecision]:
    """Both models on the select fold; on the train fold the candidate's out-of-fold predictions stand for it.

    Of the train fold only what is new to the champion too: on what it was trained on, it would be judged too well.
    """
    from extractor.recognise import Recogniser, recognise

    old = Recogniser.from_bundle(champion, work.doctypes)
    new = Recogniser.from_bundle(candidate, work.doctypes)
    weights = {d["document"]: d["labels"] for d in work.documents}
    rows = []
    for document in folds[Fold.SELECT]:
        before = recognise(document.pages, old, document.document_type, document.image_of).readings
        after = recognise(document.pages, new, document.document_type, document.image_of).readings
        known = champion.has_section(f"fields/{document.document_type}/")
        rows += _select_rows(document, work, before if known else (), after, weights[document.id])
    return rows + _out_of_fold_rows(work, champion, old, report, folds[Fold.TRAIN], weights)


def _select_rows(
    document: TrainingDocument,
    work: Plan,
    before: Sequence[Reading],
    after: Sequence[Reading],
    labels: Mapping[str, Any],
) -> list[gate.PairedDecision]:
    olds = {r.field: r for r in before}
    rows = []
    for reading in after:
        label = document.labels.get(reading.field)
        if label is None:
            continue
        old = olds.get(reading.field)
        rows.append(
            gate.PairedDecision(
                document=document.id,
                segment=f"{document.document_type}.{reading.field}",
                candidate_right=_right(work, document, reading.field, reading.state, reading.value),
                candidate_confidence=reading.confidence,
                champion_right=_right(work, document, old.field, old.state, old.value) if old else None,
                champion_confidence=old.confidence if old else None,
                weight=_weight(labels[reading.field]),
            )
        )
    return rows


def _out_of_fold_rows(
    work: Plan,
    champion: Bundle,
    old: Any,
    report: Any,
    documents: Sequence[TrainingDocument],
    labels: Mapping[str, Any],
) -> list[gate.PairedDecision]:
    from extractor.recognise import recognise

    by_id = {d.id: d for d in documents}
    champions: dict[str, dict[str, Reading]] = {}
    rows = []
    for row in report.out_of_fold:
        if row.document in work.known:
            continue
        document = by_id[row.document]
        if document.id not in champions:
            known = champion.has_section(f"fields/{document.document_type}/")
            found = recognise(document.pages, old, document.document_type, document.image_of) if known else None
            readings = found.readings if found else ()
            champions[document.id] = {r.field: r for r in readings}
        before = champions[document.id].get(row.field)
        rows.append(
            gate.PairedDecision(
                document=document.id,
                segment=f"{document.document_type}.{row.field}",
                candidate_right=row.correct,
                candidate_confidence=row.confidence,
                champion_right=_right(work, document, row.field, before.state, before.value) if before else None,
                champion_confidence=before.confidence if before else None,
                weight=_weight(labels[document.id][row.field]),
                selected=False,
            )
        )
    return rows


def _right(work: Plan, document: TrainingDocument, field: str, state: ValueState, value: Any) -> bool:
    from extractor.kinds import same

    label = document.labels[field]
    assert label is not None
    silent = {ValueState.ABSENT, ValueState.NOT_FOUND, ValueState.EMPTY}
    if label.state in silent or state in silent:
        return label.state in silent and state in silent
    return same(work.doctypes[document.document_type].field(field).kind, value, label.value)


def _weight(label: Mapping[str, Any]) -> float:
    return 1.0 / float(label["probability"])


def _training_document(entry: Mapping[str, Any], spec: DocumentType) -> TrainingDocument:
    from extractor.fields import Label, TrainingDocument
    from extractor.ink.tickboxes import with_ticks
    from extractor.kinds import canonical
    from extractor.page.render import decode_png

    labels: dict[str, Label | None] = {}
    for name, label in entry["labels"].items():
        boxes = ((label["page"], Box.from_list(label["box"])),) if label["box"] and label["page"] else ()
        value = canonical(label["value"])
        labels[name] = Label(ValueState(label["state"]), value, boxes, min(_weight(label), MAX_WEIGHT))
    pages = tuple(Page.from_json(json.loads(blobs().get(key))) for key in entry["pages"])
    images = {page.number: key for page, key in zip(pages, entry.get("images", ()), strict=False)}
    if len(images) < len(pages):  # snapshots of older versions name no images
        return TrainingDocument(entry["document"], entry["group"], entry["type"], pages, labels)

    def image_of(number: int) -> NDArray[np.uint8]:
        return decode_png(blobs().get(images[number]))

    pages = with_ticks(pages, spec, image_of)
    return TrainingDocument(entry["document"], entry["group"], entry["type"], pages, labels, image_of)
