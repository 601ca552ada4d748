"""Audits: drawn by a keyed hash before routing, blind, two keyers, level 2 on mismatch; a finding amends."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import numpy as np
import pytest
from sqlmodel import Session, select

from hitl.audit import draw_number, drawn_together
from hitl.policy import AuditRates
from hitl.tasks import hand_out
from models.states import DocumentState, Role
from models.tables import Audit, Example, Release, Review, Task, Workspace
from tests.factories import NOW
from tests.hitl.crowd import (
    answer,
    create_people,
    create_read_document,
    review_all,
    set_policy,
    start,
    verdict,
    work_off,
)

TRUTH = {"vendor": "ACME LTD", "date": "2026-01-31", "total": "12.50"}
ALL = {"threshold_mode": "fixed", "fixed_threshold": 0.5, "audit_rate": AuditRates(accept=1.0, review=1.0)}


def test_the_draw_is_fixed_uniform_and_needs_the_key():
    numbers = [draw_number("key", f"doc{i}", "total", 1) for i in range(4000)]
    assert numbers == [draw_number("key", f"doc{i}", "total", 1) for i in range(4000)]
    assert all(0 <= n < 1 for n in numbers)
    assert sum(n < 0.1 for n in numbers) == pytest.approx(400, abs=60)
    assert draw_number("other", "doc0", "total", 1) != numbers[0]
    assert draw_number("key", "doc0", "total", 2) != numbers[0]
    assert draw_number("key", "doc0", "date", 1) != numbers[0]


def test_fields_are_drawn_one_by_one_with_the_probability_of_their_route(session: Session, workspace: Workspace):
    set_policy(session, workspace, fixed_threshold=0.85, threshold_mode="fixed", audit_rate=AuditRates(accept=0.5))
    create_people(session, workspace)
    routes: Counter[str] = Counter()
    for _ in range(30):
        document = create_read_document(session, workspace, {"vendor": ("A", 0.9), "date": ("2026-01-31", 0.9)})
        start(session, document)
    for audit in session.exec(select(Audit)).all():
        routes[f"{audit.probability}"] += 1
    assert 15 <= routes["0.5"] <= 45
    assert routes["0.05"] <= 8


def test_audits_of_one_document_are_drawn_apart_and_each_with_its_probability():
    chances = {"a": 0.1, "b": 0.3, "c": 0.05, "d": 0.3}
    drawn = [drawn_together("key", f"doc{i}", 1, chances) for i in range(6000)]
    assert max(len(some) for some in drawn) == 1
    for name, chance in chances.items():
        assert np.mean([name in some for some in drawn]) == pytest.approx(chance, abs=0.02)
    assert {len(drawn_together("key", f"doc{i}", 1, dict.fromkeys("abcd", 0.4))) for i in range(300)} == {1, 2}
    assert drawn_together("key", "doc", 1, dict.fromkeys("abcd", 1.0)) == set("abcd")
    assert drawn_together("key", "doc", 1, dict.fromkeys("abcd", 0.0)) == set()
    pairs = {tuple(sorted(drawn_together("key", f"doc{i}", 1, dict.fromkeys("abcd", 0.5)))) for i in range(400)}
    assert len(pairs) == 6  # every pair of fields comes together at times


def test_release_does_not_wait_and_the_audit_is_blind_on_the_whole_page(session: Session, workspace: Workspace):
    set_policy(session, workspace, **ALL)
    people = create_people(session, workspace)
    document = create_read_document(session, workspace)
    tasks = start(session, document)
    assert document.state == DocumentState.RELEASED
    assert len(tasks) == 6
    assert {(t.purpose, t.mode, t.whole_page, t.shown_value) for t in tasks} == {("audit", "blind", True, None)}
    assert work_off(session, people[0], TRUTH) == 3
    assert work_off(session, people[1], TRUTH) == 3
    audits = session.exec(select(Audit)).all()
    assert {(a.state, a.gold_state) for a in audits} == {("final", "found")}
    assert document.state == DocumentState.RELEASED
    examples = session.exec(select(Example)).all()
    assert {(e.source, e.probability, e.independent) for e in examples} == {("audit", 1.0, True)}


def test_a_finding_amends_and_what_was_first_released_stays_known(session: Session, workspace: Workspace):
    set_policy(session, workspace, **ALL)
    people = create_people(session, workspace)
    document = create_read_document(session, workspace)
    start(session, document)
    truth = TRUTH | {"total": "72.50"}
    work_off(session, people[0], truth)
    work_off(session, people[1], truth)
    assert document.state == DocumentState.AMENDED
    total = verdict(session, document, "total")
    assert (total.value, total.first_value, total.decided_by) == ("72.50", "12.50", "audit")
    releases = session.exec(select(Release).order_by(Release.number)).all()
    assert [(r.number, r.reason) for r in releases] == [(1, "released"), (2, "audit")]
    assert releases[1].payload["fields"]["total"]["value"] == "72.50"


def test_two_keyers_who_differ_are_adjudicated_by_level_two(session: Session, workspace: Workspace):
    set_policy(session, workspace, **ALL)
    people = create_people(session, workspace)
    reviewer = create_people(session, workspace, 1, Role.REVIEWER)[0]
    document = create_read_document(session, workspace, {"total": ("12.50", 0.9)})
    start(session, document)
    work_off(session, people[0], TRUTH)
    work_off(session, people[1], TRUTH | {"total": "99.00"})
    contested = session.exec(select(Review).where(Review.reason == "contested")).all()
    assert len(contested) == 1
    assert contested[0].audit_id is not None
    review_all(session, reviewer, TRUTH)
    audit = session.get_one(Audit, contested[0].audit_id)
    assert (audit.state, audit.gold) == ("final", "12.50")


def test_text_taken_from_ocr_is_never_gold(session: Session, workspace: Workspace):
    set_policy(session, workspace, **ALL)
    people = create_people(session, workspace, 3)
    document = create_read_document(session, workspace, {"total": ("12.50", 0.9)})
    start(session, document)
    for person in people[:2]:
        task = hand_out(session, person, now=NOW, field="total")[0]
        answer(session, person, task, "12.50", source="ocr" if person is people[0] else "typed")
    audit = session.exec(select(Audit).where(Audit.verdict_id == verdict(session, document, "total").id)).one()
    assert audit.state == "pending"
    task = hand_out(session, people[2], now=NOW, field="total")[0]
    answer(session, people[2], task, "12.50")
    session.refresh(audit)
    assert audit.state == "final"


def test_human_decisions_are_audited_and_the_first_keyer_counts_for_both(session: Session, workspace: Workspace):
    set_policy(session, workspace, audit_rate=AuditRates(accept=1, review=1))
    people = create_people(session, workspace, 3)
    document = create_read_document(session, workspace)
    start(session, document)
    for minute, person in enumerate(people):
        work_off(session, person, TRUTH, now=NOW + timedelta(minutes=minute))
    assert document.state == DocumentState.RELEASED
    for audit in session.exec(select(Audit)).all():
        of_audit = session.exec(select(Task.leased_to).where(Task.audit_id == audit.id)).all()
        of_review = session.exec(
            select(Task.leased_to).where(Task.verdict_id == audit.verdict_id, Task.purpose == "review")
        ).all()
        assert len(set(of_audit)) == 2
        assert of_review == []


def test_hold_for_audit_waits_and_releases_the_gold_value(session: Session, workspace: Workspace):
    set_policy(session, workspace, hold_for_audit=True, **ALL)
    people = create_people(session, workspace)
    document = create_read_document(session, workspace)
    start(session, document)
    assert document.state == DocumentState.IN_REVIEW
    truth = TRUTH | {"total": "72.50"}
    work_off(session, people[0], truth)
    assert document.state == DocumentState.IN_REVIEW
    work_off(session, people[1], truth)
    assert document.state == DocumentState.RELEASED
    release = session.exec(select(Release)).one()
    assert release.payload["fields"]["total"]["value"] == "72.50"
    assert verdict(session, document, "total").first_value == "12.50"


def test_with_one_keyer_level_two_stands_in(session: Session, workspace: Workspace):
    set_policy(session, workspace, **ALL)
    person = create_people(session, workspace, 1)[0]
    reviewer = create_people(session, workspace, 1, Role.REVIEWER)[0]
    document = create_read_document(session, workspace)
    start(session, document)
    work_off(session, person, TRUTH)
    assert len(review_all(session, reviewer, TRUTH)) == 3
    assert {a.state for a in session.exec(select(Audit)).all()} == {"final"}
