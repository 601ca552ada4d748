"""Levels 2 and 3: who may decide, what they are shown, and what follows; escalation and returned work."""

from __future__ import annotations

import pytest
from sqlmodel import Session, select

from hitl import pipeline
from hitl.annotation.review import (
    BadDecision,
    NoHigherLevel,
    NotYourReview,
    candidates,
    escalate,
    next_review,
    return_work,
)
from hitl.annotation.tasks import hand_out
from hitl.people import messages
from hitl.work.queue_rows import add_review
from models.doctype import Kind
from models.states import Role
from models.tables import Document, Release, Review, User, Workspace
from tests import factories
from tests.factories import NOW
from tests.hitl.crowd import answer, create_people, create_read_document, set_policy, start, verdict, work_off

TRUTH = {"vendor": "ACME LTD", "date": "2026-01-31", "total": "12.50"}


@pytest.fixture
def people(session: Session, workspace: Workspace) -> list[User]:
    set_policy(session, workspace)
    return create_people(session, workspace, 2)


@pytest.fixture
def reviewer(session: Session, workspace: Workspace) -> User:
    return create_people(session, workspace, 1, Role.REVIEWER)[0]


@pytest.fixture
def contested(session: Session, workspace: Workspace, people: list[User]) -> Document:
    """A document of which two people keyed two totals, and the machine a third."""
    document = create_read_document(session, workspace)
    start(session, document)
    for person, total in zip(people, ("1.00", "2.00"), strict=True):
        work_off(session, person, TRUTH | {"total": total})
    return document


def take(session: Session, user: User) -> Review:
    review = next_review(session, user, now=NOW)
    assert review is not None
    return review


def fix(session: Session, review: Review, user: User, **values: str) -> Review:
    given = {field: ("found", value) for field, value in values.items()}
    pipeline.review(session, review, user, review.lease_token or "", given, now=NOW)
    return review


def test_all_candidates_are_shown_without_their_authors(session: Session, contested: Document, reviewer: User):
    review = take(session, reviewer)
    shown = candidates(session, review, now=NOW)
    assert {c.value for c in shown} == {"1.00", "2.00", "12.50"}
    assert shown == candidates(session, review, now=NOW)  # shuffled, but the same each time
    assert {c.voices for c in shown} == {1}


def test_a_candidate_is_shown_as_people_spelled_it(
    session: Session, workspace: Workspace, people: list[User], reviewer: User
):
    document = create_read_document(session, workspace, {"vendor": ("AcmeLtd", 0.2)})
    start(session, document)
    for person, vendor in zip(people, ("Acme Ltd", "Other"), strict=True):
        work_off(session, person, TRUTH | {"vendor": vendor})
    review = session.exec(select(Review).where(Review.reason == "contested")).one()
    assert {(c.value, c.voices) for c in candidates(session, review, now=NOW)} == {("Acme Ltd", 2), ("Other", 1)}


def test_a_reviewer_of_the_document_may_spell_a_value_better(
    session: Session, workspace: Workspace, people: list[User], reviewer: User
):
    document = create_read_document(
        session, workspace, {"vendor": ("AcmeLtd", 0.9)}, factories.a_type(vendor=Kind.NAME)
    )
    start(session, document)
    add_review(session, document, reason="random", now=NOW)
    work_off(session, people[0], {"vendor": "ACMELTD"})
    review = fix(session, take(session, reviewer), reviewer, vendor="Acme Ltd")
    assert (review.changes, document.state) == ([], "released")
    assert verdict(session, document, "vendor").value == "Acme Ltd"


def test_validators_get_no_reviews_and_one_review_goes_to_one_person(
    session: Session, contested: Document, people: list[User], reviewer: User, workspace: Workspace
):
    assert next_review(session, people[0], now=NOW) is None
    take(session, reviewer)
    other = create_people(session, workspace, 1, Role.MANAGER)[0]
    assert next_review(session, other, now=NOW) is None


def test_nobody_adjudicates_their_own_answer(session: Session, workspace: Workspace, reviewer: User):
    set_policy(session, workspace)
    keyer = create_people(session, workspace, 1)[0]
    document = create_read_document(session, workspace)
    start(session, document)
    task = hand_out(session, reviewer, now=NOW, field="total")[0]
    answer(session, reviewer, task, "5.00")
    work_off(session, keyer, TRUTH | {"total": "6.00"})
    assert session.exec(select(Review)).one().state == "open"
    assert next_review(session, reviewer, now=NOW) is None
    other = create_people(session, workspace, 1, Role.REVIEWER)[0]
    fix(session, take(session, other), other, total="12.50")
    assert document.state == "released"


def test_a_decision_says_what_changed(session: Session, contested: Document, reviewer: User):
    review = fix(session, take(session, reviewer), reviewer, total="$12.50")
    assert (review.state, review.changed_fraction) == ("decided", 1.0)
    assert review.changes[0]["to"] == {"value_state": "found", "value": "12.50"}
    total = verdict(session, contested, "total")
    assert (total.value, total.page, total.box) == ("12.50", 1, [0.1, 0.1, 0.3, 0.15])


@pytest.mark.parametrize(
    "decisions",
    [{}, {"total": ("found", "twelve")}, {"vendor": ("found", "X")}, {"total": ("not_found", None)}],
)
def test_bad_decisions_are_refused(session: Session, contested: Document, reviewer: User, decisions):
    review = take(session, reviewer)
    with pytest.raises(BadDecision):
        pipeline.review(session, review, reviewer, review.lease_token or "", decisions, now=NOW)
    assert review.state == "leased"


def test_an_old_token_is_refused(session: Session, contested: Document, reviewer: User):
    review = take(session, reviewer)
    with pytest.raises(NotYourReview):
        pipeline.review(session, review, reviewer, "stale", {"total": ("found", "1.00")}, now=NOW)


def test_level_three_decides_what_level_two_hands_up(
    session: Session, workspace: Workspace, contested: Document, reviewer: User
):
    review = take(session, reviewer)
    higher = escalate(session, review, reviewer, review.lease_token or "", "no idea", now=NOW)
    assert (higher.level, higher.reason, review.state) == (3, "escalated", "escalated")
    assert next_review(session, reviewer, now=NOW) is None
    manager = create_people(session, workspace, 1, Role.MANAGER)[0]
    taken = take(session, manager)
    with pytest.raises(NoHigherLevel):
        escalate(session, taken, manager, taken.lease_token or "", now=NOW)
    fix(session, taken, manager, total="12.50")
    assert contested.state == "released"


def test_returned_work_comes_back_with_its_message_and_settles(
    session: Session, contested: Document, people: list[User], reviewer: User
):
    review = take(session, reviewer)
    task = return_work(session, review, reviewer, people[0].id, "Look at the bottom line.", now=NOW)
    assert (review.state, verdict(session, contested, "total").state) == ("returned", "pending")
    assert [m.body for m in messages.inbox(session, people[0], unread_only=True)] == ["Look at the bottom line."]
    assert hand_out(session, people[1], now=NOW) == []
    mine = hand_out(session, people[0], now=NOW)[0]
    assert mine.id == task.id
    answer(session, people[0], mine, "12.50")
    assert contested.state == "in_review"  # 12.50 twice, but 2.00 was said too: not sure enough with these skills
    session.refresh(review)
    assert review.state in ("open", "withdrawn")


def test_returned_work_that_is_mended_needs_no_review(
    session: Session, workspace: Workspace, people: list[User], reviewer: User
):
    document = create_read_document(session, workspace, {"total": ("12.50", 0.99), "date": ("2026-01-31", 0.9)})
    set_policy(session, workspace, posterior=0.9)
    start(session, document)
    for person, total in zip(people, ("1.00", "2.00"), strict=True):
        work_off(session, person, {"vendor": ".absent", "date": "2026-01-31", "total": total})
    review = take(session, reviewer)
    return_work(session, review, reviewer, people[0].id, "Once more, please.", now=NOW)
    work_off(session, people[0], {"total": "12.50"})
    assert document.state == "released"
    session.refresh(review)
    assert review.state == "withdrawn"


def test_a_review_of_the_whole_document_holds_the_release_and_changes_fields(
    session: Session, workspace: Workspace, people: list[User], reviewer: User
):
    document = create_read_document(session, workspace)
    start(session, document)
    add_review(session, document, reason="grader", grader_score=0.4, probability=0.3, now=NOW)
    work_off(session, people[0], TRUTH)
    assert document.state == "in_review"
    review = fix(session, take(session, reviewer), reviewer, total="72.50", date="2026-01-31")
    assert review.changed_fraction == pytest.approx(1 / 3)
    assert [c["field"] for c in review.changes] == ["total"]
    assert document.state == "released"
    assert verdict(session, document, "total").decided_by == f"reviewer:{reviewer.id}"


def test_a_review_after_the_release_amends(session: Session, workspace: Workspace, people: list[User], reviewer: User):
    document = create_read_document(session, workspace)
    start(session, document)
    work_off(session, people[0], TRUTH)
    add_review(session, document, reason="random", level=2, now=NOW)
    fix(session, take(session, reviewer), reviewer, total="72.50")
    assert document.state == "amended"
    releases = session.exec(select(Release).order_by(Release.number)).all()
    assert [r.reason for r in releases] == ["released", "review"]
    assert verdict(session, document, "total").first_value == "12.50"
