"""Drift alarms: silent while the error holds, loud when it triples."""

from __future__ import annotations

import numpy as np

from hitl.certificate.drift import ReverseProcess, first_change, watch


def losses(rng: np.random.Generator, n: int, rate: float, audit: float) -> np.ndarray:
    return (rng.random(n) < audit) * (rng.random(n) < rate) / audit


def test_no_alarm_while_the_error_is_at_the_target():
    rng = np.random.default_rng(0)
    alarms = sum(watch(losses(rng, 3000, 0.02, 0.2), [], target=0.02).suspended_at is not None for _ in range(60))
    assert alarms / 60 <= 0.01 + 3 * np.sqrt(0.01 * 0.99 / 60)


def test_a_fivefold_error_is_noticed_within_some_hundred_documents():
    rng = np.random.default_rng(1)
    delays = [watch(losses(rng, 4000, 0.10, 0.2), [], target=0.02).suspended_at or 4000 for _ in range(20)]
    assert np.median(delays) < 800


def test_people_who_start_to_disagree_ring_the_fast_alarm():
    rng = np.random.default_rng(2)
    quiet = list(rng.random(1500) < 0.05)
    loud = list(rng.random(600) < 0.30)
    assert first_change(quiet) is None
    rang = first_change([*quiet, *loud])
    assert rang is not None
    assert 1500 < rang < 1900


def test_fewer_disagreements_are_no_alarm():
    rng = np.random.default_rng(3)
    assert first_change([*(rng.random(800) < 0.4), *(rng.random(800) < 0.02)]) is None


def test_the_alarm_stays_on():
    process = ReverseProcess(0.01)
    while not process.update(1.0):
        pass
    rang = process.alarm_at
    for _ in range(100):
        assert process.update(0.0)
    assert process.alarm_at == rang
