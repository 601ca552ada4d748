"""The start page: what each role does first in the morning."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.web.manage.alerts import matters
from api.web.manage.tour import tour_of
from api.web.rendering import render
from api.web.visitor import Anybody
from hitl.annotation.queue import count_open
from hitl.people.figures import figures_of
from hitl.people.messages import count_unread
from hitl.release.listing import all_states
from models.states import Role
from models.tables import Review, Task

router = APIRouter()


@router.get("/")
def home_page(request: Request, who: Anybody) -> Response:
    session, workspace = who.session, who.workspace_id
    figures = figures_of(session, who.user, now=who.now, midnight=who.midnight)
    shown: dict[str, Any] = {
        "mine": figures,
        "open_tasks": count_open(session, Task, workspace),
        "unread": count_unread(session, who.user),
        "reviews": count_open(session, Review, workspace) if who.is_at_least(Role.REVIEWER) else None,
        "states": None,
    }
    if who.is_at_least(Role.MANAGER):
        states = all_states(session, workspace)
        shown |= {"states": states, "matters": matters(who), "tour": tour_of(who, figures)}
    return render(request, who, "manage/home.html", section="/", title="Start", **shown)
