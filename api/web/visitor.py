"""Who is looking at a page: the signed-in person behind the cookie, and their role."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Annotated
from urllib.parse import quote, unquote, urlsplit
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from sqlmodel import Session

from api.deps import Now, SessionDep
from api.problems import ApiProblem
from hitl.people.accounts import at_least, user_of_session
from models.states import Role
from models.tables import User

COOKIE = "countersign_session"


@dataclass(frozen=True, slots=True)
class Visitor:
    """One signed-in request."""

    session: Session
    user: User
    now: datetime
    zone: tzinfo = UTC

    @property
    def midnight(self) -> datetime:
        """When the day of this person began, where they are."""
        return self.now.astimezone(self.zone).replace(hour=0, minute=0, second=0, microsecond=0)

    @property
    def workspace_id(self) -> str:
        return self.user.workspace_id

    @property
    def actor(self) -> str:
        return self.user.id

    def is_at_least(self, role: Role) -> bool:
        return at_least(self.user, role)


def visitor(request: Request, session: SessionDep, now: Now) -> Visitor:
    """The signed-in visitor; others are sent to the sign-in page, or told 401 when a script asks."""
    token = request.cookies.get(COOKIE, "")
    user = user_of_session(session, token, now=now) if token else None
    if user is None:
        raise not_signed_in(request)
    return Visitor(session, user, now, zone_of(request.cookies.get("timezone", "")))


def zone_of(name: str) -> tzinfo:
    """The time zone that the browser named in its cookie; UTC where it named none or one that nobody knows."""
    try:
        return ZoneInfo(unquote(name)) if name else UTC
    except (KeyError, ValueError, OSError):
        return UTC


def not_signed_in(request: Request) -> ApiProblem:
    detail, step = "You are not signed in, or your session ran out.", "Sign in again."
    if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return ApiProblem(303, "sign_in", detail, step, {"Location": f"/signin?next={quote(path, safe='/')}"})
    return ApiProblem(401, "signed_out", detail, step)


def role_of_at_least(role: Role) -> Callable[[Visitor], Visitor]:
    """A dependency: a visitor whose role is `role` or above."""

    def check(who: Annotated[Visitor, Depends(visitor, scope="function")]) -> Visitor:
        if not who.is_at_least(role):
            raise ApiProblem(
                403,
                "not_for_your_role",
                f"This page is for the role {role} and above; yours is {who.user.role}.",
                "Ask an admin if you need it.",
            )
        return who

    return check


Anybody = Annotated[Visitor, Depends(visitor, scope="function")]
Reviewer = Annotated[Visitor, Depends(role_of_at_least(Role.REVIEWER), scope="function")]
Manager = Annotated[Visitor, Depends(role_of_at_least(Role.MANAGER), scope="function")]
Operator = Annotated[Visitor, Depends(role_of_at_least(Role.OPERATOR), scope="function")]
Admin = Annotated[Visitor, Depends(role_of_at_least(Role.ADMIN), scope="function")]


def safe_path(path: str) -> str:
    """A path on this site, or the start page: a link may not send people elsewhere after they signed in."""
    parts = urlsplit(path)
    local = path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme
    return path if local and "\\" not in path else "/"
