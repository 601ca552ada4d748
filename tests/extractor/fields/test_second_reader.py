"""What the second reader says reaches the evidence only where a type asks for it and an engine read the value."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from extractor.doctypes import load_document_types
from extractor.fields.decisions import EVIDENCE, Choice, Decision
from extractor.fields.model import _calibrator_table, read_calibrator, with_second_reader
from extractor.fields.scoring.features import make_scene
from models.nets.calibration import Calibrator
from models.values import Box, Page, ValueState, Word
from tests.extractor import pages

RECEIPT = load_document_types()["receipt"]
ASKING = RECEIPT.model_copy(update={"second_reader": True})
IMAGE = pages.bgr(pages.picture(["Harbour Street Trading Company"]))
BOX = Box(0.075, 0.085, 0.7, 0.14)


def decided(text: str, engine: str) -> tuple[object, dict[str, Decision]]:
    parts = text.split()
    wide = BOX.width / len(parts)
    words = [
        Word(part, replace(BOX, x0=BOX.x0 + k * wide, x1=BOX.x0 + (k + 1) * wide), 0.99, 0)
        for k, part in enumerate(parts)
    ]
    scene = make_scene([Page(1, 1000, 700, tuple(words), engine)], RECEIPT)
    spec = RECEIPT.field("company")
    at = next(k for k, span in enumerate(scene.tables[spec.kind].spans) if span.text == text)
    return scene, {"company": Decision(spec, ValueState.FOUND, (Choice("k", text, text, at, 0.0),), {})}


@pytest.mark.parametrize(
    ("text", "engine", "said"),
    [
        ("Harbour Street Trading Company", "rapidocr/3", 1.0),
        ("Harbour Street Trading Compary", "rapidocr/3", -1.0),
        ("Harbour Street Trading Compary", "text_layer/1", 0.0),
    ],
)
def test_it_says_whether_it_agrees(text: str, engine: str, said: float) -> None:
    scene, decisions = decided(text, engine)
    found = with_second_reader(scene, decisions, ASKING, lambda _: IMAGE)  # type: ignore[arg-type]
    assert found["company"].evidence["second"] == said
    assert found["company"].vector()[EVIDENCE.index("second")] == said


def test_a_type_that_does_not_ask_decodes_no_picture() -> None:
    def no_picture(_: int) -> NDArray[np.uint8]:
        raise AssertionError("a page was decoded for nothing")

    scene, decisions = decided("Harbour Street Trading Company", "rapidocr/3")
    assert with_second_reader(scene, decisions, RECEIPT, no_picture) == decisions  # type: ignore[arg-type]
    assert with_second_reader(scene, decisions, ASKING, None) == decisions  # type: ignore[arg-type]


def test_a_model_calibrated_before_some_evidence_was_known_gives_the_same_confidence() -> None:
    rng = np.random.default_rng(3)
    count = len(EVIDENCE)
    full = Calibrator(rng.normal(size=count), np.ones(count), rng.normal(size=count), 0.3, np.zeros(2))
    full.weights[-1] = 0.0
    table = _calibrator_table(full)
    older = table | {name: table[name][:-1] for name in ("evidence", "mean", "scale", "weights")}
    evidence, fields = rng.normal(size=(5, count)), np.zeros(5, np.int64)
    assert np.allclose(read_calibrator(older).confidence(evidence, fields), full.confidence(evidence, fields))
    with pytest.raises(ValueError, match="other evidence"):
        read_calibrator(table | {"evidence": ["novel", *EVIDENCE[1:]]})
