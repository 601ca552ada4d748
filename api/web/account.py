"""Signing in and out, setting a password, and a person's own page: figures, feedback, messages, password."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from api.deps import Now, SessionDep
from api.web.rendering import go, render
from api.web.visitor import COOKIE, Anybody, safe_path
from hitl.people import messages
from hitl.people.accounts import (
    PeopleError,
    Rejected,
    change_password,
    open_session,
    sign_in,
    sign_out,
    use_code,
    user_of_session,
)
from hitl.people.figures import figures_of
from hitl.platform.ownership import find
from models.tables import Message

router = APIRouter()


def keep_signed_in(request: Request, answer: Response, token: str, seconds: int) -> Response:
    answer.set_cookie(
        COOKIE, token, max_age=seconds, httponly=True, samesite="lax", secure=request.url.scheme == "https", path="/"
    )
    return answer


@router.get("/signin")
def sign_in_page(request: Request, session: SessionDep, now: Now, next: str = "/") -> Response:  # noqa: A002
    token = request.cookies.get(COOKIE, "")
    if token and user_of_session(session, token, now=now):
        return go(safe_path(next))
    return render(request, None, "signin.html", title="Sign in", next=safe_path(next), login="")


@router.post("/signin")
def sign_in_form(
    request: Request,
    session: SessionDep,
    now: Now,
    login: Annotated[str, Form()],
    password: Annotated[str, Form()],
    next: Annotated[str, Form()] = "/",  # noqa: A002
) -> Response:
    address = request.client.host if request.client else ""
    outcome = sign_in(session, login, password, address=address, now=now)
    if isinstance(outcome, Rejected):
        problem = "Login or password is not right."
        if outcome.reason == "throttled":
            problem = f"Too many attempts. Try again in {-(-outcome.retry_after_seconds // 60)} minutes."
        status = 429 if outcome.reason == "throttled" else 403
        page = render(
            request,
            None,
            "signin.html",
            status=status,
            title="Sign in",
            problem=problem,
            next=safe_path(next),
            login=login,
        )
        if outcome.retry_after_seconds:
            page.headers["Retry-After"] = str(outcome.retry_after_seconds)
        return page
    seconds = int((outcome.expires_at - now).total_seconds())
    return keep_signed_in(request, go(safe_path(next)), outcome.token, seconds)


@router.post("/signout")
def sign_out_form(request: Request, session: SessionDep) -> Response:
    sign_out(session, request.cookies.get(COOKIE, ""))
    answer = go("/signin", "signed-out")
    answer.delete_cookie(COOKIE, path="/")
    return answer


@router.get("/password/{code}")
def password_page(request: Request, code: str) -> Response:  # noqa: ARG001
    return render(request, None, "password.html", title="Set your password", expired=False)


@router.post("/password/{code}")
def password_form(
    request: Request,
    session: SessionDep,
    now: Now,
    code: str,
    password: Annotated[str, Form()],
    again: Annotated[str, Form()],
) -> Response:
    problem = None if password == again else "The two passwords are not the same."
    if problem is None:
        try:
            user = use_code(session, code, password, now=now)
        except PeopleError as error:
            problem = str(error)
        else:
            signed_in = open_session(session, user, now=now)
            seconds = int((signed_in.expires_at - now).total_seconds())
            return keep_signed_in(request, go("/", "saved"), signed_in.token, seconds)
    return render(request, None, "password.html", status=422, title="Set your password", expired=False, problem=problem)


@router.get("/me")
def own_page(request: Request, who: Anybody) -> Response:
    received = messages.messages_to(who.session, who.user)
    unread = {message.id for message, _ in received if message.read_at is None}
    messages.mark_all_read(who.session, who.user, now=who.now)
    figures = figures_of(who.session, who.user, now=who.now, midnight=who.midnight)
    return render(
        request, who, "me.html", section="/me", title="My figures", figures=figures, messages=received, unread=unread
    )


@router.post("/me/password")
def own_password(request: Request, who: Anybody, old: Annotated[str, Form()], new: Annotated[str, Form()]) -> Response:
    try:
        change_password(who.session, who.user, old, new, now=who.now)
    except PeopleError as error:
        figures = figures_of(who.session, who.user, now=who.now, midnight=who.midnight)
        received = messages.messages_to(who.session, who.user)
        return render(
            request, who, "me.html", section="/me", status=422, title="My figures",
            problem=str(error), figures=figures, messages=received, unread=set(),
        )  # fmt: skip
    return go("/signin", "password")


@router.post("/me/messages")
def answer_message(who: Anybody, to: Annotated[str, Form()], body: Annotated[str, Form()]) -> Response:
    """Answer a message that was sent to this person; nobody can write to people who never wrote to them."""
    original = find(who.session, Message, to, who.workspace_id)
    if original is None or original.to_user_id != who.user.id or not body.strip():
        return go("/me", "nothing")
    messages.send(
        who.session, who.user, body[:2000], to_user_id=original.author_id, document_id=original.document_id,
        field=original.field, task_id=original.task_id, now=who.now,
    )  # fmt: skip
    return go("/me", "saved")
