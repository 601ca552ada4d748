"""Does the TaskGrader catch what Argonaut's does? `make bench-grader` runs this and prints the figures.

The crowd is that of hitl/simulate/people.toml with 10 % spammers. Two ways of working: one person who looks at the
machine's values, as Argonaut's workers did, and ours (machine first, blind people below a threshold), which leaves so
few errors, all of them in values of high confidence, that there is less to find. Documents for training and for judging
are different ones. COUNTERSIGN_ROWS may name rows of real documents.
"""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from hitl.simulate import marks
from hitl.simulate.people import read
from hitl.workspace.policy import Policy
from models.doctype import KeyingMode
from tests.bench.test_cost import documents
from tests.bench.test_guarantee import tell

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]

COUNT = 4_000
WAYS = {
    "one person, prefilled": Policy(threshold_mode="fixed", fixed_threshold=1.0, mode=KeyingMode.VERIFY),
    "blind below 0.9": Policy(threshold_mode="fixed", fixed_threshold=0.9),
}


@pytest.mark.parametrize(
    ("way", "at_20", "at_40"), [("one person, prefilled", 1.0, 0.45), ("blind below 0.9", 0.2, 0.1)]
)
def test_reviews_catch_more_than_random_ones(way: str, at_20: float, at_40: float) -> None:
    rng, policy, crowd = np.random.default_rng(41), WAYS[way], read().with_spammers(0.1)
    some = documents()
    order = rng.permutation(len(some))
    half = len(some) // 2
    first, second = [some[i] for i in order[:half]], [some[i] for i in order[half:]]
    seen = list(marks.released(first, COUNT, policy, crowd, 12, rng))
    held = list(marks.released(second, COUNT, policy, crowd, 12, rng))
    figures = {}
    for budget, wanted in ((0.2, at_20), (0.4, at_40)):
        grader = marks.learn(seen, budget, rng)
        figures[budget] = marks.judge(grader, held, budget, rng)
        tell("grader", way=way, wanted=wanted, changed=float(np.mean([m.changed for m in held])),
             curve=marks.curve(grader, held, (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)), **asdict(figures[budget]))  # fmt: skip
        assert abs(figures[budget].spent - budget) <= 0.02
        assert figures[budget].lift >= wanted


def test_em_is_fast() -> None:
    """100,000 answers of 200 people, three a question: CPU seconds of one fit, and how often each rule is right."""
    import time

    from hitl.aggregate.one_coin import fit

    rng = np.random.default_rng(43)
    questions, people = 33_334, 200
    question = np.repeat(np.arange(questions), 3)[:100_000]
    voter = rng.integers(0, people, len(question))
    skill = rng.uniform(0.75, 0.98, people)
    trap = rng.random(len(question)) < 0.4
    value = np.where(rng.random(len(question)) < skill[voter], 0, np.where(trap, 1, rng.integers(2, 22, len(question))))
    times = []
    for _ in range(5):
        start = time.process_time()
        fitted = fit(question, voter, value)
        times.append(time.process_time() - start)
    counts = np.zeros((questions, 22), dtype=int)
    np.add.at(counts, (question, value), 1)
    majority = counts[:, ::-1].argmax(axis=1) == 21  # ties against the truth and for it are as likely as they fall
    tied = (counts[:, 0] == counts.max(axis=1)) & (np.sort(counts, axis=1)[:, -2] == counts.max(axis=1))
    right = float(np.mean(np.where(tied, 0.5, majority)))
    tell(
        "em", answers=len(question), cpu_seconds=min(times), accuracy=float(np.mean(fitted.value == 0)), majority=right
    )
    assert min(times) < 0.2
    assert np.mean(fitted.value == 0) >= right
