"""The certificate: how many clean documents it takes, that it is seldom wrong, and that audits may be sparse."""

from __future__ import annotations

import numpy as np
import pytest

from hitl.certificate.eprocess import GRID, Decision, EProcess, certify, delta_of_model, largest_loss, losses


def stream(rng: np.random.Generator, n: int, *, rate: float, audit: float, fields: int = 4, clustered: float = 0.0):
    """Documents whose values are wrong with probability `rate` at every score; `clustered`: share in bad documents."""
    for _ in range(n):
        bad = rng.uniform() < rate * 2
        decisions = []
        for _ in range(fields):
            p = (1 - clustered) * rate + clustered * (0.5 if bad else 0.0)
            wrong = bool(rng.uniform() < p)
            drawn = rng.uniform() < audit
            decisions.append(Decision(rng.uniform(0.9, 1.0), wrong if drawn else None, audit))
        yield decisions, 1 / audit  # fields are drawn one by one: all of them may be drawn at once


@pytest.mark.parametrize(("target", "about"), [(0.01, 334), (0.02, 166), (0.05, 66)])
def test_clean_documents_needed_before_anything_is_certified(target: float, about: int):
    needed = EProcess(target, 0.05).documents_needed(1.0)
    assert needed == pytest.approx(about, rel=0.05)
    process = EProcess(target, 0.05)
    for _ in range(needed or 0):
        assert process.threshold() is None
        process.update([Decision(0.99, False, 1.0)], 1.0)
    assert process.threshold() == pytest.approx(GRID[0])


def test_errors_above_the_threshold_block_only_thresholds_below_them():
    process = EProcess(0.05, 0.05)
    for i in range(600):
        process.update([Decision(0.5, i % 4 == 0, 1.0), Decision(0.97, False, 1.0)], 1.0)
    threshold = process.threshold()
    assert threshold is not None
    assert 0.5 < threshold <= 0.97


@pytest.mark.parametrize("clustered", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("audit", [1.0, 0.2])
def test_a_certificate_is_false_no_oftener_than_delta(audit: float, clustered: float):
    rng = np.random.default_rng(5)
    runs, rate, target = 60, 0.07, 0.05
    false = 0
    for _ in range(runs):
        found = certify(stream(rng, 400, rate=rate, audit=audit, clustered=clustered), target=target, delta=0.05)
        released = 0.0 if found.threshold is None else rate * min(1.0, (1.0 - found.threshold) / 0.1)
        false += released > target
    assert false / runs <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)


def test_the_estimate_is_unbiased_under_sparse_audits():
    rng = np.random.default_rng(2)
    estimates = [
        certify(stream(rng, 300, rate=0.04, audit=0.1), target=0.05, delta=0.05, grid=np.array([0.0])).released_error
        for _ in range(80)
    ]
    assert np.mean(estimates) == pytest.approx(0.04, abs=4 * np.std(estimates) / np.sqrt(80))


def test_a_good_machine_is_certified_with_sparse_audits():
    rng = np.random.default_rng(3)
    found = certify(stream(rng, 1500, rate=0.001, audit=0.2), target=0.02, delta=0.05)
    assert found.threshold is not None
    assert found.accepted > 0.5
    assert found.documents_needed == 0


def test_shares_of_delta_sum_to_delta():
    assert sum(delta_of_model(0.05, k) for k in range(1, 100_000)) == pytest.approx(0.05, rel=1e-4)


def test_a_document_counts_once_however_many_fields_it_has():
    wrong = losses([Decision(1.0, True, 1.0)] * 10 + [Decision(1.0, False, 1.0)] * 10, GRID)
    assert wrong == pytest.approx(0.5)


def test_a_document_without_fields_is_no_loss():
    assert losses([], GRID).sum() == 0


def test_what_a_document_can_show_at_most():
    assert largest_loss(4, 4.0, 1.0) == 1.0
    assert largest_loss(4, 0.4, 0.1) == pytest.approx((10 + 3) / 4)  # one audit at most, the others settled by people
    assert largest_loss(4, 1.2, 0.1) == pytest.approx((20 + 2) / 4)
    assert largest_loss(1, 0.4, 0.1) == 10.0
    assert largest_loss(4, 0.0, 0.0) == np.inf
    assert largest_loss(0, 0.0, 0.0) == 1.0


def test_a_loss_beyond_the_largest_ruins_the_bet():
    process = EProcess(0.05, 0.05)
    process.update([Decision(1.0, True, 0.01)], 2.0)
    for _ in range(500):
        process.update([Decision(1.0, False, 1.0)], 1.0)
    assert process.threshold() is None


def test_the_moment_of_the_first_threshold_is_kept():
    process = EProcess(0.05, 0.05)
    needed = process.documents_needed(1.0) or 0
    process.update_many(np.zeros((needed + 7, len(GRID))), np.ones(needed + 7))
    assert process.in_force() == 7
    assert process.since == needed


def test_what_stands_for_others_counts_for_them_in_the_share_accepted():
    grid = np.array([0.5, 0.9])
    document = [Decision(0.95, False, 0.1, 10.0), Decision(0.6, True, 1.0), Decision(1.0, True, 0.1, 0.0)]
    found = certify([(document, 10.0)], target=0.5, delta=0.05, grid=grid)
    assert [round(point[1], 4) for point in found.curve] == [1.0, round(10 / 11, 4)]
    unknown = certify([([Decision(1.0, None, 1.0, 0.0)], 1.0)], target=0.5, delta=0.05, grid=grid)
    assert [point[1] for point in unknown.curve] == [0.0, 0.0]
