"""The queue: what waits, for whom, since when, and what is late or blocked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import select as table_select
from sqlmodel import Session, col, func, select

from api.web.rendering import render
from api.web.visitor import Manager
from hitl.annotation.blocked import Blocked, blocked
from hitl.work.queue_rows import OUTSTANDING, UNDECIDED
from hitl.workspace.workspaces import current_types
from models.states import DocumentState, Role, TaskState
from models.tables import Document, Review, Task, User

router = APIRouter()

WORKING = tuple(
    state.value
    for state in (
        DocumentState.RECEIVED,
        DocumentState.RENDERED,
        DocumentState.AWAITING_TYPE,
        DocumentState.READ,
        DocumentState.IN_REVIEW,
    )
)


@router.get("/queue")
def queue_page(request: Request, who: Manager) -> Response:
    session, workspace = who.session, who.workspace_id
    people = session.exec(select(User).where(User.workspace_id == workspace, col(User.active))).all()
    at_work = [user for user in people if user.last_seen_at and who.now - user.last_seen_at < timedelta(minutes=10)]
    return render(
        request, who, "manage/queue.html", section="/queue", title="Queue",
        states=documents_by_state(session, workspace), tasks=tasks_by_type(session, workspace),
        reviews=reviews_by_level(session, workspace), documents=most_urgent(session, workspace),
        blocked=blocked_by_reason(session, workspace),
        at_work=at_work, people=people, types=current_types(session, workspace), working=WORKING,
        warn_before=timedelta(hours=2), can_upload=who.is_at_least(Role.OPERATOR),
    )  # fmt: skip


def documents_by_state(session: Session, workspace_id: str) -> dict[str, int]:
    """How many documents are in each state; states without one are 0."""
    counted = session.exec(
        select(Document.state, func.count()).where(Document.workspace_id == workspace_id).group_by(Document.state)
    ).all()
    return {state.value: dict(counted).get(state.value, 0) for state in DocumentState}


@dataclass(frozen=True, slots=True)
class TaskGroup:
    """What waits of one document type for one purpose; its fields with their open tasks."""

    document_type: str | None
    purpose: str
    open: int
    in_hand: int
    oldest: datetime
    next_due: datetime | None
    fields: tuple[tuple[str, int], ...]


def tasks_by_type(session: Session, workspace_id: str) -> list[TaskGroup]:
    """What waits for people, oldest first."""
    groups: dict[tuple[str | None, str], list[Any]] = {}
    for row in _tasks_by_field(session, workspace_id):
        groups.setdefault((row.document_type, row.purpose), []).append(row)
    return sorted(
        (
            TaskGroup(
                *key,
                sum(row.free for row in rows),
                sum(row.in_hand for row in rows),
                min(row.oldest for row in rows),
                min((row.next_due for row in rows if row.next_due), default=None),
                tuple((row.field, row.free + row.in_hand) for row in rows),
            )
            for key, rows in groups.items()
        ),
        key=lambda group: group.oldest,
    )


def _tasks_by_field(session: Session, workspace_id: str) -> list[Any]:
    in_hand = func.count().filter(col(Task.state) == TaskState.LEASED.value).label("in_hand")
    free = func.count().filter(col(Task.state) == TaskState.OPEN.value).label("free")
    oldest = func.min(col(Task.created_at)).label("oldest")
    next_due = func.min(col(Task.due_at)).label("next_due")
    wanted = (
        table_select(col(Document.document_type), col(Task.field), col(Task.purpose), free, in_hand, oldest, next_due)
        .join(Document, col(Document.id) == col(Task.document_id))
        .where(col(Task.workspace_id) == workspace_id, col(Task.state).in_(OUTSTANDING))
        .group_by(col(Document.document_type), col(Task.field), col(Task.purpose))
        .order_by(col(Task.field))
    )
    return list(session.execute(wanted).all())


def reviews_by_level(session: Session, workspace_id: str) -> list[Any]:
    """Rows (level, reason, waiting, oldest)."""
    wanted = (
        table_select(col(Review.level), col(Review.reason), func.count(), func.min(col(Review.created_at)))
        .where(col(Review.workspace_id) == workspace_id, col(Review.state).in_(UNDECIDED))
        .group_by(col(Review.level), col(Review.reason))
        .order_by(col(Review.level))
    )
    return list(session.execute(wanted).all())


def most_urgent(session: Session, workspace_id: str, *, limit: int = 30) -> list[Document]:
    """Unfinished documents as the queue takes them: priority, due date, age."""
    wanted = (
        select(Document)
        .where(Document.workspace_id == workspace_id, col(Document.state).in_(WORKING))
        .order_by(col(Document.priority).desc(), col(Document.due_at).asc().nulls_last(), col(Document.created_at))
        .limit(limit)
    )
    return list(session.exec(wanted).all())


def blocked_by_reason(session: Session, workspace_id: str) -> list[tuple[Blocked, list[Blocked]]]:
    """What is blocked, by cause and reason; the first of each stands for its cure."""
    groups: dict[tuple[str, str], list[Blocked]] = {}
    for one in blocked(session, workspace_id):
        groups.setdefault((one.cause, one.reason), []).append(one)
    return [(group[0], group) for group in groups.values()]
