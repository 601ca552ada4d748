"""The people page: invite, level, pause, skills, reset a password, deactivate."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from api.deps import owned
from api.problems import ApiProblem
from api.web.rendering import go, render
from api.web.visitor import Manager, Operator, Visitor
from hitl.annotation.leaving import leave
from hitl.people import accounts, figures, messages, pauses, promotion
from hitl.settings import settings
from models.states import Role
from models.tables import User

router = APIRouter(prefix="/people")


@router.get("")
def people_page(request: Request, who: Manager) -> Response:
    return _page(request, who)


def _page(request: Request, who: Visitor, *, status: int = 200, **more: Any) -> Response:
    rows = accounts.list_users(who.session, who.workspace_id)
    return render(
        request, who, "manage/people.html", section="/people", title="People", status=status, people=rows,
        skills=figures.accuracy_by_person(who.session, [row.id for row in rows]),
        figures=figures.speed_by_person(who.session, who.workspace_id), roles=_roles(who),
        can_invite=who.is_at_least(Role.OPERATOR), **({"link": None} | more),
    )  # fmt: skip


def _roles(who: Visitor) -> list[Role]:
    """The roles this person may give: none above their own."""
    return [role for role in Role if accounts.at_least(who.user, role)]


@router.get("/levels")
def levels_page(request: Request, who: Manager) -> Response:
    """Who might rise or fall a level, by their recent work; a page of its own, for it reads all of that."""
    return _levels(request, who)


def _levels(request: Request, who: Visitor, *, status: int = 200, problem: str = "") -> Response:
    people = {row.id: row for row in accounts.list_users(who.session, who.workspace_id)}
    return render(
        request, who, "manage/levels.html", section="/people", title="Levels", status=status, people=people,
        proposals=promotion.proposals(who.session, who.workspace_id, now=who.now), fewest=promotion.FEWEST,
        days=promotion.WINDOW.days, problem=problem,
    )  # fmt: skip


@router.post("/{user_id}/level")
def confirm_level(request: Request, who: Manager, user_id: str, role: Annotated[Role, Form()]) -> Response:
    _may_give(who, role)
    try:
        promotion.confirm(who.session, _person(who, user_id), role, who.user, now=who.now)
    except (promotion.NotAManager, promotion.NotProposed) as error:
        return _levels(request, who, status=409, problem=str(error))
    return go("/people/levels", "saved")


@router.post("/invite")
def invite(
    request: Request,
    who: Operator,
    login: Annotated[str, Form()],
    role: Annotated[Role, Form()],
    name: Annotated[str, Form()] = "",
) -> Response:
    """A new person and the link with which they choose a password; it is shown once."""
    _may_give(who, role)
    try:
        user, code = accounts.invite(
            who.session, who.workspace_id, login, name=name.strip(), role=role, actor=who.actor, now=who.now
        )
    except accounts.PeopleError as error:
        return _page(request, who, status=422, problem=str(error))
    return _page(request, who, link=_link(code), link_for=user.name or user.login)


@router.post("/{user_id}/reset")
def reset(request: Request, who: Operator, user_id: str) -> Response:
    user = _person(who, user_id)
    code = accounts.begin_reset(who.session, user, actor=who.actor, now=who.now)
    return _page(request, who, link=_link(code), link_for=user.name or user.login)


def _link(code: str) -> str:
    return f"{settings().public_url.rstrip('/')}/password/{code}"


@router.post("/{user_id}/pause")
def pause(who: Manager, user_id: str, reason: Annotated[str, Form()]) -> Response:
    user = _person(who, user_id)
    pauses.pause(who.session, user, reason=reason.strip() or "paused by a manager", actor=who.actor, now=who.now)
    return go("/people", "paused")


@router.post("/{user_id}/resume")
def resume(who: Manager, user_id: str) -> Response:
    pauses.resume(who.session, _person(who, user_id), actor=who.actor, now=who.now)
    return go("/people", "resumed")


@router.post("/{user_id}/message")
def message(who: Manager, user_id: str, body: Annotated[str, Form()]) -> Response:
    if not body.strip():
        return go("/people", "nothing")
    messages.send(who.session, who.user, body[:2000], to_user_id=_person(who, user_id).id, now=who.now)
    return go("/people", "saved")


@router.post("/{user_id}/role")
def change_role(request: Request, who: Operator, user_id: str, role: Annotated[Role, Form()]) -> Response:
    _may_give(who, role)
    try:
        accounts.change_role(who.session, _person(who, user_id), role, actor=who.actor, now=who.now)
    except accounts.LastAdmin as error:
        return _page(request, who, status=409, problem=str(error))
    return go("/people", "saved")


@router.post("/{user_id}/deactivate")
def deactivate(request: Request, who: Operator, user_id: str) -> Response:
    try:
        leave(who.session, _person(who, user_id), actor=who.actor, now=who.now)
    except accounts.LastAdmin as error:
        return _page(request, who, status=409, problem=str(error))
    return go("/people", "deactivated")


@router.post("/{user_id}/activate")
def activate(who: Operator, user_id: str) -> Response:
    accounts.activate(who.session, _person(who, user_id), actor=who.actor, now=who.now)
    return go("/people", "activated")


def _person(who: Visitor, user_id: str) -> User:
    """A person of the workspace who is not above the visitor: nobody changes their superiors."""
    user = owned(who.session, User, user_id, who.workspace_id)
    _may_give(who, Role(user.role))
    return user


def _may_give(who: Visitor, role: Role) -> None:
    if not accounts.at_least(who.user, role):
        raise ApiProblem(403, "not_for_your_role", f"Your role is below {role}.", "Ask an admin.")
