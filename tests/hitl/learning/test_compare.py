"""Both models on the same documents: which type each calls them, and what stands for a document that was trained on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from extractor.classify.classifier import TypeReport, learn_types
from extractor.classify.features import describe
from extractor.fields import TrainingDocument
from extractor.recognise import TYPES, Recogniser
from hitl.learning import compare, gate
from hitl.learning.plan import Plan
from hitl.platform.blobs import blobs
from models.nets.bundle import Bundle
from models.states import Fold
from models.tables import Workspace
from tests import factories
from tests.extractor.classify.test_classifier import document

ALL = ("bill", "letter", "form")


def classifier(*names: str, since: int = 0) -> tuple[Bundle, TypeReport]:
    """A bundle that tells these types apart, from fourteen documents of each."""
    fitted, report = learn_types(
        {name: [describe(document(name, n)) for n in range(since, since + 14)] for name in names}, 1
    )
    return Bundle().with_section(TYPES, fitted.to_parts()), report


@pytest.fixture(scope="module")
def serving() -> Bundle:
    return classifier(*ALL)[0]


@pytest.fixture(scope="module")
def forgetful() -> tuple[Bundle, TypeReport]:
    """Bills were trained, and forms are forgotten."""
    return classifier("bill", "letter", since=20)


def taught(name: str, number: int) -> TrainingDocument:
    return TrainingDocument(f"{name}{number}", f"{name}{number}", name, tuple(document(name, number)), {})


def stored(workspace: Workspace, name: str, number: int) -> dict[str, Any]:
    keys = [blobs().put(workspace.id, json.dumps(page.to_json()).encode()) for page in document(name, number)]
    return {"document": f"{name}{number}", "type": name, "fold": "train", "pages": keys, "labels": {}}


@pytest.fixture
def work(workspace: Workspace, tmp_path: Path) -> Plan:
    """Bills are trained; the workspace has four labelled forms, too. The model that serves knows two of the bills."""
    forms = [stored(workspace, "form", n) for n in range(60, 64)]
    types = {name: factories.a_type(name) for name in ALL}
    return Plan("m", [], ["bill"], tmp_path, types, 0.02, 0.5, frozenset({"bill20", "bill21"}), forms)


FOLDS = {
    Fold.TRAIN: [taught("bill", n) for n in range(20, 34)],
    Fold.SELECT: [taught("bill", n) for n in range(50, 53)],
    Fold.CERTIFY: [],
}


def test_all_types_of_workspace_and_bundle_are_looked_at(
    work: Plan, serving: Bundle, forgetful: tuple[Bundle, TypeReport]
):
    candidate, report = forgetful
    rows = compare.type_decisions(work, serving, candidate, report, FOLDS)
    ids = {row.document for row in rows}
    assert {"bill50", "bill51", "bill52"} < ids  # the select fold
    assert {f"bill{n}" for n in range(22, 34)} < ids  # out of fold, as far as new to the one that serves
    assert not {"bill20", "bill21"} & ids
    assert {f"form{n}" for n in range(60, 64)} < ids  # other types of the workspace
    assert {f"letter {n} of the bundle" for n in range(14)} < ids  # and of the bundle
    assert not {one for one in ids if one.startswith("bill ")}
    out_of_fold = {row.document: row for row in rows if row.document == "bill25"}["bill25"]
    assert (out_of_fold.candidate_right, out_of_fold.candidate_confidence) == (
        report.right["bill"][5], report.confidences["bill"][5],
    )  # fmt: skip


def test_a_candidate_that_forgot_a_type_tells_types_apart_as_before(
    work: Plan, serving: Bundle, forgetful: tuple[Bundle, TypeReport]
):
    candidate, report = forgetful
    rows = compare.type_decisions(work, serving, candidate, report, FOLDS)
    assert gate.lost_types(rows) == "form (18 of 18 documents)"
    kept, as_now, lost = compare.keep_types_known(work, serving, candidate, rows)
    assert lost == "form (18 of 18 documents)"
    assert gate.lost_types(as_now) == ""
    asked = Recogniser.from_bundle(kept, work.doctypes)
    assert [asked.guess_type(document("form", n)).name for n in range(60, 64)] == ["form"] * 4


def test_a_new_type_cannot_be_told_as_before_and_the_gate_refuses_what_is_lost(
    work: Plan, serving: Bundle, forgetful: tuple[Bundle, TypeReport]
):
    candidate, report = forgetful
    new = Plan("m", [], ["report"], work.champion, work.doctypes, 0.02, 0.5, frozenset(), work.witnesses)
    rows = compare.type_decisions(new, serving, candidate, report, {fold: [] for fold in Fold})
    assert compare.keep_types_known(new, serving, candidate, rows) == (candidate, rows, "")
    assert "form (18 of 18 documents)" in gate.lost_types(rows)


def test_a_candidate_that_loses_nothing_keeps_its_own(work: Plan, serving: Bundle):
    candidate, report = classifier(*ALL, since=20)
    rows = compare.type_decisions(work, serving, candidate, report, FOLDS)
    assert compare.keep_types_known(work, serving, candidate, rows) == (candidate, rows, "")
