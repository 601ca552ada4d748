"""TaskGrader: it meets its budget, finds errors better than chance, and survives being saved."""

from __future__ import annotations

import numpy as np
import pytest

from hitl.grader.features import FieldFacts, People, describe
from hitl.grader.model import Grader, Reviewed, caught, fit, lift, lift_interval, pick


def documents(rng: np.random.Generator, n: int) -> list[Reviewed]:
    """Half the errors come from low confidence, half from a confidently wrong kind of layout."""
    rows = []
    for _ in range(n):
        confidence, odd = rng.beta(8, 1), rng.random() < 0.1
        p = 0.3 * (1 - confidence) + (0.4 if odd else 0.0)
        features = {"least_confidence": confidence, "layout_seen": 0.0 if odd else rng.integers(1, 50)}
        rows.append(Reviewed(features, rng.binomial(6, min(p, 1)) / 6))
    return rows


def test_the_grader_finds_twice_what_random_review_finds():
    rng = np.random.default_rng(0)
    train, test = documents(rng, 2000), documents(rng, 2000)
    grader = fit(train, seed=1)
    scores = grader.scores([r.features for r in test])
    changed = np.array([r.changed for r in test])
    assert lift(scores, changed, 0.2) > 1.0
    confidence = np.array([-r.features["least_confidence"] for r in test])
    assert caught(scores, changed, 0.2) > caught(confidence, changed, 0.2)
    low, high = lift_interval(scores, changed, 0.2, seed=1, resamples=100)
    assert low < lift(scores, changed, 0.2) < high


@pytest.mark.parametrize("budget", [0.1, 0.2, 0.4])
def test_the_rolling_threshold_meets_the_budget_within_two_points(budget: float):
    rng = np.random.default_rng(4)
    recent: list[float] = []
    picked, reasons = 0, {"grader": 0, "random": 0, "none": 0}
    for step in range(6000):
        score = float(rng.beta(1, 12) * (1 + step / 6000))  # scores drift upwards
        choice = pick(score, recent, budget, rng.random())
        recent.append(score)
        if step >= 1000:
            picked += choice.picked
            reasons[choice.reason] += 1
    assert picked / 5000 == pytest.approx(budget, abs=0.02)
    assert reasons["random"] / picked == pytest.approx(1 / 6, abs=0.06)


def test_probabilities_are_those_with_which_documents_were_picked():
    rng = np.random.default_rng(5)
    recent = list(rng.random(500))
    low = [pick(0.01, recent, 0.2, rng.random()) for _ in range(20_000)]
    assert np.mean([p.picked for p in low]) == pytest.approx(low[0].probability, abs=0.01)
    assert pick(2.0, recent, 0.2, 0.999).probability == 1.0


def test_before_there_is_a_grader_the_budget_is_random():
    assert pick(None, [], 0.2, 0.1).reason == "random"
    assert not pick(None, [], 0.2, 0.3).picked
    assert not pick(0.9, [0.1] * 100, 0.0, 0.0).picked


def test_saved_and_loaded_it_scores_the_same():
    rng = np.random.default_rng(6)
    rows = documents(rng, 300)
    grader = fit(rows, seed=2)
    again = Grader.from_text(grader.to_text())
    features = [r.features for r in rows]
    assert np.array_equal(grader.scores(features), again.scores(features))
    assert np.isfinite(again.score({"least_confidence": 0.5}))


def test_everything_reviewed_catches_everything_and_random_is_a_straight_line():
    rng = np.random.default_rng(7)
    changed = rng.random(1000)
    scores = rng.random(1000)
    assert caught(scores, changed, 1.0) == pytest.approx(changed.mean())
    assert lift(scores, changed, 0.5) == pytest.approx(0.0, abs=0.08)


def test_surer_accepted_values_never_raise_a_score():
    """However few the errors it learned from, and wherever they happened to lie."""
    rng = np.random.default_rng(8)
    least, fields = rng.uniform(0.9, 1.0, 400), rng.integers(3, 9, 400)
    rows = [
        Reviewed({"least_accepted": float(a), "fields": float(b)}, 0.25 if rng.random() < 0.03 else 0.0)
        for a, b in zip(least, fields, strict=True)
    ]
    grader = fit(rows, seed=1)
    for count in (3.0, 5.0, 8.0):
        along = grader.scores([{"least_accepted": a, "fields": count} for a in np.linspace(0.9, 1.0, 200)])
        assert (np.diff(along) <= 1e-12).all()


def test_the_least_sure_of_the_accepted_is_told_whatever_went_to_people():
    def field(accepted: bool, confidence: float) -> FieldFacts:
        return FieldFacts(accepted, confidence, confidence, (), False, "v", frozenset())

    fields = [field(True, 0.97), field(True, 0.93), field(False, 0.2)]
    assert describe(fields, People(), pages=1, type_confidence=1.0)["least_accepted"] == 0.93
    assert describe(fields[2:], People(), pages=1, type_confidence=1.0)["least_accepted"] == 1.0
