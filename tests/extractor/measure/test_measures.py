"""Measures on cases whose answer is known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from extractor.measure import measures


def test_f1_counts_a_wrong_value_twice() -> None:
    assert measures.f1(8, 2, 2) == pytest.approx(0.8)
    assert measures.f1(0, 0, 0) == 0.0


def test_calibration_error_of_constant_confidence() -> None:
    confidence, right = np.full(100, 0.9), np.arange(100) % 2 == 0
    assert measures.calibration_error(confidence, right) == pytest.approx(0.4)
    assert measures.calibration_error(np.zeros(0), np.zeros(0, bool)) is None


def test_debiasing_takes_chance_off_and_leaves_real_error() -> None:
    confidence = np.random.default_rng(0).uniform(0.5, 1, 2000)
    drawn = np.random.default_rng(1).uniform(size=2000)
    plain = measures.calibration_error(confidence, drawn < confidence)
    debiased = measures.debiased_calibration_error(confidence, drawn < confidence)
    assert plain is not None
    assert debiased is not None
    assert debiased < plain < 0.04
    assert measures.debiased_calibration_error(confidence, drawn < confidence - 0.3) == pytest.approx(0.3, abs=0.03)
    assert measures.debiased_calibration_error(np.zeros(0), np.zeros(0, bool)) is None


def test_auroc_is_the_share_of_right_pairs_and_ties_are_half() -> None:
    right = np.array([True, True, False])
    assert measures.auroc(np.array([0.9, 0.4, 0.5]), right) == pytest.approx(0.5)
    assert measures.auroc(np.array([0.5, 0.5, 0.5]), right) == pytest.approx(0.5)
    assert measures.auroc(np.array([0.9, 0.8]), np.array([True, True])) is None


def test_coverage_accepts_equal_confidences_together() -> None:
    confidence = np.array([0.9, 0.8, 0.8, 0.1])
    right = np.array([True, True, False, True])
    assert [round(p.accepted, 2) for p in measures.curve(confidence, right)] == [0.25, 0.75, 1.0]
    assert measures.best_coverage(confidence, right, 0.0) == measures.Coverage(0.9, 0.25, 0.0)
    assert measures.best_coverage(confidence, right, 0.3).accepted == 1.0
    assert measures.best_coverage(confidence, ~right, 0.0) == measures.Coverage(float("inf"), 0.0, 0.0)
    assert measures.coverage_at(confidence, right, 0.8) == measures.Coverage(0.8, 0.75, pytest.approx(1 / 3))
    assert measures.coverage_at(confidence, right, float("inf")).accepted == 0


def test_one_wrong_label_among_the_surest_does_not_fix_the_threshold() -> None:
    confidence = np.concatenate([[0.999], np.full(300, 0.99), np.full(100, 0.9)])
    right = np.concatenate([[False], np.ones(390), np.zeros(10)]).astype(bool)
    assert measures.best_coverage(confidence, right, 0.001).accepted == 0.0
    chosen = measures.promised_coverage(confidence, right, 0.02)
    assert chosen.threshold == 0.99
    assert chosen.accepted == pytest.approx(301 / 401)
    assert chosen.error == pytest.approx(1 / 301)


def test_confidence_that_the_count_of_wrong_ones_contradicts_promises_nothing() -> None:
    confidence, right = np.full(300, 0.99), np.arange(300) >= 15
    assert measures.promised_coverage(confidence, right, 0.02).threshold == float("inf")
    assert measures.promised_coverage(confidence, right, 0.05).accepted == 1.0
    assert measures.promised_coverage(confidence, np.ones(300, dtype=bool), 0.005).accepted == 0.0
    assert measures.promised_coverage(np.zeros(0), np.zeros(0, dtype=bool), 0.02).accepted == 0.0


def test_the_interval_is_repeatable_and_holds_the_value() -> None:
    counts = np.array([[3, 1, 1]] * 20 + [[4, 0, 0]] * 20)
    low, high = measures.f1_interval(counts, np.random.default_rng(1))
    assert low < measures.f1(*counts.sum(axis=0)) < high
    assert (low, high) == measures.f1_interval(counts, np.random.default_rng(1))


def test_bins_hold_everything_once() -> None:
    confidence = np.linspace(0, 1, 37)
    assert sum(b.count for b in measures.bins(confidence, confidence > 0.5)) == 37


@pytest.mark.parametrize(("decisions", "accepted"), [(10, 0.0), (24, 0.0), (31, 1.0), (400, 1.0)])
def test_so_few_decisions_promise_nothing_however_sure_they_are(decisions: int, accepted: float) -> None:
    """Half a wrong one more is above 2 % of them."""
    confidence = np.full(decisions, 0.998)
    assert measures.promised_coverage(confidence, np.ones(decisions, dtype=bool), 0.02).accepted == accepted


def test_promises_made_from_few_decisions_are_kept_on_new_ones() -> None:
    """Decisions of three in twenty documents, of which .95 are right and all look like .99: hundreds of times."""
    broken = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        chosen = measures.promised_coverage(np.full(40, 0.99), rng.random(40) < 0.95, 0.02)
        broken += chosen.accepted > 0
    assert broken == 0
