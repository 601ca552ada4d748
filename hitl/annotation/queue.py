"""The queue as staff sees it: what waits, how long, what is blocked; and passing on what nobody is left for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func
from sqlalchemy import select as table_select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from hitl.annotation import audit as audits
from hitl.annotation import consensus
from hitl.annotation.blocked import blocked
from hitl.people import eligible
from hitl.platform.locks import hold_free
from hitl.platform.moves import advance
from hitl.release.listing import count_by_state
from hitl.work import queue_rows
from models.states import TaskPurpose, TaskState, VerdictState
from models.tables import Answer, Audit, Document, Review, Task, Verdict

AT_ONCE = 5_000  # open tasks that are looked at in one go


def queue_summary(session: Session, workspace_id: str, *, now: datetime) -> dict[str, Any]:
    """{"tasks": {...}, "reviews": {...}, "documents": {state: n}, "blocked": [...]}: numbers and ages in seconds."""
    return {
        "tasks": _tasks(session, workspace_id, now),
        "reviews": _reviews(session, workspace_id, now),
        "documents": {state: count for state, (count, _) in count_by_state(session, workspace_id).items()},
        "blocked": [one.as_dict() for one in blocked(session, workspace_id)],
    }


def escalate_stranded(session: Session, workspace_id: str, *, now: datetime, document_id: str | None = None) -> int:
    """Withdraw open tasks that every keyer has had, and let level 2 decide. Returns how many.

    Of a long queue a part is looked at each minute: who skips or answers brings his own document at once, so what is
    left is what nobody may have any more because people left.

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
    elif (pieces := -(-count_open(session, Task, workspace_id) // AT_ONCE)) > 1:
        piece = func.abs(func.hashtext(Task.document_id)) % pieces
        wanted = wanted.where(piece == int(now.timestamp() // 60) % pieces)
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


@dataclass(frozen=True, slots=True)
class Waiting:
    """Tasks that nobody has answered yet and that agree in all of this."""

    document_type: str | None
    field: str
    purpose: str
    kind: str
    state: str
    count: int
    oldest: datetime
    next_due: datetime | None


def tasks_waiting(session: Session, workspace_id: str) -> list[Waiting]:
    """What waits for people, in groups that staff sums up as it needs."""
    group = [col(Document.document_type), col(Task.field), col(Task.purpose), col(Task.kind), col(Task.state)]
    wanted = (
        table_select(*group, func.count(), func.min(col(Task.created_at)), func.min(col(Task.due_at)))
        .join(Document, col(Document.id) == col(Task.document_id))
        .where(col(Task.workspace_id) == workspace_id, col(Task.state).in_(queue_rows.OUTSTANDING))
        .group_by(*group)
        .order_by(col(Task.field))
    )
    return [Waiting(*row) for row in session.execute(wanted).all()]


def reviews_waiting(session: Session, workspace_id: str) -> list[tuple[int, str, str, int, datetime]]:
    """(level, reason, state, count, oldest) of what reviewers have not decided, by level."""
    group = [col(Review.level), col(Review.reason), col(Review.state)]
    wanted = (
        table_select(*group, func.count(), func.min(col(Review.created_at)))
        .where(col(Review.workspace_id) == workspace_id, col(Review.state).in_(queue_rows.UNDECIDED))
        .group_by(*group)
        .order_by(*group)
    )
    return [tuple(row) for row in session.execute(wanted).all()]


def count_open(session: Session, table: type[Task] | type[Review], workspace_id: str) -> int:
    """Tasks or reviews that nobody has in hand."""
    wanted = select(func.count()).select_from(table).where(table.workspace_id == workspace_id, table.state == "open")
    return session.exec(wanted).one()


def _tasks(session: Session, workspace_id: str, now: datetime) -> dict[str, Any]:
    grouped: dict[tuple[str, str, str], list[Waiting]] = {}
    for one in tasks_waiting(session, workspace_id):
        grouped.setdefault((one.purpose, one.kind, one.state), []).append(one)
    groups = [
        _task_group(*key, sum(one.count for one in some), min(one.oldest for one in some), _next_due(some), now)
        for key, some in grouped.items()
    ]
    return {
        "open": sum(g["count"] for g in groups if g["state"] == TaskState.OPEN.value),
        "leased": sum(g["count"] for g in groups if g["state"] == TaskState.LEASED.value),
        "oldest_seconds": max((g["oldest_seconds"] for g in groups), default=0.0),
        "groups": groups,
    }


def _next_due(some: Iterable[Waiting]) -> datetime | None:
    return min((one.next_due for one in some if one.next_due), default=None)


def _task_group(
    purpose: str, kind: str, state: str, count: int, oldest: datetime, due_at: datetime | None, now: datetime
) -> dict[str, Any]:
    return {
        "purpose": purpose,
        "kind": kind,
        "state": state,
        "count": count,
        "oldest_seconds": (now - oldest).total_seconds(),
        "due_at": due_at.isoformat() if due_at else None,
        "is_late": bool(due_at and due_at < now),
    }


def _reviews(session: Session, workspace_id: str, now: datetime) -> dict[str, Any]:
    groups = [
        {"level": level, "reason": reason, "state": state, "count": n, "oldest_seconds": (now - first).total_seconds()}
        for level, reason, state, n, first in reviews_waiting(session, workspace_id)
    ]
    return {"open": sum(g["count"] for g in groups), "groups": groups}
