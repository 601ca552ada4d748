"""From a frozen snapshot to a candidate model and the gate's decision. The long part holds no transaction."""

from __future__ import annotations

import importlib.metadata
import platform
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlmodel import Session

from hitl.learning import compare, gate
from hitl.learning.plan import Plan, training_document
from hitl.platform.blobs import blobs
from hitl.platform.moves import advance
from hitl.workspace import registry
from models.states import Fold, ModelState
from models.tables import ModelVersion

if TYPE_CHECKING:
    from models.nets.bundle import Bundle

SEED = 20150
MADE_BY = ("countersign", "lightgbm", "numpy", "scipy", "torch")  # what the numbers of a bundle hang on
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Trained:
    """What training hands back: the packed bundle, its digest, the reports, and the paired decisions of the gate."""

    packed: bytes
    digest: str
    report: dict[str, Any]
    verdict: gate.GateReport


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
    bundle, report = learn(folds[Fold.TRAIN], doctypes, champion, SEED, progress, held=folds[Fold.SELECT])
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
    return Trained(packed, bundle.version, report.as_dict() | {"provenance": provenance(champion)}, verdict)


def provenance(champion: Bundle) -> dict[str, Any]:
    """What made the bundle besides its snapshot: the same of all of it gives the same bytes on one type of machine."""
    return {
        "seed": SEED,
        "grew_from": champion.version,
        "machine": platform.machine(),
        "versions": {name: importlib.metadata.version(name) for name in MADE_BY},
    }


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
