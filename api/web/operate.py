"""The queue: what waits, for whom, since when, and what is late or blocked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import select as table_select
from sqlmodel import Session, col, func, select

from api.web.home import documents_by_state
from api.web.rendering import render
from api.web.visitor import Manager
from hitl.eligible import keyers_left, reviewers
from hitl.work import OUTSTANDING, UNDECIDED
from models.states import DocumentState, TaskState
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
BLOCKED_CHECKED = 200  # tasks looked at for blockage, oldest first


@router.get("/queue")
def queue_page(request: Request, who: Manager) -> Response:
    session, workspace = who.session, who.workspace_id
    people = session.exec(select(User).where(User.workspace_id == workspace, col(User.active))).all()
    at_work = [user for user in people if user.last_seen_at and who.now - user.last_seen_at < timedelta(minutes=10)]
    return render(
        request, who, "queue.html", section="/queue", title="Queue",
        states=documents_by_state(session, workspace), tasks=tasks_by_field(session, workspace),
        reviews=reviews_by_level(session, workspace), documents=most_urgent(session, workspace),
        blocked=blocked_tasks(session, workspace), no_reviewer=_levels_without_reviewer(session, workspace),
        at_work=at_work, people=people, working=WORKING, warn_before=timedelta(hours=2),
    )  # fmt: skip


def tasks_by_field(session: Session, workspace_id: str) -> list[Any]:
    """Rows (document type, field, purpose, open, leased, oldest, next due) of what waits, oldest first."""
    in_hand = func.count().filter(col(Task.state) == TaskState.LEASED.value)
    free = func.count().filter(col(Task.state) == TaskState.OPEN.value)
    oldest, next_due = func.min(col(Task.created_at)), func.min(col(Task.due_at))
    wanted = (
        table_select(col(Document.document_type), col(Task.field), col(Task.purpose), free, in_hand, oldest, next_due)
        .join(Document, col(Document.id) == col(Task.document_id))
        .where(col(Task.workspace_id) == workspace_id, col(Task.state).in_(OUTSTANDING))
        .group_by(col(Document.document_type), col(Task.field), col(Task.purpose))
        .order_by(oldest)
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


def blocked_tasks(session: Session, workspace_id: str) -> list[Task]:
    """Open tasks that nobody who is active may answer: each of them has already seen the field."""
    wanted = (
        select(Task)
        .where(Task.workspace_id == workspace_id, Task.state == TaskState.OPEN.value)
        .order_by(col(Task.created_at))
        .limit(BLOCKED_CHECKED)
    )
    left: dict[tuple[str, str], bool] = {}
    blocked = []
    for task in session.exec(wanted).all():
        about = (task.document_id, task.field)
        if about not in left:
            left[about] = bool(keyers_left(session, workspace_id, task.document_id, task.field, task.kind))
        if not left[about]:
            blocked.append(task)
    return blocked


def _levels_without_reviewer(session: Session, workspace_id: str) -> list[int]:
    levels = {level for level, *_ in reviews_by_level(session, workspace_id)}
    return sorted(level for level in levels if not reviewers(session, workspace_id, level))
