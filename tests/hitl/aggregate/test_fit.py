"""EM over many answers: better than heads counted, skills found again, fast; calibration of what it claims."""

from __future__ import annotations

import time

import numpy as np
import pytest

from hitl.aggregate import dawid_skene, one_coin
from hitl.aggregate.calibration import Calibration, fit


def open_answers(rng, questions, redundancy, skills, trap=0.4):
    """Answers where each question has 50 possible values of its own, and a share of errors falls on one trap."""
    question = np.repeat(np.arange(questions), redundancy)
    voter = rng.permuted(np.tile(np.arange(len(skills)), (questions, 1)), axis=1)[:, :redundancy].ravel()
    right = rng.random(len(question)) < skills[voter]
    wrong = np.where(rng.random(len(question)) < trap, 1, rng.integers(1, 50, len(question)))
    return question, voter, np.where(right, 0, wrong) + question * 50


def majority(question, value, rng):
    keys, counts = np.unique(question * (value.max() + 1) + value, return_counts=True)
    owner = keys // (value.max() + 1)
    order = np.lexsort((rng.random(len(keys)), counts, owner))
    last = np.searchsorted(owner[order], np.arange(question.max() + 1), side="right") - 1
    return keys[order[last]] % (value.max() + 1)


@pytest.mark.parametrize(("low", "high", "redundancy"), [(0.75, 0.98, 3), (0.9, 0.995, 3), (0.5, 0.98, 5)])
def test_one_coin_beats_majority_and_finds_the_skills(low, high, redundancy):
    rng = np.random.default_rng(1)
    skills = rng.uniform(low, high, 60)
    question, voter, value = open_answers(rng, 4000, redundancy, skills)
    fitted = one_coin.fit(question, voter, value)
    truth = np.arange(4000) * 50
    assert np.mean(fitted.value == truth) > np.mean(majority(question, value, rng) == truth)
    assert np.corrcoef(skills, fitted.skill)[0, 1] > 0.85


@pytest.mark.parametrize("choices", [2, 3, 20])
def test_spammers_do_not_turn_a_closed_list_around(choices):
    rng = np.random.default_rng(5)
    truth, skills = rng.integers(0, choices, 3000), rng.uniform(0.25, 0.9, 60)
    question = np.repeat(np.arange(3000), 3)
    voter = rng.permuted(np.tile(np.arange(60), (3000, 1)), axis=1)[:, :3].ravel()
    wrong = (truth[question] + rng.integers(1, choices, len(question))) % choices
    value = np.where(rng.random(len(question)) < skills[voter], truth[question], wrong)
    fitted = one_coin.fit(question, voter, value, wrong_values=choices - 1)
    assert np.mean(fitted.value == truth) > np.mean(majority(question, value, rng) == truth) + 0.03


def test_a_hundred_thousand_answers_take_less_than_a_fifth_of_a_second():
    rng = np.random.default_rng(2)
    question, voter, value = open_answers(rng, 33_333, 3, rng.uniform(0.75, 0.98, 200))
    began = time.process_time()
    one_coin.fit(question, voter, value)
    assert time.process_time() - began < 0.2


def test_dawid_skene_learns_who_mixes_up_what():
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 3, 1500)
    question = np.repeat(np.arange(1500), 4)
    voter = np.tile(np.arange(4), 1500)
    said = truth[question].copy()
    confuses = (voter == 3) & (said == 2)  # the fourth calls every 2 a 1
    said[confuses] = 1
    slips = (voter != 3) & (rng.random(len(said)) < 0.15)
    said[slips] = rng.integers(0, 3, slips.sum())
    fitted = dawid_skene.fit(question, voter, said)
    assert np.mean(fitted.label == truth) > 0.97
    assert fitted.confusions[3, 2, 1] > 0.95
    assert fitted.confusions.sum(2) == pytest.approx(1.0)


def test_calibration_lowers_what_is_claimed_too_high():
    rng = np.random.default_rng(4)
    claimed = rng.uniform(0.5, 0.9999, 20_000)
    right = rng.random(20_000) < claimed - 0.04 * (claimed > 0.9)
    calibration = fit(list(claimed), list(right))
    assert calibration(0.97) == pytest.approx(0.93, abs=0.02)
    assert calibration(0.6) == pytest.approx(0.6, abs=0.04)
    mapped = [calibration(p) for p in np.linspace(0.01, 0.999999, 200)]
    assert mapped == sorted(mapped)
    assert mapped[-1] < 1.0


def test_with_little_gold_nothing_is_mapped():
    assert fit([0.9] * 50, [True] * 50) == Calibration()
    assert Calibration()(0.937) == 0.937
