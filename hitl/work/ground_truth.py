"""Whose answers are independent evidence: blind, typed, standing; one query for examples and certificates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from hitl.aggregate.equality import token_of
from models.states import ReviewState, TaskPurpose, VerdictState
from models.tables import (
    Answer,
    Audit,
    Review,
    Task,
    Verdict,
)
from models.values import ValueState


def blind_answers(session: Session, verdict: Verdict, *, until: datetime | None = None) -> Sequence[Answer]:
    """What people typed of `verdict` without seeing a value, in review or audit; only what came `until` then."""
    wanted = (
        select(Answer)
        .join(Task, col(Task.id) == col(Answer.task_id))
        .where(
            Task.verdict_id == verdict.id,
            col(Task.purpose).in_([TaskPurpose.REVIEW.value, TaskPurpose.AUDIT.value]),
            Task.mode == "blind",
            Answer.source == "typed",
            col(Answer.undone_at).is_(None),
            col(Answer.skip_reason).is_(None),
        )
    )
    return session.exec(wanted if until is None else wanted.where(col(Answer.created_at) <= until)).all()


def is_usable(audit: Audit) -> bool:
    """Gold that says something: an illegible place is no evidence against the value that was released."""
    return audit.gold_state is not None and audit.gold_state != ValueState.ILLEGIBLE.value


def is_decided(audit: Audit) -> bool:
    """Gold that says something, seen with a known probability; an illegible place is evidence of nothing."""
    has_gold = audit.state == VerdictState.FINAL.value and audit.gold_state not in (None, ValueState.ILLEGIBLE.value)
    return has_gold and audit.second_probability is not None


def chance_of(audit: Audit) -> float:
    """The probability with which an audit has gold: it was drawn, and then its second keyer."""
    return audit.probability * (1.0 if audit.second_probability is None else audit.second_probability)


def is_settled_by_people(session: Session, verdict: Verdict) -> bool:
    """True when two blind people, the machine excluded, said the value, or differed and a reviewer adjudicated."""
    answers = blind_answers(session, verdict, until=verdict.decided_at or verdict.created_at)
    if verdict.decided_by == "people":
        value = token_of(verdict.kind, verdict.first_value_state or "", verdict.first_value)
        return len({a.user_id for a in answers if token_of(verdict.kind, a.value_state, a.value) == value}) >= 2
    audit = select(Audit.id).where(Audit.verdict_id == verdict.id).scalar_subquery()
    adjudicated = select(Review.id).where(
        (col(Review.verdict_id) == verdict.id) | (col(Review.audit_id) == audit),
        Review.state == ReviewState.DECIDED.value,
        Review.reason == "contested",
    )
    return len({a.user_id for a in answers}) >= 2 and session.exec(adjudicated).first() is not None


def is_independent(session: Session, verdict: Verdict) -> bool:
    """True when two blind people said the final value, the machine excluded, or a reviewer adjudicated."""
    if (verdict.decided_by or "").startswith("reviewer:"):
        return True
    answers = blind_answers(session, verdict)
    final = token_of(verdict.kind, verdict.value_state or "", verdict.value)
    agreeing = {a.user_id for a in answers if token_of(verdict.kind, a.value_state, a.value) == final}
    return len(agreeing) >= 2
