"""The start page: what each role does first in the morning."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session, col, func, select

from api.web.figures import figures_of
from api.web.rendering import render
from api.web.visitor import Anybody
from models.states import DocumentState, ModelState, ReviewState, Role, TaskState
from models.tables import Document, Message, ModelVersion, Review, Task

router = APIRouter()


@router.get("/")
def home_page(request: Request, who: Anybody) -> Response:
    session, workspace = who.session, who.workspace_id
    unread = (
        select(func.count())
        .select_from(Message)
        .where(Message.to_user_id == who.user.id, col(Message.read_at).is_(None))
    )
    shown: dict[str, Any] = {
        "mine": figures_of(session, who.user, now=who.now),
        "open_tasks": _count(session, Task, workspace, [TaskState.OPEN.value]),
        "unread": session.exec(unread).one(),
        "reviews": None,
        "states": None,
    }
    if who.is_at_least(Role.REVIEWER):
        shown["reviews"] = _count(session, Review, workspace, [ReviewState.OPEN.value])
    if who.is_at_least(Role.MANAGER):
        shown |= {
            "states": documents_by_state(session, workspace),
            "late": _late(who),
            "model": _newest_model(session, workspace),
        }
    return render(
        request, who, "home.html", section="/", title="Start", can_upload=who.is_at_least(Role.OPERATOR), **shown
    )


def _count(session: Session, table: Any, workspace_id: str, states: list[str]) -> int:
    wanted = select(func.count()).select_from(table).where(table.workspace_id == workspace_id, table.state.in_(states))
    return session.exec(wanted).one()


def documents_by_state(session: Session, workspace_id: str) -> dict[str, int]:
    """How many documents are in each state; states without one are 0."""
    counted = session.exec(
        select(Document.state, func.count()).where(Document.workspace_id == workspace_id).group_by(Document.state)
    ).all()
    return {state.value: dict(counted).get(state.value, 0) for state in DocumentState}


def _late(who: Any) -> int:
    unfinished = ["received", "rendered", "awaiting_type", "read", "in_review"]
    wanted = (
        select(func.count())
        .select_from(Document)
        .where(
            Document.workspace_id == who.workspace_id,
            col(Document.state).in_(unfinished),
            col(Document.due_at) < who.now,
        )
    )
    return int(who.session.exec(wanted).one())


def _newest_model(session: Session, workspace_id: str) -> ModelVersion | None:
    """A model that waits for a decision."""
    wanted = select(ModelVersion).where(
        ModelVersion.workspace_id == workspace_id, ModelVersion.state == ModelState.PASSED.value
    )
    return session.exec(wanted.order_by(col(ModelVersion.created_at).desc())).first()
