"""The start page: what each role does first in the morning."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session, col, func, select

from api.web.learn.figures import figures_of
from api.web.manage.alerts import matters
from api.web.manage.operate import documents_by_state
from api.web.manage.tour import tour_of
from api.web.rendering import render
from api.web.visitor import Anybody
from models.states import ReviewState, Role, TaskState
from models.tables import Message, Review, Task

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
        "mine": figures_of(session, who.user, now=who.now, midnight=who.midnight),
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
            "matters": matters(who),
            "tour": tour_of(who),
        }
    return render(request, who, "manage/home.html", section="/", title="Start", **shown)


def _count(session: Session, table: Any, workspace_id: str, states: list[str]) -> int:
    wanted = select(func.count()).select_from(table).where(table.workspace_id == workspace_id, table.state.in_(states))
    return session.exec(wanted).one()
