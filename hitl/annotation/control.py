"""Scoring of control work: gold, training and exam tasks against their known values, and seeded wrong values."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from hitl.aggregate.equality import token_of
from hitl.annotation import qualification as gold_work
from hitl.people import skills
from models.states import TaskPurpose
from models.tables import Answer, GoldItem, Task, User
from models.values import ValueState


def score(session: Session, task: Task, user: User, answer: Answer, *, now: datetime) -> None:
    """Mark the answer right or wrong. Gold and exam tasks count for the skill, training does not."""
    gold = session.get_one(GoldItem, task.gold_item_id)
    answer.is_right = token_of(gold.kind, answer.value_state, answer.value) == token_of(
        gold.kind, gold.value_state, gold.value
    )
    session.add(answer)
    session.flush()
    if task.purpose != TaskPurpose.TRAINING.value:
        skills.count_control(session, user.id, task.kind, is_right=answer.is_right, now=now)
    if task.purpose == TaskPurpose.EXAM.value:
        gold_work.grade_exam(session, user, task.kind, now=now)


def score_seeded(session: Session, task: Task, user: User, answer: Answer, *, now: datetime) -> None:
    """A wrong value was shown on purpose: was it caught?"""
    shown = token_of(task.kind, ValueState.FOUND.value, task.shown_value)
    caught = token_of(task.kind, answer.value_state, answer.value) != shown
    skills.count_seeded(session, user.id, task.kind, caught=caught, now=now)


def take_back(session: Session, task: Task, answer: Answer, *, now: datetime) -> None:
    """An undone answer to a control task does not count."""
    if answer.is_right is not None and task.purpose != TaskPurpose.TRAINING.value:
        skills.take_back_control(session, answer.user_id, task.kind, is_right=answer.is_right, now=now)
