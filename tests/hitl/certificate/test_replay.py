"""The replay of a certificate, many documents at a time, says what a replay of one after the other says."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from hitl.certificate.bound import upper_bound
from hitl.certificate.drift import ReverseProcess
from hitl.certificate.eprocess import BETS, GRID, RUIN, SHARES, Decision, EProcess, delta_of_model
from hitl.certificate.replay import ALARM, Course, Replay, Unit, replay

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def loss_at(decisions: tuple[Decision, ...], threshold: float) -> float:
    weights = [1 / d.probability for d in decisions if d.wrong and d.score >= threshold]
    return sum(weights) / max(len(decisions), 1)


class OneByOne:
    """The e-process as its definition reads: one document, one threshold and one bet at a time."""

    def __init__(self, target: float, delta: float) -> None:
        self.target, self.delta = target, delta
        self.wealth = [[0.0] * len(BETS) for _ in GRID]
        self.certified = [False] * len(GRID)

    def update(self, unit: Unit) -> None:
        for i, threshold in enumerate(GRID):
            loss = loss_at(unit.decisions, threshold)
            for k, bet in enumerate(BETS):
                gain = 1 + bet / (unit.largest - self.target) * (self.target - loss)
                self.wealth[i][k] += math.log(max(gain, RUIN))
            mean = sum(share * math.exp(log) for share, log in zip(SHARES, self.wealth[i], strict=True))
            self.certified[i] = self.certified[i] or mean >= 1 / self.delta

    def threshold(self) -> float | None:
        held = None
        for threshold, certified in zip(GRID[::-1], self.certified[::-1], strict=True):
            if not certified:
                break
            held = float(threshold)
        return held


def one_by_one(units: list[Unit], target: float, delta: float, first: int) -> tuple[float | None, list[int], int]:
    """(threshold, alarms, documents since the last alarm)."""
    alarms: list[int] = []
    process, watch, since = OneByOne(target, delta_of_model(delta, first)), ReverseProcess(target, ALARM), 0
    for position, unit in enumerate(units):
        held = process.threshold()
        if held is not None and watch.update(loss_at(unit.known, held)):
            alarms.append(position)
            share = delta_of_model(delta, first + len(alarms))
            process, watch, since = OneByOne(target, share), ReverseProcess(target, ALARM), 0
            continue
        process.update(unit)
        since += 1
    return process.threshold(), alarms, since


def drawn(seed: int, count: int, rate: float, then: float) -> list[Unit]:
    """Documents that err at `rate`, and at `then` in their last third; some audits are still under way."""
    rng, units = np.random.default_rng(seed), list[Unit]()
    for i in range(count):
        chance = float(rng.choice([1.0, 1.0, 0.5]))
        wrongs = rng.random(3) < (then if i > 2 * count / 3 else rate)
        known = tuple(
            Decision(float(rng.beta(8, 1)), bool(wrong) if rng.random() < chance else None, chance) for wrong in wrongs
        )
        is_open = rng.random() < 0.02
        decisions = tuple(Decision(d.score, True, d.probability) for d in known) if is_open else known
        disagreed = tuple(bool(d.wrong) for d in known if d.wrong is not None)
        human_loss = 1 / chance if rng.random() < rate else 0.0
        units.append(Unit(NOW, f"g{i}", decisions, known, human_loss, 1 / chance, disagreed))
    return units


@hypothesis_settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(0, 160),
    rate=st.sampled_from([0.0, 0.01, 0.05]),
    then=st.sampled_from([0.0, 0.02, 0.5]),
)
def test_many_at_a_time_is_one_after_the_other(seed: int, count: int, rate: float, then: float):
    units = drawn(seed, count, rate, then)
    found = replay(units, 0.08, 0.05, 1)
    threshold, alarms, since = one_by_one(units, 0.08, 0.05, 1)
    assert (found.certification.threshold, list(found.alarms), found.certification.documents) == (
        threshold, alarms, since,
    )  # fmt: skip


def test_a_drift_rings_and_is_certified_again_in_both():
    units = drawn(1, 200, 0.0, 0.0) + drawn(2, 60, 0.9, 0.9) + drawn(3, 260, 0.0, 0.0)
    found = replay(units, 0.08, 0.05, 1)
    assert len(found.alarms) >= 1
    assert one_by_one(units, 0.08, 0.05, 1)[:2] == (found.certification.threshold, list(found.alarms))
    assert found.certification.threshold is not None


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch):
    units = drawn(4, 200, 0.02, 0.02)
    human = [(0.0 if i % 60 else 1.0, 1.0 + i % 3) for i in range(200)]

    def results() -> tuple[Replay, float]:
        return replay(units, 0.08, 0.05, 1), upper_bound(human, 0.05)

    whole = results()
    monkeypatch.setattr("hitl.certificate.eprocess.BLOCK", 7)
    monkeypatch.setattr("hitl.certificate.bound.BLOCK", 7)
    assert results() == whole  # the bound too: documents that are alike are reckoned together


def test_the_upper_bound_is_that_of_one_document_at_a_time():
    rng = np.random.default_rng(5)
    shown = [(float(rng.random() < 0.02) * 4.0, 4.0) for _ in range(150)]
    means = np.concatenate([np.geomspace(1e-4, 0.2, 200), np.linspace(0.21, 0.99, 40)])
    kept = []
    for mean in means:
        wealth, refuted = np.ones(len(BETS)), False
        for loss, largest in shown:
            wealth *= np.maximum(1 + BETS / (largest - mean) * (mean - loss), RUIN)
            refuted = refuted or wealth @ SHARES >= 1 / 0.05
        kept.append(not refuted)
    last = max(i for i, one in enumerate(kept) if one)
    assert upper_bound(shown, 0.05) == pytest.approx(means[last + 1])


def test_nothing_known_is_nothing_certified():
    process = EProcess(0.05, 0.05)
    assert len(process.update_many(np.zeros((0, len(GRID))), np.zeros(0))) == 0
    assert replay([], 0.05, 0.05, 1).certification.threshold is None


@hypothesis_settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rate=st.sampled_from([0.0, 0.01, 0.05]),
    then=st.sampled_from([0.0, 0.02, 0.6]),
    stops=st.lists(st.integers(0, 400), max_size=6),
)
def test_a_course_that_was_stored_and_taken_up_is_the_whole_one_to_the_last_digit(
    seed: int, rate: float, then: float, stops: list[int]
):
    units = [unit for part in range(3) for unit in drawn(seed + part, 133, rate, then if part == 1 else rate)]
    whole = Course(0.08, 0.05, 1, 0.01)
    whole.advance(units)
    stored, before = Course(0.08, 0.05, 1, 0.01).pack(), 0
    for stop in [*sorted(stops), len(units)]:
        part = Course(0.08, 0.05, 1, 0.01)
        part.take_up(stored)
        part.advance(units[before:stop])
        stored, before = part.pack(), max(before, stop)
    assert stored == whole.pack()
    again = Course(0.08, 0.05, 1, 0.01)
    again.take_up(stored)
    assert (again.result(), again.bound.value()) == (whole.result(), whole.bound.value())
    assert (again.doubts.risen_at, again.doubts.is_fresh()) == (whole.doubts.risen_at, whole.doubts.is_fresh())
