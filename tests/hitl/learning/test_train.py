"""From a frozen snapshot to a judged candidate: real training on small made-up bills."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlmodel import Session

from extractor.effort import spending
from extractor.fields import OutOfFold
from extractor.learn import LearnReport
from extractor.page.render import encode_png
from hitl.learning import compare, train
from hitl.learning.plan import MAX_WEIGHT, plan, training_document
from hitl.learning.request import request_training
from hitl.platform.blobs import blobs
from hitl.workspace import registry
from models.nets.bundle import Bundle
from models.states import Fold, ModelState
from models.tables import Example, ModelVersion, Workspace
from tests import factories
from tests.extractor.fields.documents import BILL, bill
from tests.factories import NOW

RARE = 0.005  # a label of an accepted value whose blind check was as rare as that
TAUGHT, CHOSEN = 14, 6


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    """Small models: what is tested is what becomes of them."""
    with spending(trees=30, folds=2, first_steps=50, steps_per_document=1):
        yield


def put_bill(session: Session, workspace: Workspace, number: int, fold: Fold) -> None:
    """A released bill with the rows that it leaves to learn from."""
    made = bill(number)
    page = made.pages[0]
    document = factories.create_document(session, workspace, document_type="bill", fold=fold.value)
    words = blobs().put(workspace.id, json.dumps(page.to_json()).encode())
    blank = encode_png(np.full((page.height, page.width, 3), 255, np.uint8))
    factories.create_page(session, document, 1, words_key=words, image_key=blobs().put(workspace.id, blank))
    for field, label in made.labels.items():
        assert label is not None
        factories.save(session, Example(
            workspace_id=workspace.id, document_id=document.id, document_type="bill", field=field,
            kind=BILL.field(field).kind.value, value_state=label.state.value, value=label.value, source="review",
            probability=RARE if field == "total" else 1.0, fold=fold.value, created_at=NOW,
        ))  # fmt: skip


@pytest.fixture
def model(session: Session, workspace: Workspace, tmp_path: Path) -> ModelVersion:
    """A model version that waits for its training; the model that serves has never read a bill."""
    factories.create_type(session, workspace, BILL)
    Bundle().save(tmp_path / "empty")
    key = blobs().put(workspace.id, registry.pack(tmp_path / "empty"))
    factories.create_model(session, workspace, bundle_key=key)
    for number in range(TAUGHT + CHOSEN):
        put_bill(session, workspace, number, Fold.TRAIN if number < TAUGHT else Fold.SELECT)
    return request_training(session, workspace.id, ["bill"], actor="test", now=NOW)


def no_progress(_step: str, _share: float) -> None:
    """Nobody looks."""


@pytest.mark.slow
def test_the_same_snapshot_and_seed_give_the_same_bytes_and_a_judged_candidate(session: Session, model: ModelVersion):
    work = plan(session, model, {"bill": BILL})
    first, second = train.train(work, no_progress), train.train(work, no_progress)
    assert hashlib.sha256(first.packed).hexdigest() == hashlib.sha256(second.packed).hexdigest()
    assert first.digest == second.digest

    train.finish(session, model, first, now=NOW)
    assert model.state in (ModelState.PASSED, ModelState.REFUSED)
    report = model.gate_report
    assert {test["name"] for test in report["tests"]} == {"first model", "document types", "speed", "size"}
    assert report["documents"] == TAUGHT + CHOSEN
    assert report["types"][0]["documents"] == TAUGHT + CHOSEN
    assert Bundle.load(registry.bundle_folder(model)).version == model.digest
    train.finish(session, model, second, now=NOW)  # by a worker that was thought lost
    assert model.digest == first.digest


def test_a_rare_draw_teaches_no_more_than_the_cap_and_counts_in_full_at_the_gate(session: Session, model: ModelVersion):
    work = plan(session, model, {"bill": BILL})
    folds = {f: [training_document(d, BILL) for d in work.documents if d["fold"] == f.value] for f in Fold}
    taught = folds[Fold.TRAIN][0]
    labels = {name: label for name, label in taught.labels.items() if label is not None}
    assert {name: label.weight for name, label in labels.items()} == dict.fromkeys(labels, 1.0) | {"total": MAX_WEIGHT}
    assert MAX_WEIGHT < 1 / RARE

    unseen = OutOfFold(taught.id, "total", "12.50", "found", 0.9, True)
    report = LearnReport({}, None, 0.0, {}, out_of_fold=(unseen,))
    rows = compare.paired_decisions(work, Bundle(), Bundle(), report, folds)
    weights = {(row.segment, row.selected): row.weight for row in rows}
    assert weights["bill.total", False] == pytest.approx(1 / RARE)
    assert weights["bill.total", True] == pytest.approx(1 / RARE)
    assert weights["bill.seller", True] == 1.0
