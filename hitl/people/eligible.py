"""Who may key, audit or review what: active people of the workspace who have not had a hand in it."""

from __future__ import annotations

from collections.abc import Collection

from sqlmodel import Session, col, select

from models.states import LEVEL, Role, TaskState
from models.tables import Answer, Review, Task, User, Workspace


def keyers(session: Session, workspace_id: str, kind: str) -> set[str]:
    """Ids of those who key: validators who are active, not paused, and trained where an exam is asked for.

    Where a workspace has no active validator, everybody keys.
    """
    people = _active(session, workspace_id)
    validators = [user for user in people if user.role == Role.VALIDATOR.value]
    asks_exam = exam_is_asked(session, workspace_id)
    return {
        user.id
        for user in validators or people
        if user.paused_reason is None and (not asks_exam or kind in user.trained_kinds)
    }


def exam_is_asked(session: Session, workspace_id: str) -> bool:
    """True when people must pass an exam on a kind before they get real work of it."""
    workspace = session.get(Workspace, workspace_id)
    return bool(workspace and workspace.settings.get("exam_required", False))


def has_seen(session: Session, document_id: str, field: str) -> set[str]:
    """Ids of those who answered or skipped this field of this document, or are at it now."""
    answered = session.exec(
        select(Answer.user_id)
        .join(Task, col(Task.id) == col(Answer.task_id))
        .where(Answer.document_id == document_id, Task.field == field, col(Answer.undone_at).is_(None))
    ).all()
    leased = session.exec(
        select(Task.leased_to).where(
            Task.document_id == document_id, Task.field == field, Task.state == TaskState.LEASED.value
        )
    ).all()
    return set(answered) | {user_id for user_id in leased if user_id}


def keyers_left(session: Session, workspace_id: str, document_id: str, field: str, kind: str) -> set[str]:
    """Ids of keyers who could still be asked about this field of this document."""
    return keyers(session, workspace_id, kind) - has_seen(session, document_id, field)


def reviewers(session: Session, workspace_id: str, level: int, barred: Collection[str] = ()) -> set[str]:
    """Ids of those of `level` or above who are active, not paused and not among `barred`."""
    return {
        user.id
        for user in _active(session, workspace_id)
        if LEVEL[Role(user.role)] >= level and user.paused_reason is None and user.id not in barred
    }


def barred_from(session: Session, review: Review, field: str | None) -> set[str]:
    """Those who may not decide `review`: nobody adjudicates their own answers or their own earlier decision."""
    answered = (
        select(Answer.user_id)
        .join(Task, col(Task.id) == col(Answer.task_id))
        .where(Answer.document_id == review.document_id, col(Answer.undone_at).is_(None))
    )
    if field is not None:
        answered = answered.where(Task.field == field)
    earlier = select(Review.decided_by).where(
        Review.document_id == review.document_id,
        Review.id != review.id,
        Review.verdict_id == review.verdict_id,
        Review.audit_id == review.audit_id,
    )
    return set(session.exec(answered).all()) | {who for who in session.exec(earlier).all() if who}


def _active(session: Session, workspace_id: str) -> list[User]:
    return list(session.exec(select(User).where(User.workspace_id == workspace_id, col(User.active))).all())
