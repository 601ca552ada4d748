"""Audits: drawn by a keyed hash before routing, blind, two keyers, level 2 on mismatch; a finding amends."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import numpy as np
import pytest
from sqlmodel import Session, select

from hitl.annotation.answers import TooLateToUndo, undo
from hitl.annotation.conduct import reopen
from hitl.annotation.tasks import hand_out
from hitl.certificate.quality import quality
from hitl.routing.sampling import draw_number, drawn_together, picked, second_chance, second_order
from hitl.workspace.policy import AuditRates
from models.states import DocumentState, Role
from models.tables import Answer, Audit, Example, Observation, Release, Review, Task, Verdict, Workspace
from tests.factories import NOW, create_model
from tests.hitl.crowd import (
    answer,
    create_people,
    create_read_document,
    review_all,
    set_policy,
    settle_all,
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
    assert len(tasks) == 3
    assert {(t.purpose, t.mode, t.whole_page, t.shown_value) for t in tasks} == {("audit", "blind", True, None)}
    assert work_off(session, people[0], TRUTH) == 3
    assert work_off(session, people[1], TRUTH) == 1
    audits = session.exec(select(Audit)).all()
    assert sorted((a.state, a.gold_state or "") for a in audits) == [("final", ""), ("final", ""), ("final", "found")]
    assert document.state == DocumentState.RELEASED
    example = session.exec(select(Example)).one()
    assert (example.source, example.independent) == ("audit", True)
    assert example.probability == pytest.approx(1 / 3)


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
    set_policy(session, workspace, audit_rate=AuditRates(accept=1, review=1, elsewhere=1))
    people = create_people(session, workspace, 3)
    document = create_read_document(session, workspace)
    start(session, document)
    for minute, person in enumerate(people):
        work_off(session, person, TRUTH, now=NOW + timedelta(minutes=minute))
    assert document.state == DocumentState.RELEASED
    keyed = []
    for audit in session.exec(select(Audit)).all():
        of_audit = session.exec(select(Task.leased_to).where(Task.audit_id == audit.id)).all()
        of_review = session.exec(
            select(Task.leased_to).where(Task.verdict_id == audit.verdict_id, Task.purpose == "review")
        ).all()
        keyed.append(len(set(of_audit)))
        assert of_review == []
    assert sorted(keyed) == [1, 1, 2]


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
    assert len(review_all(session, reviewer, TRUTH)) == 1
    assert {a.state for a in session.exec(select(Audit)).all()} == {"final"}


def test_each_check_that_agreed_is_as_likely_to_have_the_second_keyer():
    agreed = {"a": True, "b": False, "c": True, "d": True}
    assert second_chance(agreed.values()) == pytest.approx(1 / 3)
    chosen = Counter(picked(second_order("key", f"doc{i}", 1, agreed), agreed) for i in range(3000))
    assert set(chosen) == {"a", "c", "d"}
    assert min(chosen.values()) > 900
    order = ["b", "c", "a", "d"]
    assert picked(order, agreed) == "c"
    assert picked(order, agreed | {"c": None}) is None  # it may yet be the one
    assert picked(order, agreed | {"d": None}) == "c"  # whoever comes later may not
    assert second_chance((agreed | {"d": None}).values()) is None
    assert picked(order, dict.fromkeys(agreed, False)) is None
    assert second_chance([False, False]) is None


def checks(session: Session) -> dict[str, Audit]:
    return {row.field: audit for audit, row in session.exec(select(Audit, Verdict).join(Verdict)).all()}


def test_who_differs_from_the_machine_always_has_a_second_keyer(session: Session, workspace: Workspace):
    set_policy(session, workspace, **ALL)
    people = create_people(session, workspace)
    document = create_read_document(session, workspace, model_version_id=create_model(session).id)
    start(session, document)
    truth = TRUTH | {"total": "72.50"}
    assert work_off(session, people[0], truth) == 3
    assert work_off(session, people[1], truth) == 2
    held = checks(session)
    assert (held["total"].gold, held["total"].second_probability) == ("72.50", 1.0)
    others = [held["vendor"], held["date"]]
    assert [one.second_probability for one in others] == [0.5, 0.5]
    assert sorted(one.gold_state or "" for one in others) == ["", "found"]
    fields = {one["field"]: one for one in quality(session, workspace.id)["fields"]}
    assert {name: (fields[name]["audited"], fields[name]["audits"]) for name in TRUTH} == dict.fromkeys(TRUTH, (1, 1))
    rows = session.exec(select(Observation)).all()
    assert {(row.field == "total", row.machine_wrong, row.probability) for row in rows} == {
        (True, True, 1.0), (False, False, 0.5)
    }  # fmt: skip


def test_nothing_is_drawn_while_it_may_be_another_and_nobody_takes_back_what_was_drawn_on(
    session: Session, workspace: Workspace
):
    set_policy(session, workspace, **ALL)
    people = create_people(session, workspace)
    document = create_read_document(session, workspace)
    start(session, document)
    order = second_order(workspace.audit_key, document.id, 1, TRUTH)
    for name in reversed(order[1:]):
        answer(session, people[0], hand_out(session, people[0], now=NOW, field=name)[0], TRUTH[name])
    assert {audit.state for audit in checks(session).values()} == {"pending"}
    assert hand_out(session, people[1], now=NOW, field=order[1]) == []
    task = hand_out(session, people[0], now=NOW, field=order[0])[0]
    last = answer(session, people[0], task, TRUTH[order[0]])
    held = checks(session)
    assert [held[name].state for name in order] == ["pending", "final", "final"]
    with pytest.raises(TooLateToUndo):
        undo(session, last.answer_id or "", people[0], now=NOW)
    work_off(session, people[1], TRUTH)
    assert held[order[0]].gold_state == "found"
    assert held[order[0]].second_probability == pytest.approx(1 / 3)


def test_a_field_that_machine_and_first_keyer_do_not_decide_has_a_second_in_any_case(
    session: Session, workspace: Workspace
):
    set_policy(session, workspace, audit_rate=AuditRates(accept=1, review=1, elsewhere=1), sources=3)
    people = create_people(session, workspace, 4)
    document = create_read_document(session, workspace)
    start(session, document)
    work_off(session, people[0], TRUTH)
    assert {audit.first_agreed for audit in checks(session).values()} == {False}
    assert work_off(session, people[1], TRUTH) == 3
    assert {audit.second_probability for audit in checks(session).values()} == {1.0}


def test_a_policy_may_ask_two_for_every_check(session: Session, workspace: Workspace):
    set_policy(session, workspace, second_keyer="all", **ALL)
    people = create_people(session, workspace)
    tasks = start(session, create_read_document(session, workspace))
    assert len(tasks) == 6
    assert work_off(session, people[0], TRUTH) == work_off(session, people[1], TRUTH) == 3
    assert {(a.gold_state, a.second_probability) for a in checks(session).values()} == {("found", 1.0)}


def test_what_a_failed_keyer_said_is_asked_again_though_it_was_a_check(session: Session, workspace: Workspace):
    set_policy(session, workspace, audit_rate=AuditRates(accept=1, review=1, elsewhere=1))
    people = create_people(session, workspace, 4)
    document = create_read_document(session, workspace, {"vendor": ("ACME LTD", 0.9), "total": ("12.50", 0.9)})
    start(session, document)
    task = hand_out(session, people[0], now=NOW, field="total")[0]
    answer(session, people[0], task, "12.50")
    again = reopen(session, people[0], since=NOW - timedelta(hours=1), why="failed", now=NOW)
    assert settle_all(session, again) == 1
    work_off(session, people[1], TRUTH)
    work_off(session, people[2], TRUTH)
    assert document.state == DocumentState.RELEASED
    said = session.exec(select(Answer).where(Answer.task_id == task.id)).one()
    assert said.undone_at is not None
