"""The gate on real training: a planted weak champion is replaced, a candidate from spoilt labels is refused.

The production path from examples to a served model (snapshot, training, comparison, promotion, rollback) on generated
forms with a text layer, so that it is quick.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlmodel import Session, col, select

from extractor.doctypes import load_document_types
from extractor.fields import Label, TrainingDocument
from extractor.kinds import normalise
from extractor.learn import learn
from extractor.measure.manifest import Entry, read_manifest
from extractor.read import read_document
from fixtures.generate import generate
from hitl.learning import train as retrain
from hitl.learning.plan import plan
from hitl.learning.request import request_training
from hitl.platform.blobs import blobs
from hitl.workspace import deployment, registry
from models.nets.bundle import Bundle
from models.states import Fold, ModelState
from models.tables import Example, ModelVersion, Workspace
from models.values import Page, ValueState
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.slow

SPEC = load_document_types()["ad_buy"]
TRAIN, SELECT, WEAK = 20, 18, 4


@pytest.fixture
def documents(tmp_path: Path) -> list[tuple[Entry, tuple[Page, ...]]]:
    manifest = generate("ad_buy", TRAIN + SELECT, 21, tmp_path, vendors=6, carriers=["pdf"], wear=["clean"])
    return [(entry, read_document(entry.path.read_bytes()).pages) for entry in read_manifest(manifest)]


def gold(entry: Entry) -> dict[str, Any]:
    return {name: normalise(SPEC.field(name).kind, str(text), SPEC) for name, text in entry.labels.items()}


def put_examples(session: Session, workspace: Workspace, documents: Sequence[tuple[Entry, tuple[Page, ...]]]) -> None:
    """The rows that released documents leave behind."""
    for number, (entry, pages) in enumerate(documents):
        fold = Fold.TRAIN if number < TRAIN else Fold.SELECT
        row = factories.create_document(session, workspace, document_type="ad_buy", fold=fold.value)
        for page in pages:
            key = blobs().put(workspace.id, json.dumps(page.to_json()).encode())
            factories.create_page(session, row, page.number, words_key=key, image_key=key)
        for name, value in gold(entry).items():
            example = Example(
                workspace_id=workspace.id, document_id=row.id, document_type="ad_buy", field=name,
                kind=SPEC.field(name).kind.value, value_state="found", value=value, source="review", fold=fold.value,
                created_at=NOW,
            )  # fmt: skip
            factories.save(session, example)


def plant(session: Session, workspace: Workspace, documents: Sequence[tuple[Entry, tuple[Page, ...]]], tmp: Path):
    """A serving model that learned from very little."""
    known = [
        TrainingDocument(
            str(number), str(number), "ad_buy", pages, {n: Label(ValueState.FOUND, v) for n, v in gold(entry).items()}
        )
        for number, (entry, pages) in enumerate(documents[:WEAK])
    ]
    bundle, _ = learn(known, {"ad_buy": SPEC}, Bundle(), 1)
    bundle.save(tmp / "weak")
    key = blobs().put(workspace.id, registry.pack(tmp / "weak"))
    columns = {"bundle_key": key, "digest": bundle.version, "document_types": ["ad_buy"], "promoted_at": NOW}
    return factories.create_model(session, workspace, name="weak", **columns)


def train(session: Session, workspace: Workspace) -> ModelVersion:
    model = request_training(session, workspace.id, ["ad_buy"], actor="test", now=NOW)
    work = plan(session, model, {"ad_buy": SPEC})
    retrain.finish(session, model, retrain.train(work, lambda _step, _share: None), now=NOW)
    return model


def spoil(session: Session, workspace: Workspace) -> None:
    """Every training label gets the value of another document, which its own pages do not carry."""
    examples = session.exec(
        select(Example).where(Example.workspace_id == workspace.id, Example.fold == Fold.TRAIN.value)
    ).all()
    for field in SPEC.fields:
        rows = [example for example in examples if example.field == field.name]
        values = [example.value for example in rows]
        Random(field.name).shuffle(values)
        for example, value in zip(rows, values, strict=True):
            example.value = value
            session.add(example)
    session.flush()


@pytest.mark.timeout(900)
def test_the_gate_passes_a_better_model_and_refuses_a_spoilt_one(
    documents, session: Session, workspace, tmp_path: Path
):
    factories.create_type(session, workspace, SPEC)
    put_examples(session, workspace, documents)
    weak = plant(session, workspace, documents, tmp_path)

    better = train(session, workspace)
    assert better.state == ModelState.PASSED, better.gate_report
    deployment.promote(session, better, actor="test", now=NOW.replace(hour=10))
    session.refresh(weak)
    assert weak.state == ModelState.RETIRED
    assert registry.serving_model(session, workspace.id).id == better.id

    spoil(session, workspace)
    spoilt = train(session, workspace)
    assert spoilt.state == ModelState.REFUSED, spoilt.gate_report
    failed = [test["name"] for test in spoilt.gate_report["tests"] if not test["passed"]]
    assert "accuracy" in failed
    with pytest.raises(deployment.NotPromotable, match="gate refused"):
        deployment.promote(session, spoilt, actor="test", now=NOW.replace(hour=11))

    served = deployment.roll_back(session, workspace.id, actor="test", now=NOW.replace(hour=12))
    assert served.id == weak.id
    names = session.exec(select(ModelVersion.name).where(col(ModelVersion.state) == ModelState.SERVING.value)).all()
    assert names == ["weak"]
