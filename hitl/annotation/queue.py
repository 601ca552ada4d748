"""The queue as staff sees it: what waits, how long, what is blocked; and passing on what nobody is left for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import exists, func
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from hitl.annotation import audit as audits
from hitl.annotation import consensus
from hitl.annotation.blocked import blocked
from hitl.people import eligible
from hitl.platform.locks import hold_free
from hitl.platform.moves import advance
from hitl.work import queue_rows
from models.states import TaskPurpose, TaskState, VerdictState
from models.tables import Answer, Audit, Document, Review, Task, Verdict


def queue_summary(session: Session, workspace_id: str, *, now: datetime) -> dict[str, Any]:
    """{"tasks": {...}, "reviews": {...}, "documents": {state: n}, "blocked": [...]}: numbers and ages in seconds."""
    return {
        "tasks": _tasks(session, workspace_id, now),
        "reviews": _reviews(session, workspace_id, now),
        "documents": _documents(session, workspace_id),
        "blocked": [one.as_dict() for one in blocked(session, workspace_id)],
    }


def escalate_stranded(session: Session, workspace_id: str, *, now: datetime, document_id: str | None = None) -> int:
    """Withdraw open tasks that every keyer has had, and let level 2 decide. Returns how many.

    Where there is no keyer at all just now (all are paused) work waits, and `blocked` says so.
    """
    said = aliased(Task)
    was_asked = exists().where(
        col(Answer.document_id) == col(Task.document_id),
        col(Answer.task_id) == said.id,
        col(said.field) == col(Task.field),
        col(Answer.undone_at).is_(None),
    )
    wanted = select(Task).where(
        Task.workspace_id == workspace_id,
        Task.state == TaskState.OPEN.value,
        col(Task.purpose).in_([TaskPurpose.REVIEW.value, TaskPurpose.AUDIT.value]),
        col(Task.for_user_id).is_(None),
        was_asked,
    )
    if document_id is not None:
        wanted = wanted.where(Task.document_id == document_id)
    keyers: dict[str, set[str]] = {}
    moved = 0
    stranded = session.exec(wanted).all()
    held = hold_free(session, [task.document_id for task in stranded])
    for task in stranded:
        if task.document_id not in held or task.state != TaskState.OPEN.value:
            continue
        if task.kind not in keyers:
            keyers[task.kind] = eligible.keyers(session, workspace_id, task.kind)
        if not keyers[task.kind] or keyers[task.kind] - eligible.has_seen(session, task.document_id, task.field):
            continue
        advance(session, task, TaskState.WITHDRAWN, actor="system:queue", now=now, why="nobody left")
        _pass_on(session, task, now)
        moved += 1
    return moved


def _pass_on(session: Session, task: Task, now: datetime) -> None:
    document = session.get_one(Document, task.document_id)
    verdict = session.get_one(Verdict, task.verdict_id)
    if task.audit_id:
        audit = session.get_one(Audit, task.audit_id)
        if audit.state == VerdictState.PENDING.value and not queue_rows.outstanding(session, audit_id=audit.id):
            audits.contest(session, document, audit, verdict, reason="exhausted", now=now)
    elif verdict.state == VerdictState.PENDING.value and not queue_rows.outstanding(session, verdict_id=verdict.id):
        consensus.contest(session, verdict, document, reason="exhausted", now=now)


def _tasks(session: Session, workspace_id: str, now: datetime) -> dict[str, Any]:
    oldest, due = func.min(col(Task.created_at)), func.min(col(Task.due_at))
    rows = session.exec(
        select(Task.purpose, Task.kind, Task.state, func.count(), oldest, due)  # type: ignore[call-overload]
        .where(Task.workspace_id == workspace_id, col(Task.state).in_(queue_rows.OUTSTANDING))
        .group_by(col(Task.purpose), col(Task.kind), col(Task.state))
    ).all()
    groups = [
        {
            "purpose": purpose,
            "kind": kind,
            "state": state,
            "count": count,
            "oldest_seconds": (now - first).total_seconds(),
            "due_at": due_at.isoformat() if due_at else None,
            "is_late": bool(due_at and due_at < now),
        }
        for purpose, kind, state, count, first, due_at in rows
    ]
    return {
        "open": sum(g["count"] for g in groups if g["state"] == TaskState.OPEN.value),
        "leased": sum(g["count"] for g in groups if g["state"] == TaskState.LEASED.value),
        "oldest_seconds": max((g["oldest_seconds"] for g in groups), default=0.0),
        "groups": groups,
    }


def _reviews(session: Session, workspace_id: str, now: datetime) -> dict[str, Any]:
    rows = session.exec(
        select(Review.level, Review.reason, Review.state, func.count(), func.min(col(Review.created_at)))  # type: ignore[call-overload]
        .where(Review.workspace_id == workspace_id, col(Review.state).in_(queue_rows.UNDECIDED))
        .group_by(col(Review.level), col(Review.reason), col(Review.state))
    ).all()
    groups = [
        {"level": level, "reason": reason, "state": state, "count": n, "oldest_seconds": (now - first).total_seconds()}
        for level, reason, state, n, first in rows
    ]
    return {"open": sum(g["count"] for g in groups), "groups": groups}


def _documents(session: Session, workspace_id: str) -> dict[str, int]:
    rows = session.exec(
        select(Document.state, func.count()).where(Document.workspace_id == workspace_id).group_by(col(Document.state))
    ).all()
    return {str(state): int(count) for state, count in rows}
