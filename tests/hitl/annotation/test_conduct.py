"""Rules of conduct on their own, and what a finding does: a pause, tasks taken back, answers asked again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from hitl import pipeline
from hitl.annotation.conduct import ask_again, find, judge
from hitl.annotation.tasks import hand_out
from hitl.people import pauses
from hitl.people.trackrecord import Given, TrackRecord, is_confirmed
from models.states import Role
from models.tables import Answer, Document, Review, User, Workspace
from tests.factories import NOW
from tests.hitl.annotation.test_qualification import create_gold
from tests.hitl.crowd import (
    answer,
    create_people,
    create_read_document,
    review_all,
    set_policy,
    settle_all,
    start,
    verdict,
)

TRUTH = {"vendor": "ACME LTD", "date": "2026-01-31", "total": "12.50"}


def recent(
    count: int, token: str = "=x{}", seconds: float = 4.0, keys: int = 8, confirmed: bool | None = None
) -> list[Given]:
    return [Given(token.format(i), seconds, keys, is_confirmed=confirmed) for i in range(count)]


@pytest.mark.parametrize(
    ("past", "fired"),
    [
        (TrackRecord(), []),
        (TrackRecord(controls=[True] * 9 + [False]), []),
        (TrackRecord(controls=[False] * 3), []),
        (TrackRecord(controls=[False] * 2 + [True] * 3), []),  # one of 100 who err in 3 of 100
        (TrackRecord(controls=[False] * 3 + [True] * 2), ["fails_controls"]),
        (TrackRecord(controls=[False] * 3 + [True] * 2, usual_on_controls=0.6), []),  # nobody knows these
        (TrackRecord(agreed=[True] * 19 + [False]), []),
        (TrackRecord(agreed=[True] * 13 + [False] * 7), ["disagrees"]),
        (TrackRecord(agreed=[True] * 13 + [False] * 7, usual_on_fields=0.7), []),
        (TrackRecord(recent=recent(20)), []),
        (TrackRecord(recent=recent(20, seconds=0.2)), ["too_fast"]),
        (TrackRecord(recent=recent(20, seconds=0.4, keys=1)), []),  # one key is pressed so fast
        (TrackRecord(recent=recent(20, seconds=1.0, keys=40)), ["too_fast"]),
        (TrackRecord(recent=recent(19, seconds=0.2)), []),
        (TrackRecord(recent=recent(20, "absent")), []),  # the queue may have sent a batch of these
        (TrackRecord(recent=recent(14, "absent") + recent(6, "absent", confirmed=False)), ["monotonous"]),
        (TrackRecord(recent=recent(16, "absent") + recent(4, "absent", confirmed=False)), []),
        (TrackRecord(recent=recent(12, "absent", confirmed=True) + recent(8, "absent", confirmed=False)), []),
        (TrackRecord(recent=recent(14) + recent(6, "absent", confirmed=False)), []),
        (TrackRecord(seeded_shown=6, seeded_caught=0), ["confirms_blindly"]),
        (TrackRecord(seeded_shown=6, seeded_caught=4), []),
    ],
)
def test_rules(past: TrackRecord, fired: list[str]):
    assert [finding.rule for finding in find(past)] == fired


@pytest.mark.parametrize(
    ("others", "decided", "expected"),
    [
        ([], None, None),
        (["=b"], None, None),  # one against one: nobody can tell
        (["=b", "=c"], None, None),
        (["=b", "=b"], None, False),
        (["=b", "=b", "=a"], None, True),
        (["=a"], None, True),
        (["=b", "=b"], "=a", True),
        (["=a"], "=b", False),
    ],
)
def test_one_who_agrees_confirms_and_two_together_contradict(others: list[str], decided: str | None, expected):
    assert is_confirmed("=a", others, decided) is expected


@pytest.fixture
def people(session: Session, workspace: Workspace) -> list[User]:
    set_policy(session, workspace)
    return create_people(session, workspace, 3)


def fail_controls(session: Session, workspace: Workspace, person: User) -> None:
    from hitl.annotation import qualification

    create_gold(session, workspace, 4)
    for _ in range(4):
        qualification.open_control(session, person, field=None, now=NOW)
        task = hand_out(session, person, now=NOW, purposes=["gold"])[0]
        answer(session, person, task, "0.01", now=NOW + timedelta(minutes=1))


@pytest.fixture
def keyed(session: Session, workspace: Workspace, people: list[User]) -> Document:
    """A released document whose every field hangs on the word of the first person (and the machine)."""
    document = create_read_document(session, workspace)
    start(session, document)
    for field, value in TRUTH.items():
        answer(session, people[0], hand_out(session, people[0], now=NOW, field=field)[0], value)
    assert document.state == "released"
    return document


def test_who_fails_is_paused_at_once(session: Session, workspace: Workspace, people: list[User]):
    fail_controls(session, workspace, people[0])
    assert people[0].paused_reason == "0 of the last 4 control tasks were right."
    start(session, create_read_document(session, workspace))
    assert hand_out(session, people[0], now=NOW) == []
    assert judge(session, people[0], now=NOW) == []  # paused already


def test_released_answers_of_who_failed_are_looked_at_by_a_reviewer(
    session: Session, workspace: Workspace, people: list[User], keyed: Document
):
    fail_controls(session, workspace, people[0])
    assert settle_all(session, ask_again(session, people[0], why="fails_controls", now=NOW)) == 3
    assert {r.reason for r in session.exec(select(Review))} == {"recheck"}
    reviewer = create_people(session, workspace, 1, Role.REVIEWER)[0]
    review_all(session, reviewer, TRUTH | {"total": "72.50"})
    assert keyed.state == "amended"
    assert verdict(session, keyed, "total").value == "72.50"
    assert verdict(session, keyed, "total").first_value == "12.50"


def test_open_answers_of_who_failed_no_longer_count_and_others_are_asked(
    session: Session, workspace: Workspace, people: list[User]
):
    document = create_read_document(session, workspace)
    start(session, document)
    answer(session, people[0], hand_out(session, people[0], now=NOW, field="total")[0], "12.50")
    assert verdict(session, document, "total").state == "agreed"
    held = hand_out(session, people[0], now=NOW, field="date")[0]
    fail_controls(session, workspace, people[0])
    assert settle_all(session, ask_again(session, people[0], why="fails_controls", now=NOW)) == 1
    assert verdict(session, document, "total").state == "pending"
    assert session.exec(select(Answer).where(Answer.document_id == document.id)).one().undone_at == NOW
    session.refresh(held)
    assert held.state == "open"
    assert {t.field for t in hand_out(session, people[1], now=NOW, count=5)} == {"total", "date", "vendor"}


def test_what_a_second_person_confirmed_stays(session: Session, workspace: Workspace, people: list[User]):
    document = create_read_document(session, workspace, {"total": (None, 0.0)})
    start(session, document)
    for person in people[:2]:
        answer(session, person, hand_out(session, person, now=NOW, field="total")[0], "12.50")
    assert settle_all(session, ask_again(session, people[0], why="too_fast", now=NOW)) == 0


def test_who_was_resumed_starts_afresh(session: Session, workspace: Workspace, people: list[User]):
    fail_controls(session, workspace, people[0])
    later = NOW + timedelta(hours=1)
    pauses.resume(session, people[0], actor="manager", now=later)
    assert judge(session, people[0], now=later + timedelta(minutes=1)) == []
    assert people[0].paused_reason is None


def test_the_job_asks_again_and_may_run_twice(
    session: Session, workspace: Workspace, people: list[User], keyed: Document, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pipeline, "now", lambda: NOW)
    fail_controls(session, workspace, people[0])
    session.commit()
    for _ in range(2):
        pipeline.ask_again(people[0].id, "fails_controls")
    assert len(session.exec(select(Review).where(Review.reason == "recheck")).all()) == 3
