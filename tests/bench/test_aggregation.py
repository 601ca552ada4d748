"""Do our aggregation rules say what crowd-kit's say? `make bench-aggregation` runs this and prints the figures.

COUNTERSIGN_CROWDKIT names a Python that has crowd-kit; the target makes one.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hitl.aggregate import dawid_skene, one_coin
from tests.bench.test_guarantee import tell

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

Ints = NDArray[np.int64]
SCRIPT = Path(__file__).parent / "crowdkit_oracle.py"
QUESTIONS, PEOPLE, OVERLAP = 2_000, 60, 3
# Where a quarter of the people are worse than chance, as in the last one, two choices hardly tell who is right.
CROWDS = {"diligent": (0.85, 0.99), "mixed": (0.5, 0.98), "spammers": (0.25, 0.9)}
LEAST_SAME = {"diligent": 0.99, "mixed": 0.98, "spammers": 0.9}


def asked(choices: int, low: float, high: float, rng: np.random.Generator) -> tuple[Ints, Ints, Ints, Ints]:
    """Question, person and answer of each vote, and the truth of each question; an error falls evenly on the others."""
    truth = rng.integers(0, choices, QUESTIONS)
    question = np.repeat(np.arange(QUESTIONS), OVERLAP)
    person = np.concatenate([rng.permutation(PEOPLE)[:OVERLAP] for _ in range(QUESTIONS)])
    is_right = rng.random(len(question)) < rng.uniform(low, high, PEOPLE)[person]
    other = (truth[question] + rng.integers(1, choices, len(question))) % choices
    return question, person, np.where(is_right, truth[question], other), truth


def oracle(question: Ints, person: Ints, answer: Ints) -> dict[str, Ints]:
    table = io.StringIO()
    votes = np.column_stack([question, person, answer])
    np.savetxt(table, votes, fmt="%d", delimiter=",", header="task,worker,label", comments="")
    command = [os.environ["COUNTERSIGN_CROWDKIT"], str(SCRIPT)]
    done = subprocess.run(command, input=table.getvalue(), capture_output=True, text=True, check=True)
    return {name: np.array(labels) for name, labels in json.loads(done.stdout).items()}


@pytest.mark.skipif("COUNTERSIGN_CROWDKIT" not in os.environ, reason="no Python with crowd-kit is named")
@pytest.mark.parametrize("crowd", CROWDS)
@pytest.mark.parametrize("choices", [2, 5, 20])
def test_agrees_with_crowd_kit_and_is_no_worse_than_majority(choices: int, crowd: str) -> None:
    rng = np.random.default_rng([47, choices])
    question, person, answer, truth = asked(choices, *CROWDS[crowd], rng)
    theirs = oracle(question, person, answer)
    flat = {"right": 0.01, "wrong": 0.01, "max_rounds": 100}  # crowd-kit has no prior of a person
    ours = {
        "one_coin": one_coin.fit(question, person, answer, wrong_values=choices - 1, **flat).value,
        "dawid_skene": dawid_skene.fit(question, person, answer).label,
    }
    with_prior = one_coin.fit(question, person, answer, wrong_values=choices - 1).value
    right = {f"their {name}": float(np.mean(labels == truth)) for name, labels in theirs.items()}
    right |= {f"our {name}": float(np.mean(labels == truth)) for name, labels in ours.items()}
    right["our one_coin with its prior"] = float(np.mean(with_prior == truth))
    same = {name: float(np.mean(labels == theirs[name])) for name, labels in ours.items()}
    tell("aggregation", choices=choices, crowd=crowd, same=same, right=right)
    assert min(same.values()) >= LEAST_SAME[crowd]
    assert right["our one_coin"] >= right["their one_coin"] - 0.03
    assert right["our one_coin with its prior"] >= right["their majority"] - 0.002
