"""The simulation: people as stated, rows in and out, the production policy in memory, the report and the command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from api.cli import app
from hitl.simulate.compare import NEWER, OURS, Settings, compare
from hitl.simulate.people import MACHINES, TRUTH, Crowd, read
from hitl.simulate.replay import Production, run
from hitl.simulate.rows import FieldRow, RowsUnreadable, SimDocument, stream, write
from hitl.simulate.rows import read as read_rows
from hitl.workspace.policy import AuditRates, Policy

POLICY = Policy(audit_rate=AuditRates(accept=0.2, review=0.2))


def documents(count: int, score: float = 0.999, wrong_share: float = 0.0, seed: int = 3) -> list[SimDocument]:
    rng = np.random.default_rng(seed)
    return [
        SimDocument(f"{i}", f"{i}", tuple(
            FieldRow(name, "money", score, bool(rng.random() < wrong_share)) for name in ("total", "tax")
        ))
        for i in range(count)
    ]  # fmt: skip


def production(target: float = 0.1, *, policy: Policy = POLICY, seed: int = 1) -> Production:
    return Production(policy, target, Crowd(read(), 8, np.random.default_rng(seed)), "key", newer=True)


def test_people_err_as_the_file_says():
    crowd = Crowd(read(), 200, np.random.default_rng(1))
    said = [crowd.key(person, "address", True) for _ in range(50) for person in crowd.people]
    assert np.mean([token != TRUTH for token in said]) == pytest.approx(0.03, abs=0.01)
    wrong = [token for token in said if token != TRUTH]
    assert np.mean([token == MACHINES for token in wrong]) == pytest.approx(0.3, abs=0.12)
    seen = [crowd.verify(person, "money", True) for _ in range(20) for person in crowd.people]
    assert np.mean([token == MACHINES for token in seen]) == pytest.approx(0.25, abs=0.05)


def test_clean_documents_warm_up_then_pass():
    trace = run(documents(400), production())
    assert trace.documents[0].threshold is None
    assert trace.documents[0].accepted == 0
    assert trace.documents[0].answers == 3  # everything is audited, and one field by a second keyer
    last = trace.documents[-50:]
    assert all(one.threshold is not None and one.accepted == 2 for one in last)
    assert sum(one.answers for one in last) / 100 < 1
    assert trace.alarms == []


def test_drift_suspends():
    good, bad = documents(300), documents(400, wrong_share=0.6, seed=4)
    renamed = [SimDocument(f"b{d.name}", f"b{d.group}", d.fields) for d in bad]
    trace = run(good + renamed, production())
    assert len(trace.alarms) >= 1
    assert 300 <= trace.alarms[0] < 500
    assert trace.documents[trace.alarms[0] + 1].threshold is None


def test_copies_do_not_certify():
    one = documents(1)[0]
    trace = run([one] * 300, production())
    assert trace.documents[-1].threshold is None


def test_a_review_budget_is_spent():
    some = [one for i in range(200) for one in documents(1, score=0.9 + i * 37 % 200 / 2000)]
    some = [SimDocument(f"{i}", f"{i}", one.fields) for i, one in enumerate(some)]
    trace = run(some, production(policy=POLICY.model_copy(update={"review_budget": 0.3})))
    plain = run(some, production())
    spent = sum(d.reviews for d in trace.documents) - sum(d.reviews for d in plain.documents)
    assert spent / 400 == pytest.approx(0.3, abs=0.12)


def test_every_policy_is_compared_on_the_same_documents():
    wanted = Settings(0.05, POLICY, 60, 3, 20)
    series, totals = compare(documents(40, 0.97, 0.1), read(), wanted, lambda _: None)
    by_name = {point.policy: point for point in totals}
    assert by_name["double keying"].answers == 2.0
    assert by_name["majority of 3, prefilled"].answers == 3.0
    assert by_name["machine alone"].error == pytest.approx(0.1, abs=0.05)
    assert by_name[OURS].error < 0.02
    assert by_name[OURS].answers < by_name[NEWER].answers < 1.75  # nothing is certified yet, and one of two checked
    assert by_name[OURS].seconds > 0
    assert len(series) == 3 * len(totals)


def test_rows_survive_a_file(tmp_path: Path):
    held = documents(3, wrong_share=0.5)
    write(tmp_path / "rows.csv", held)
    assert read_rows(tmp_path / "rows.csv") == held
    assert len(stream(held, 7, np.random.default_rng(1))) == 7
    (tmp_path / "bad.csv").write_text("document,field\na,b\n")
    with pytest.raises(RowsUnreadable, match=r"bad\.csv"):
        read_rows(tmp_path / "bad.csv")


def test_the_command_writes_everything(tmp_path: Path):
    write(tmp_path / "rows.csv", documents(30, 0.97, 0.1))
    given = ["simulate", "--rows", str(tmp_path / "rows.csv"), "--out", str(tmp_path / "out"), "--seeds", "2"]
    result = CliRunner().invoke(app, [*given, "--window", "10"])
    assert result.exit_code == 0, result.output
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert {p["policy"] for p in summary["totals"]} >= {OURS, "double keying", "random review, same budget"}
    for name in ("series.csv", "rows.csv", "error.svg", "answers.svg"):
        assert (tmp_path / "out" / name).stat().st_size > 100
