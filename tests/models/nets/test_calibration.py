"""Confidence is a probability: it fits the rate of right answers, pools fields with few, and never reaches 0 or 1."""

from __future__ import annotations

import numpy as np
import pytest

from models.nets.calibration import Calibrator, calibration_error, fit, pooled


def _decisions(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    evidence = rng.normal(size=(count, 3))
    chance = 1 / (1 + np.exp(-(1.5 * evidence[:, 0] + 0.5)))
    return evidence, np.zeros(count, np.int64), (rng.random(count) < chance).astype(float)


def test_confidence_matches_the_rate_of_right_answers() -> None:
    evidence, field, correct = _decisions(3000)
    model = fit(evidence, field, correct, np.ones(3000), 1)
    fresh, field, truth = _decisions(3000, seed=1)
    assert calibration_error(model.confidence(fresh, field), truth) < 0.03


def test_a_field_with_few_decisions_borrows_and_one_with_many_speaks_for_itself() -> None:
    rng = np.random.default_rng(0)
    field = np.array([0] * 500 + [1] * 500 + [2] * 2)
    correct = (rng.random(1002) < np.where(field == 1, 0.6, 0.95)).astype(float)
    correct[-2:] = 0.0
    model = fit(np.zeros((1002, 1)), field, correct, np.ones(1002), 3)
    sure = model.confidence(np.zeros((3, 1)), np.array([0, 1, 2]))
    assert sure[0] == pytest.approx(0.95, abs=0.03)
    assert sure[1] == pytest.approx(0.6, abs=0.05)
    assert 0.2 < sure[2] < 0.9  # two failures are not proof


def test_all_right_is_not_certainty() -> None:
    model = fit(np.ones((8, 2)), np.zeros(8, np.int64), np.ones(8), np.ones(8), 1)
    assert model.confidence(np.ones((1, 2)), np.zeros(1, np.int64))[0] == pytest.approx(0.9)


def test_nothing_to_calibrate_on_gives_even_odds() -> None:
    model = fit(np.zeros((0, 2)), np.zeros(0, np.int64), np.zeros(0), np.zeros(0), 2)
    assert model.confidence(np.ones((1, 2)), np.ones(1, np.int64))[0] == pytest.approx(0.5)


def _others() -> list[Calibrator]:
    return [fit(*_decisions(1000, seed), np.ones(1000), 1) for seed in (5, 6)]


def test_few_decisions_borrow_from_other_types_what_the_evidence_means() -> None:
    prior = pooled(_others())
    fresh, fields, truth = _decisions(3000, seed=1)
    losses = []
    for borrowed in (prior, None):
        loss = 0.0
        for seed in range(10, 20):
            sure = fit(*_decisions(12, seed), np.ones(12), 1, borrowed).confidence(fresh, fields)
            loss -= float(np.log(np.where(truth == 1, sure, 1 - sure)).mean()) / 10
        losses.append(loss)
    assert losses[0] < 0.9 * losses[1]


def test_many_decisions_overrule_what_other_types_say() -> None:
    evidence, field, correct = _decisions(3000)
    opposite = fit(-evidence, field, correct, np.ones(3000), 1)
    model = fit(evidence, field, correct, np.ones(3000), 1, pooled([opposite]))
    fresh, fields, truth = _decisions(3000, seed=1)
    assert calibration_error(model.confidence(fresh, fields), truth) < 0.03


def test_evidence_that_never_varied_on_other_types_is_weighed_as_if_there_were_none() -> None:
    evidence, field, correct = _decisions(400)
    blind = fit(evidence * [0.0, 1.0, 1.0], field, correct, np.ones(400), 1)
    model = fit(evidence, field, correct, np.ones(400), 1, pooled([blind]))
    assert model.weights[0] / model.scale[0] == pytest.approx(1.5, abs=0.4)
    assert pooled([]) is None


def test_without_decisions_other_types_prove_nothing() -> None:
    none = fit(np.zeros((0, 3)), np.zeros(0, np.int64), np.zeros(0), np.zeros(0), 1, pooled(_others()))
    assert none.confidence(np.ones((1, 3)), np.zeros(1, np.int64))[0] == pytest.approx(0.5)


def test_weights_count_as_repeats() -> None:
    evidence, field, correct = _decisions(200)
    twice = fit(np.repeat(evidence, 2, 0), np.repeat(field, 2), np.repeat(correct, 2), np.ones(400), 1)
    weighted = fit(evidence, field, correct, np.full(200, 2.0), 1)
    assert weighted.weights == pytest.approx(twice.weights)


def test_the_error_of_a_calibrated_score_is_near_zero_and_of_a_boastful_one_is_not() -> None:
    rng = np.random.default_rng(0)
    chance = rng.random(4000)
    truth = (rng.random(4000) < chance).astype(float)
    assert calibration_error(chance, truth) < 0.02
    assert calibration_error(np.full(4000, 0.99), truth) > 0.4
