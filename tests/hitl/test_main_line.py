"""The line of people's work, end to end: routed, keyed, agreed, reviewed, released, learnt from."""

from __future__ import annotations

from sqlmodel import Session, select

from hitl.platform.moves import verify_chain
from models.states import DocumentState, Role
from models.tables import Example, Release, Review, Workspace
from tests.hitl.crowd import (
    create_people,
    create_read_document,
    review_all,
    set_policy,
    start,
    verdict,
    work_off,
)

TRUTH = {"vendor": "ACME LTD", "date": "2026-01-31", "total": "12.50"}


def test_one_blind_person_who_agrees_with_the_machine_is_enough(session: Session, workspace: Workspace):
    set_policy(session, workspace)
    people = create_people(session, workspace)
    document = create_read_document(session, workspace)
    start(session, document)
    assert document.state == DocumentState.IN_REVIEW
    assert work_off(session, people[0], TRUTH) == 3
    assert document.state == DocumentState.RELEASED
    release = session.exec(select(Release)).one()
    total = release.payload["fields"]["total"]
    assert (total["value"], total["state"], total["route"]) == ("12.50", "found", "review")
    assert total["provenance"]["decided_by"] == "people"
    assert total["confidence"] > 0.999
    assert {e.field: (e.source, e.probability) for e in session.exec(select(Example))} == dict.fromkeys(
        TRUTH, ("review", 1.0)
    )
    assert verify_chain(session, document.id)


def test_a_mismatch_brings_the_next_person(session: Session, workspace: Workspace):
    set_policy(session, workspace)
    first, second, _ = create_people(session, workspace)
    document = create_read_document(session, workspace)
    start(session, document)
    work_off(session, first, TRUTH | {"total": "72.50"})
    assert document.state == DocumentState.IN_REVIEW
    assert work_off(session, second, TRUTH | {"total": "72.50"}) == 1
    assert document.state == DocumentState.RELEASED
    assert verdict(session, document, "total").value == "72.50"


def test_when_nobody_is_left_level_two_decides(session: Session, workspace: Workspace):
    set_policy(session, workspace)
    people = create_people(session, workspace, 2)
    reviewer = create_people(session, workspace, 1, Role.REVIEWER)[0]
    document = create_read_document(session, workspace)
    start(session, document)
    work_off(session, people[0], TRUTH | {"total": "1.00"})
    work_off(session, people[1], TRUTH | {"total": "2.00"})
    review = session.exec(select(Review)).one()
    assert (review.reason, review.level, review.state) == ("contested", 2, "open")
    assert len(review_all(session, reviewer, TRUTH)) == 1
    assert document.state == DocumentState.RELEASED
    total = verdict(session, document, "total")
    assert (total.value, total.decided_by) == ("12.50", f"reviewer:{reviewer.id}")
    sources = {e.field: (e.source, e.independent) for e in session.exec(select(Example))}
    assert sources["total"] == ("reviewer", True)


def test_what_the_machine_is_sure_of_is_released_without_people(session: Session, workspace: Workspace):
    set_policy(session, workspace, threshold_mode="fixed", fixed_threshold=0.8)
    document = create_read_document(session, workspace)
    assert start(session, document) == []
    assert document.state == DocumentState.RELEASED
    release = session.exec(select(Release)).one()
    assert release.payload["fields"]["vendor"]["provenance"]["decided_by"] == "machine"
    assert release.certified == {
        "certified": False,
        "mode": "fixed",
        "note": "A fixed threshold was set; its error is not certified.",
    }
    assert session.exec(select(Example)).all() == []


def test_what_the_machine_did_not_find_takes_two_people(session: Session, workspace: Workspace):
    set_policy(session, workspace)
    first, second, _ = create_people(session, workspace)
    document = create_read_document(session, workspace, {"total": (None, 0.2)})
    start(session, document)
    assert work_off(session, first, {"vendor": ".absent", "date": "2026-01-31", "total": "12.50"}) == 3
    assert document.state == DocumentState.IN_REVIEW
    work_off(session, second, {"vendor": ".absent", "date": "2026-01-31", "total": "12.50"})
    assert document.state == DocumentState.RELEASED
    assert verdict(session, document, "vendor").value_state == "absent"
    assert all(e.independent for e in session.exec(select(Example)))


def test_opening_twice_opens_nothing_new(session: Session, workspace: Workspace):
    set_policy(session, workspace)
    create_people(session, workspace)
    document = create_read_document(session, workspace)
    assert len(start(session, document)) == 3
    assert len(start(session, document)) == 3
