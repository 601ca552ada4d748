"""Control work: how often, for whom, scored out of sight; training that explains, exams that admit."""

from __future__ import annotations

import pytest
from sqlmodel import Session, select

from hitl.annotation import qualification
from hitl.annotation.answers import ExamIsMarked, undo
from hitl.annotation.tasks import hand_out
from hitl.people.skills import skills_of
from hitl.workspace.policy import AuditRates, Policy
from models.states import Role, TaskPurpose
from models.tables import Answer, GoldItem, Skill, Task, User, Workspace
from tests.factories import NOW
from tests.hitl.crowd import (
    answer,
    create_people,
    create_read_document,
    review_all,
    set_policy,
    start,
    work_off,
)

TRUTH = {"vendor": "ACME LTD", "date": "2026-01-31", "total": "12.50"}


@pytest.fixture
def people(session: Session, workspace: Workspace) -> list[User]:
    set_policy(session, workspace)
    return create_people(session, workspace, 3)


def create_gold(session: Session, workspace: Workspace, count: int = 1, value: str = "12.50") -> list[GoldItem]:
    items = []
    for _ in range(count):
        document = create_read_document(session, workspace, state="released")
        items.append(
            qualification.add_gold(
                session, document, "total", "money", "found", value, explanation="The last line.", actor="me", now=NOW
            )
        )
    return items


def test_the_rate_falls_with_tenure():
    rates = [qualification.gold_rate(done) for done in (0, 10, 30, 100, 1000)]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == pytest.approx(0.2)
    assert rates[-1] == pytest.approx(0.03)


def test_controls_are_mixed_in_and_look_like_any_task(session: Session, workspace: Workspace, people: list[User]):
    create_gold(session, workspace, 8)
    for _ in range(12):
        start(session, create_read_document(session, workspace))
    work_off(session, people[0], TRUTH)
    tasks = session.exec(select(Task).join(Answer).where(Answer.user_id == people[0].id)).all()
    controls = [t for t in tasks if t.purpose == TaskPurpose.GOLD]
    assert 2 <= len(controls) <= 8
    assert {(t.mode, t.whole_page, t.shown_value) for t in controls} == {("blind", False, None)}
    skill = session.exec(select(Skill).where(Skill.user_id == people[0].id)).one()
    assert (skill.right, skill.wrong) == (len(controls), 0)


def test_nothing_is_told_of_a_control(session: Session, workspace: Workspace, people: list[User]):
    create_gold(session, workspace)
    task = qualification.open_control(session, people[0], field="total", now=NOW)
    leased = hand_out(session, people[0], now=NOW)[0]
    assert leased.id == task.id
    told = answer(session, people[0], leased, "9.99")
    assert (told.is_right, told.correct) == (None, None)
    row = session.exec(select(Answer)).one()
    assert row.is_right is False
    undo(session, row.id, people[0], now=NOW)
    skill = session.exec(select(Skill)).one()
    assert (skill.right, skill.wrong) == (0, 0)


def test_nobody_meets_a_control_of_a_field_they_keyed(session: Session, workspace: Workspace, people: list[User]):
    document = create_read_document(session, workspace)
    start(session, document)
    work_off(session, people[0], TRUTH)
    qualification.add_gold(session, document, "total", "money", "found", "12.50", actor="me", now=NOW)
    assert qualification.unseen(session, people[0], limit=5) == []
    assert len(qualification.unseen(session, people[1], limit=5)) == 1


def test_training_explains_and_does_not_count(session: Session, workspace: Workspace, people: list[User]):
    create_gold(session, workspace, 2)
    qualification.start_training(session, people[0], "money", questions=2, now=NOW)
    task = hand_out(session, people[0], now=NOW, purposes=["training"])[0]
    told = answer(session, people[0], task, "9.99")
    assert (told.is_right, told.correct, told.explanation) == (False, "12.50", "The last line.")
    assert session.exec(select(Skill)).all() == []


@pytest.mark.parametrize(("wrong", "passes"), [(0, True), (1, True), (2, False)])
def test_an_exam_admits_to_its_kind(
    session: Session, workspace: Workspace, people: list[User], wrong: int, passes: bool
):
    workspace.settings = {"exam_required": True}
    create_gold(session, workspace, 10)
    start(session, create_read_document(session, workspace))
    person = people[0]
    assert hand_out(session, person, now=NOW) == []
    qualification.start_exam(session, person, "money", now=NOW)
    for number in range(10):
        task = hand_out(session, person, now=NOW)[0]
        assert task.purpose == TaskPurpose.EXAM
        answer(session, person, task, "9.99" if number < wrong else "12.50")
    assert qualification.exam_result(session, person, "money").is_passed is passes
    assert (person.trained_kinds == ["money"]) is passes
    assert [t.field for t in hand_out(session, person, now=NOW, count=5)] == (["total"] if passes else [])


def test_an_exam_answer_is_taken_back_before_the_exam_is_marked_and_not_after(
    session: Session, workspace: Workspace, people: list[User]
):
    create_gold(session, workspace, 2)
    qualification.start_exam(session, people[0], "money", questions=2, now=NOW)
    first, last = (hand_out(session, people[0], now=NOW, purposes=["exam"])[0] for _ in range(2))
    told = answer(session, people[0], first, "9.99")
    answer(session, people[0], undo(session, told.answer_id or "", people[0], now=NOW), "12.50")
    told = answer(session, people[0], last, "9.99")
    with pytest.raises(ExamIsMarked):
        undo(session, told.answer_id or "", people[0], now=NOW)
    assert qualification.exam_result(session, people[0], "money").right == 1


def test_an_exam_needs_enough_gold(session: Session, workspace: Workspace, people: list[User]):
    create_gold(session, workspace, 3)
    with pytest.raises(qualification.TooFewGold, match="3 are there"):
        qualification.start_exam(session, people[0], "money", now=NOW)


def test_gold_is_harvested_from_what_was_adjudicated(session: Session, workspace: Workspace):
    rates = AuditRates(accept=1, review=1)
    set_policy(session, workspace, audit_rate=rates, threshold_mode="fixed", second_keyer="all")
    people = create_people(session, workspace, 2)
    reviewer = create_people(session, workspace, 1, Role.REVIEWER)[0]
    document = create_read_document(session, workspace, {f: (v, 0.99) for f, v in TRUTH.items()})
    start(session, document)
    work_off(session, people[0], TRUTH | {"total": "1.00"})
    work_off(session, people[1], TRUTH)
    review_all(session, reviewer, TRUTH)
    assert qualification.harvest(session, workspace.id, now=NOW) == 3
    assert qualification.harvest(session, workspace.id, now=NOW) == 0
    assert {i.field: i.value for i in session.exec(select(GoldItem))} == TRUTH


def test_skill_grows_with_evidence_and_other_kinds_count_half(session: Session, people: list[User]):
    session.add(Skill(user_id=people[0].id, kind="money", right=2, wrong=8, updated_at=NOW))
    session.flush()
    policy = Policy()
    money = skills_of(session, [p.id for p in people], "money", policy)
    assert money[people[1].id] == pytest.approx(0.97)
    assert money[people[0].id] == pytest.approx(11.7 / 20)
    assert money[people[0].id] < skills_of(session, [people[0].id], "date", policy)[people[0].id] < 0.97


def test_the_votes_of_a_poor_keyer_weigh_less(session: Session, workspace: Workspace, people: list[User]):
    session.add(Skill(user_id=people[0].id, kind="money", right=2, wrong=8, updated_at=NOW))
    document = create_read_document(session, workspace, {"total": ("12.50", 0.7)})
    start(session, document)
    task = hand_out(session, people[0], now=NOW, field="total")[0]
    answer(session, people[0], task, "12.50")
    assert len(hand_out(session, people[1], now=NOW, field="total")) == 1
