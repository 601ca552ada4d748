"""What the quality page watches: the grader's catch, and the moving share of wrong values."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from api.web.learn.drift import caught_by_budget, moving_shares


@dataclass
class Row:
    document_type: str
    field: str
    released_wrong: bool
    machine_wrong: bool
    score: float
    probability: float


def test_a_grader_that_knows_finds_most_and_weighs_the_rarely_drawn():
    rows = [(0.9, 1.0, 1.0), (0.1, 0.0, 4.0), (0.2, 0.0, 4.0), (0.8, 1.0, 1.0)]
    curve = caught_by_budget(rows)
    assert curve[0] == (0.0, 0.0)
    assert curve[2] == pytest.approx((0.2, 1.0))
    assert curve[-1] == pytest.approx((1.0, 1.0))
    assert caught_by_budget([(0.5, 0.0, 1.0)]) == []


def test_drift_looks_back_on_a_window_of_checks():
    rows = [Row("receipt", "total", i >= 60, i >= 50, 0.9, 1.0) for i in range(100)]
    points = moving_shares(rows)  # type: ignore[arg-type]
    assert points[0] == (50, 0.0, 0.0)
    assert points[-1] == (100, 1.0, 0.8)
    assert moving_shares(rows[:49]) == ()  # type: ignore[arg-type]
