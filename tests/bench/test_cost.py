"""What does a certificate cost in the long run? `make bench-cost` runs this and prints the figures.

10,000 documents are drawn from stored rows with the model frozen, and go through the production policy. An oracle knows
the threshold that meets the machine's part of the target, and needs no certificate and no audit. COUNTERSIGN_ROWS may
name a file of rows of real documents (`countersign simulate` writes rows.csv): of those the promise alone is tested,
for the ratio hangs on how little the oracle needs. On synthetic rows it may also get no worse than it was.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pytest

from hitl.certificate.eprocess import GRID
from hitl.simulate.desk import Desk, Spent
from hitl.simulate.people import Crowd, read
from hitl.simulate.replay import Production, Trace, run
from hitl.simulate.rows import SimDocument, stream
from hitl.simulate.rows import read as read_rows
from hitl.workspace.policy import Policy
from tests.bench.test_guarantee import as_documents, synthetic, tell

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]

LENGTH = 10_000
# Times the oracle's answers, so that it gets no worse; 1.6 is the aim, met at 1 and 2 %.
RATIO = {0.01: 1.8, 0.02: 1.8, 0.05: 2.4}
SEEDS = int(os.environ.get("COUNTERSIGN_BENCH_SEEDS", "3"))


def documents() -> list[SimDocument]:
    if "COUNTERSIGN_ROWS" in os.environ:
        return read_rows(Path(os.environ["COUNTERSIGN_ROWS"]))
    return as_documents(synthetic(0.5, size=5_000), 5_000)


def best_threshold(some: list[SimDocument], target: float) -> float:
    scores = np.array([row.score if row.found else -1.0 for one in some for row in one.fields])
    wrong = np.array([row.wrong for one in some for row in one.fields])
    return next(float(tau) for tau in GRID if ((scores >= tau) & wrong).mean() <= target)


def oracle(shown: list[SimDocument], tau: float, policy: Policy, crowd: Crowd) -> tuple[float, float]:
    """Answers and seconds a field of one who knows the threshold: people decide what is below it."""
    desk, spent = Desk(policy, crowd), Spent(sum(len(one.fields) for one in shown))
    for row in (row for one in shown for row in one.fields):
        desk.decide(row, spent, accepted=row.found and row.score >= tau, audited=False)
    return spent.answers / spent.fields, spent.seconds / spent.fields


def ideal(some: list[SimDocument], policy: Policy, target: float) -> float:
    """Answers a field of one who knows all but the threshold: the least that proof at one audit rate could cost.

    Whatever the test, to find R(tau) below the target m takes ln(1 / delta) / kl(R(tau), m) audited fields on average
    (Wald 1945). Before the first proof all are checked, one twice; from then on two people check at the best rate.
    """
    scores = np.array([row.score if row.found else -1.0 for one in some for row in one.fields])
    wrong = np.array([row.wrong for one in some for row in one.fields])
    most, size = policy.machine_target(target), len(scores) / len(some)
    error = np.clip([((scores >= tau) & wrong).mean() for tau in GRID], 1e-9, 1)
    proof = error * np.log(error / most) + (1 - error) * np.log((1 - error) / (1 - most))
    surprise = math.log(1 / (policy.delta * policy.machine_share))
    needed = np.where(error < most, surprise / np.maximum(proof, 1e-12), np.inf)
    people = np.where(scores < 0, 2.0, 1.0 + wrong)  # answers of one whom the machine contradicts
    below = np.array([np.where(scores < tau, people, 0).mean() for tau in GRID])
    accepted = np.array([(scores >= tau).mean() for tau in GRID])
    warm_up = needed.min() / size
    found = []
    for rate in np.geomspace(0.002, 0.3, 40):
        audited = (warm_up + np.arange(0, LENGTH - warm_up, 20) * rate) * size
        proved = np.where(needed[None, :] <= audited[:, None] + 1e-9, below + 2 * rate * accepted, np.inf).min(axis=1)
        start = (people.mean() + 1 / size) * warm_up / LENGTH
        found.append(start + proved.mean() * (1 - warm_up / LENGTH))
    return float(min(found))


def per_field(trace: Trace, name: str, first: int = 0) -> float:
    some = trace.documents[first:]
    return float(sum(getattr(one, name) for one in some) / sum(one.fields for one in some))


def where(trace: Trace) -> dict[str, float]:
    """Where the answers went, a field: before anything was certified, below the threshold, first and second checks."""
    found: dict[str, float] = {}
    certified = next((i for i, one in enumerate(trace.documents) if one.threshold is not None), LENGTH)
    fields = sum(one.fields for one in trace.documents)
    found["certified_at"] = certified
    found["before"] = sum(one.answers for one in trace.documents[:certified]) / fields
    for name, some in (("", trace.documents[certified:]), ("late_", trace.documents[LENGTH // 2 :])):
        of = sum(one.fields for one in some) if name else fields
        first, second = (sum(getattr(one, part) for one in some) for part in ("first_checks", "second_checks"))
        found[f"{name}first_checks"], found[f"{name}second_checks"] = first / of, second / of
        found[f"{name}below"] = (sum(one.answers for one in some) - first - second) / of
    return found


@pytest.mark.parametrize("newer", [False, True])
@pytest.mark.parametrize("target", [0.01, 0.02, 0.05])
def test_a_long_stream_against_an_oracle(target: float, newer: bool) -> None:
    some, policy, ratios = documents(), Policy(), list[float]()
    least = ideal(some, policy, target)
    tau = best_threshold(some, policy.machine_target(target))
    for seed in range(SEEDS):
        rng = np.random.default_rng([31, seed])
        shown, crowd = stream(some, LENGTH, rng), Crowd(read(), 12, rng)
        best, best_seconds = oracle(shown, tau, policy, crowd)
        trace = run(shown, Production(policy, target, crowd, f"long {seed}", newer=newer))
        answers, late = per_field(trace, "answers"), per_field(trace, "answers", LENGTH // 2)
        ratios.append(answers / best)
        tell(
            "long stream", target=target, newer=newer, seed=seed, answers=answers, late=late, oracle=best,
            ideal=least, ideal_ratio=least / best, ratio=answers / best, late_ratio=late / best,
            seconds=per_field(trace, "seconds"), oracle_seconds=best_seconds, accepted=per_field(trace, "accepted"),
            accepted_late=per_field(trace, "accepted", LENGTH // 2), oracle_threshold=tau,
            threshold=trace.documents[-1].threshold, audits=per_field(trace, "audits"),
            released_error=per_field(trace, "wrong"), alarms=len(trace.alarms), **where(trace),
        )  # fmt: skip
        assert per_field(trace, "wrong") <= target
    if "COUNTERSIGN_ROWS" not in os.environ:
        assert np.mean(ratios) < RATIO[target]
