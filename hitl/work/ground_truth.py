"""Whose answers are independent evidence: blind, typed, standing; one query for examples and certificates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from models.states import TaskPurpose
from models.tables import Answer, Task, Verdict


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
