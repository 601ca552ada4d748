"""Rules of conduct on their own, and what a finding does: a pause, tasks taken back, answers asked again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from hitl import pipeline
from hitl.annotation.conduct import RULES, Conduct, Work, ask_again, find, judge
from hitl.annotation.tasks import hand_out
from hitl.people import accounts
from models.states import Role
from models.tables import Answer, Document, Review, User, Workspace
from tests.factories import NOW
from tests.hitl.annotation.test_qualification import create_gold
from tests.hitl.crowd import answer, create_people, create_read_document, review_all, set_policy, start, verdict

TRUTH = {"vendor": "ACME LTD", "date": "2026-01-31", "total": "12.50"}


def recent(count: int, token: str = "=x{}", seconds: float = 4.0, keystrokes: int = 8) -> list[Work]:
    return [Work(token.format(i), seconds, keystrokes, keystrokes, "blind") for i in range(count)]


@pytest.mark.parametrize(
    ("conduct", "fired"),
    [
        (Conduct(), []),
        (Conduct(controls=[True] * 9 + [False]), []),
        (Conduct(controls=[False] * 4), []),
        (Conduct(controls=[False] * 3 + [True] * 2), ["fails_controls"]),
        (Conduct(agreed=[True] * 19 + [False]), []),
        (Conduct(agreed=[True] * 14 + [False] * 6), ["disagrees"]),
        (Conduct(recent=recent(20)), []),
        (Conduct(recent=recent(20, seconds=0.2)), ["too_fast"]),
        (Conduct(recent=recent(20, seconds=1.0, keystrokes=40)), ["too_fast"]),
        (Conduct(recent=recent(19, seconds=0.2)), []),
        (Conduct(recent=recent(20, token="absent"), usual_share={"absent": 0.1}), ["monotonous"]),
        (Conduct(recent=recent(20, token="=yes"), usual_share={"=yes": 0.7}), []),
        (Conduct(recent=recent(20, token="=yes")), []),
        (Conduct(seeded_shown=6, seeded_caught=0), ["confirms_blindly"]),
        (Conduct(seeded_shown=6, seeded_caught=4), []),
    ],
)
def test_rules(conduct: Conduct, fired: list[str]):
    assert [finding.rule for finding in find(conduct)] == fired


def test_every_rule_says_what_it_is_about():
    assert all(rule.__doc__ for rule in RULES)


@pytest.fixture
def people(session: Session, workspace: Workspace) -> list[User]:
    set_policy(session, workspace)
    return create_people(session, workspace, 3)


def fail_controls(session: Session, workspace: Workspace, person: User) -> None:
    from hitl.annotation import qualification

    create_gold(session, workspace, 5)
    for _ in range(5):
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
    assert people[0].paused_reason == "0 of the last 5 control tasks were right."
    start(session, create_read_document(session, workspace))
    assert hand_out(session, people[0], now=NOW) == []
    assert judge(session, people[0], now=NOW) == []  # paused already


def test_released_answers_of_who_failed_are_looked_at_by_a_reviewer(
    session: Session, workspace: Workspace, people: list[User], keyed: Document
):
    fail_controls(session, workspace, people[0])
    assert ask_again(session, people[0], why="fails_controls", now=NOW) == 3
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
    assert ask_again(session, people[0], why="fails_controls", now=NOW) == 1
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
    assert ask_again(session, people[0], why="too_fast", now=NOW) == 0


def test_who_was_resumed_starts_afresh(session: Session, workspace: Workspace, people: list[User]):
    fail_controls(session, workspace, people[0])
    later = NOW + timedelta(hours=1)
    accounts.resume(session, people[0], actor="manager", now=later)
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
