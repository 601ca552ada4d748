"""A dry run: the production rules on past documents, errors weighted by how each was checked, nothing written."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlmodel import Session, select

from hitl.routing.dryrun import Past, dry_run, judge, measured_error
from hitl.routing.rules import Claim, Context
from hitl.workspace.policy import AuditRates, Policy
from models.doctype import FieldSpec, Kind
from models.tables import PolicyVersion, Task, Verdict, Workspace
from models.values import ValueState
from tests.factories import NOW
from tests.hitl.crowd import create_people, create_read_document, set_policy, start, work_off

TOTAL = FieldSpec(name="total", kind=Kind.MONEY)
TRUTH = {"vendor": "ACME LTD", "date": "2026-01-31", "total": "12.50"}


def past(confidence: float, *, right: bool | None = None, weight: float = 1.0, threshold: float = 0.9) -> Past:
    context = Context(TOTAL, Policy(), threshold, "fixed")
    claim = Claim(ValueState.FOUND, "1.00", confidence)
    return Past(f"doc{confidence}", "total", claim, confidence >= 0.95, context, right, weight)


def test_counts_of_a_policy():
    fields = [past(0.99), past(0.96), past(0.92), past(0.5)]
    found = judge(fields, Policy(audit_rate=AuditRates(accept=0.1, review=0.2)))
    assert (found.fields, found.accepted, found.was_accepted, found.reviews) == (4, 3, 2, 1)
    assert found.expected_audits == pytest.approx(0.5)
    assert found.expected_answers == pytest.approx(1.22 + 0.5 * 2.05)
    assert found.claimed_error == pytest.approx((0.01 + 0.04 + 0.08) / 4)
    assert found.measured_error is None
    elsewhere = [replace(field, certifying=False) for field in fields]
    assert judge(elsewhere, Policy(audit_rate=AuditRates(accept=0.1, review=0.01))).expected_audits == pytest.approx(
        0.07
    )
    assert (found.reasons, found.by_field) == ({"below_threshold": 1}, {"total": 0.75})


def test_a_field_checked_once_in_ten_stands_for_ten():
    fields = [past(0.99, right=False, weight=10.0), past(0.99, right=True, weight=10.0), past(0.5, right=False)]
    accepted = fields[:2]
    assert measured_error(fields, accepted) == pytest.approx(10 / 21)


def test_of_nothing_nothing_is_said():
    found = judge([], Policy())
    assert (found.fields, found.claimed_error, found.measured_error) == (0, 0.0, None)


def test_past_documents_are_routed_again_and_nothing_is_written(session: Session, workspace: Workspace):
    set_policy(session, workspace)
    people = create_people(session, workspace)
    for total, confidence in (("12.50", 0.97), ("72.50", 0.92), ("12.50", 0.6)):
        readings = {"vendor": ("ACME LTD", 0.99), "date": ("2026-01-31", 0.95), "total": (total, confidence)}
        start(session, create_read_document(session, workspace, readings))
    for person in people:
        work_off(session, person, TRUTH)
    before = [len(session.exec(select(table)).all()) for table in (Task, Verdict, PolicyVersion)]
    found = dry_run(session, workspace.id, "receipt", Policy(threshold_mode="fixed", fixed_threshold=0.9), now=NOW)
    assert (found.documents, found.fields, found.accepted, found.was_accepted) == (3, 9, 8, 0)
    assert found.checked == 9
    assert found.measured_error == pytest.approx(1 / 9)
    assert [len(session.exec(select(table)).all()) for table in (Task, Verdict, PolicyVersion)] == before
    stricter = Policy(threshold_mode="fixed", fixed_threshold=0.96)
    assert dry_run(session, workspace.id, "receipt", stricter, now=NOW).measured_error == 0.0
