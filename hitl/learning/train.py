"""From a frozen snapshot to a candidate model and the gate's decision. The long part holds no transaction."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlmodel import Session

from hitl.learning import compare, gate, snapshots
from hitl.learning.examples import Labelled, count_labelled
from hitl.learning.plan import Plan, training_document
from hitl.platform.blobs import blobs
from hitl.platform.jobs import enqueue
from hitl.platform.moves import advance, record
from hitl.settings import settings
from hitl.workspace import registry
from models.states import Fold, ModelState
from models.tables import ModelVersion

SEED = 20150
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


def train(work: Plan, progress: Progress) -> Trained:
    """Train a candidate on the train fold and judge it. Pure of the database; minutes of CPU."""
    from extractor.learn import learn
    from models.nets.bundle import Bundle

    champion = Bundle.load(work.champion)
    folds = {
        fold: [training_document(d, work.doctypes[d["type"]]) for d in work.documents if d["fold"] == fold.value]
        for fold in Fold
    }
    doctypes = {name: work.doctypes[name] for name in work.types}
    bundle, report = learn(folds[Fold.TRAIN], doctypes, champion, SEED, progress)
    progress("gate", 0.9)
    types = compare.type_decisions(work, champion, bundle, report.classifier, folds)
    bundle, types, kept = compare.keep_types_known(work, champion, bundle, types)
    rows = compare.paired_decisions(work, champion, bundle, report, folds)
    cost = compare.costs(work, champion, bundle, folds)
    verdict = gate.judge(rows, target=work.target, floor=work.floor, seed=SEED, types=types, kept=kept, cost=cost)
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
