"""What a label weighs: at most so much when it teaches, and its full 1 / probability when the gate estimates."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from extractor.recognise import Recogniser
from hitl.learning import gate
from hitl.learning.train import MAX_WEIGHT, Plan, train
from models.doctype import DocumentType
from models.nets.bundle import Bundle
from models.states import Fold
from models.values import Reading, ValueState
from tests.factories import a_type

RARE = 0.005  # a label of an accepted value whose blind check was as rare as that


def snapshot(name: str, fold: Fold) -> dict[str, Any]:
    label = {"state": "found", "value": "12.50", "page": None, "box": None, "probability": RARE}
    return {
        "document": name, "group": name, "type": "receipt", "fold": fold.value, "pages": [], "labels": {"total": label},
    }  # fmt: skip


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What training and gate were given. Nothing is learnt: champion and candidate both read 12.50."""
    seen: dict[str, Any] = {}
    judge = gate.judge

    def learn(documents: Sequence[Any], *_: Any) -> tuple[Bundle, Any]:
        seen["documents"] = documents
        row = SimpleNamespace(document="taught", field="total", correct=True, confidence=0.9)
        return Bundle(), SimpleNamespace(out_of_fold=[row], as_dict=dict)

    def judged(decisions: Sequence[gate.PairedDecision], **options: Any) -> gate.GateReport:
        seen["decisions"] = decisions
        return judge(decisions, **options)

    reading = Reading("total", ValueState.FOUND, "12.50", "12.50", 0.9)
    monkeypatch.setattr("extractor.learn.learn", learn)
    monkeypatch.setattr("extractor.recognise.recognise", lambda *_: SimpleNamespace(readings=(reading,)))
    monkeypatch.setattr(Recogniser, "from_bundle", lambda *_: None)
    monkeypatch.setattr(Bundle, "load", lambda _: Bundle())
    monkeypatch.setattr(gate, "judge", judged)
    return seen


def test_a_rare_draw_teaches_no_more_than_the_cap_and_counts_in_full_at_the_gate(heard: dict[str, Any], tmp_path: Any):
    spec: DocumentType = a_type()
    documents = [snapshot("taught", Fold.TRAIN), snapshot("chosen", Fold.SELECT)]
    train(Plan("m", documents, ["receipt"], tmp_path, {"receipt": spec}, 0.02, 0.5), lambda *_: None)
    assert [one.labels["total"].weight for one in heard["documents"]] == [MAX_WEIGHT]
    weights = {(one.document, one.selected): one.weight for one in heard["decisions"]}
    assert weights == {("chosen", True): pytest.approx(1 / RARE), ("taught", False): pytest.approx(1 / RARE)}
    assert MAX_WEIGHT < 1 / RARE
