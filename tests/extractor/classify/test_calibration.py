"""A type like no other is trusted once it is called; one that strangers are taken for keeps the pooled doubt."""

from __future__ import annotations

import numpy as np
import pytest

from extractor.classify.calibration import UNCALIBRATED, Rows, calibrate, once_called, own_intercepts, probability

PIECES = len(UNCALIBRATED) - 1


def rows(strength: float, count: int, right: int, called: int) -> Rows:
    spread = np.random.default_rng(count).normal(strength, 0.7, count)
    evidence = np.repeat(spread[:, None], PIECES, axis=1).astype(np.float32)
    return evidence, np.full(count, right, dtype=np.int64), np.full(count, called, dtype=np.int64)


def together(*parts: Rows) -> Rows:
    evidence, right, called = (np.concatenate([part[k] for part in parts]) for k in range(3))
    return evidence, right, called


SEEN = together(rows(1.5, 100, 1, 0), rows(1.5, 100, 1, 1))
STRANGERS = [rows(1.3, 60, 0, 1), rows(-1.5, 60, 0, 0)]  # only type 1 is mistaken for something else


def test_only_a_type_that_strangers_are_not_taken_for_is_relieved_of_doubt() -> None:
    calibration = calibrate(SEEN, STRANGERS)
    own = own_intercepts(SEEN, STRANGERS, calibration, 2)
    pooled = probability(SEEN[0], calibration)
    sure = once_called(pooled, SEEN[2], own)
    assert own[0] > 0.5
    assert own[1] == 0
    assert sure[:100].mean() > pooled[:100].mean() + 0.02
    assert sure[:100].mean() > 0.98
    assert sure[100:] == pytest.approx(pooled[100:], abs=1e-5)


def test_the_order_of_documents_of_one_type_stays() -> None:
    pooled = np.array([0.5, 0.7, 0.99, 1.0])
    sure = once_called(pooled, np.zeros(4, dtype=np.int64), (2.0,))
    assert (np.diff(sure) > 0).all()
    assert np.isfinite(sure).all()
    assert once_called(pooled, np.zeros(4, dtype=np.int64), (0.0,)) == pytest.approx(pooled, abs=1e-5)


def test_with_too_little_to_fit_no_type_gets_an_intercept() -> None:
    few = rows(1.0, 5, 1, 0)
    assert own_intercepts(few, [], calibrate(few, []), 3) == (0.0, 0.0, 0.0)


def test_the_only_type_is_as_sure_as_its_documents_prove() -> None:
    few, many = (calibrate(rows(1.0, count, 1, 0), []) for count in (10, 300))
    sure = [probability(rows(1.0, 300, 1, 0)[0], known) for known in (few, many)]
    assert sure[0].mean() < sure[1].mean() < 0.999
    assert sure[1].mean() > 0.98


def test_without_strangers_few_of_the_known_are_lost_and_what_is_unlike_them_stays_unknown() -> None:
    known = together(rows(0.5, 95, 1, 0), rows(-1.2, 5, 1, 0))
    calibration = calibrate(known, [])
    assert (probability(known[0], calibration) < 0.5).mean() <= 0.05
    assert (probability(rows(-2.5, 100, 0, 0)[0], calibration) < 0.5).mean() > 0.95
    assert calibrate((known[0][:0], known[1][:0], known[2][:0]), []) == UNCALIBRATED
