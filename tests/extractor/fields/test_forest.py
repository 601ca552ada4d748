"""The forest of plain arrays scores exactly as LightGBM does, and the child process that grows it dies loudly."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from extractor.fields.scoring.forest import Forest
from extractor.fields.scoring.grow import GrowerDied, grow, settings

COMPARE = """
import numpy as np, lightgbm
from extractor.fields.scoring.forest import from_lightgbm
from extractor.fields.scoring.grow import settings
rng = np.random.default_rng(0)
x = rng.normal(size=(400, 6)).astype(np.float32)
y = (x[:, 0] + x[:, 1] ** 2 > 0.5).astype(np.float32)
booster = lightgbm.train(settings(100, 0), lightgbm.Dataset(x, y))
assert np.allclose(from_lightgbm(booster.dump_model()).score(x), booster.predict(x, raw_score=True), atol=1e-4)
"""


def _data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    return x, (x[:, 0] > 0).astype(np.float32), np.ones(200, np.float32)


def test_arrays_score_as_lightgbm_does() -> None:
    subprocess.run([sys.executable, "-c", COMPARE], check=True)  # apart: LightGBM and torch clash in one process


def test_a_child_grows_forests_one_after_the_other() -> None:
    x, right, weight = _data()
    first, second = (grow(x, right, weight, settings(50, 7)) for _ in range(2))
    assert ((first.score(x) > 0) == (right > 0)).mean() > 0.95
    assert np.array_equal(first.score(x), second.score(x))


def test_labels_of_one_class_give_a_forest_without_splits() -> None:
    x, _, weight = _data()
    forest = grow(x, np.ones(200, np.float32), weight, settings(50, 7))
    assert np.ptp(forest.score(x)) == 0


def test_a_child_that_cannot_is_reported() -> None:
    x, right, weight = _data()
    with pytest.raises(GrowerDied, match="num_leaves"):
        grow(x, right, weight, settings(50, 7) | {"num_leaves": -1})


def test_no_rows_no_scores() -> None:
    empty = Forest(
        np.zeros((0, 1), np.int16), np.zeros((0, 1)), np.zeros((0, 1, 2), np.int16), np.zeros((0, 2), np.float32)
    )
    assert empty.score(np.zeros((3, 2), np.float32)).tolist() == [0, 0, 0]
