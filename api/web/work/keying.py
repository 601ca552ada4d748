"""The keying page and its requests: the next tasks, their pictures, answers, skips, undo, the person's keys."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from api.deps import not_found, owned
from api.problems import ApiProblem
from api.web.rendering import render, value_text
from api.web.visitor import Anybody, Visitor
from api.web.work.crops import WHOLE, cut
from api.web.work.task_view import place_of_task, task_view, words_in
from api.web.work.understanding import understanding
from hitl import pipeline
from hitl.annotation import answers, leases, tasks
from hitl.people import figures, pauses
from hitl.people.eligible import exam_is_asked
from hitl.platform.blobs import blobs
from hitl.platform.locks import hold
from hitl.platform.moves import record
from hitl.work.document import page_of
from hitl.work.exposure import expose, log_page_shown
from models.states import TaskPurpose, TaskState
from models.tables import Document, DocumentPage, Task

router = APIRouter(prefix="/work")
MOST_AHEAD = 8
NO_STORE = {"Cache-Control": "no-store"}
KEY = re.compile(r"^(Ctrl\+|Alt\+)*(Shift\+)?[!-~]$|^(Ctrl\+|Alt\+|Shift\+)*(F\d{1,2}|[A-Z][A-Za-z]+)$")

SKIP_REASONS = (
    ("wrong_crop", "The picture does not show this field, and the page does not help"),
    ("several_values", "Several values could be meant"),
    ("wrong_type", "This is another type of document"),
    ("instruction_unclear", "The instruction is not clear to me"),
    ("language", "I cannot read this language or script"),
    ("other", "Another reason"),
)


REMARKS = {
    "training": "These were all the questions. Leave, and see under Training how you did.",
    "exam": "The exam is over. Leave, and see under Training how it went.",
}


class Wish(BaseModel):
    """What the page asks for."""

    count: int = Field(ge=1, le=MOST_AHEAD)
    kind: str | None = None
    holding: list[str] = Field(default_factory=list, max_length=20)
    purpose: Literal["work", "training", "exam"] = "work"
    only: str | None = None  # one field


class Held(BaseModel):
    id: str
    token: str


class Returned(BaseModel):
    """Tasks that were fetched ahead and are given back."""

    tasks: list[Held] = Field(max_length=20)


class Lease(BaseModel):
    token: str


class Typed(BaseModel):
    """What stands in the input just now."""

    token: str
    value: str | list[str]


class Renewal(Lease):
    """`show`: the page does not have the task any more."""

    show: bool = False


class Undo(BaseModel):
    idempotency_key: str


class Given(answers.AnswerInput):
    """An answer with the token of its lease; a skip has a reason and no value."""

    token: str


@router.get("")
def keying_page(request: Request, who: Anybody, field: Annotated[str | None, Query(max_length=80)] = None) -> Response:
    return bench(request, who, purpose="work", only=field)


def bench(request: Request, who: Visitor, *, purpose: str, only: str | None = None) -> Response:
    """The keying page for real work, training or an exam."""
    settings = {
        "user_id": who.user.id,
        "keymap": who.user.keymap,
        "done_today": figures.answers_since(who.session, who.user, who.midnight),
        "purpose": purpose,
        "only": only,
    }
    reasons = [{"code": code, "label": label} for code, label in SKIP_REASONS]
    return render(request, who, "work/keying.html", title="Keying", settings=settings, skip_reasons=reasons)


@router.post("/next")
def next_tasks(who: Anybody, wish: Wish) -> Response:
    """Lease the next tasks to this person. None: nothing for them just now. Who is paused is told why."""
    pauses.check_not_paused(who.user)
    purposes = None if wish.purpose == "work" else [wish.purpose]
    handed = tasks.hand_out(who.session, who.user, now=who.now, count=wish.count, field=wish.only, purposes=purposes)
    views = [task_view(who.session, task, who.user, now=who.now) for task in handed]
    usable = [view for view in views if view["views"]]
    return JSONResponse({"tasks": usable, "remark": _remark(who, wish, handed.is_unfinished)}, headers=NO_STORE)


def _remark(who: Visitor, wish: Wish, is_unfinished: bool) -> str | None:
    """Why nothing is left, where it is not simply that all is done."""
    if is_unfinished:
        return "So much of what waits is not for you that looking takes a moment. Look again."
    if wish.purpose == "work" and not who.user.trained_kinds and exam_is_asked(who.session, who.workspace_id):
        return "You get real work of a kind when you have passed its exam. Take one under Training."
    return REMARKS.get(wish.purpose)


@dataclass(frozen=True, slots=True)
class InHand:
    """A task that this person holds under this token."""

    task: Task
    document: Document


def in_hand(who: Visitor, task_id: str, token: str) -> InHand:
    """The task, if this person holds it with this token. Raises 409 lease_lost."""
    task = owned(who.session, Task, task_id, who.workspace_id)
    if not leases.is_held(task, who.user, token):
        raise ApiProblem(
            409,
            "lease_lost",
            "This task is no longer yours: its time ran out or it was withdrawn.",
            "Go on with the next.",
        )
    return InHand(task, who.session.get_one(Document, task.document_id))


@router.get("/tasks/{task_id}/image")
def image(who: Anybody, task_id: str, token: str, page: int | None = None) -> Response:
    """The picture of a task, for its holder only: the crop of the field, or a whole page where those are shown."""
    held = in_hand(who, task_id, token)
    place = place_of_task(who.session, held.task)
    row = shown_page(who, held.document, place.page if place else page or 1)
    png = blobs().get(row.image_key)
    if place is None:
        why = held.task.purpose if held.task.purpose != TaskPurpose.GOLD.value else TaskPurpose.REVIEW.value
        log_page_shown(who.session, who.user, held.document, row.number, why=why, task_id=held.task.id, now=who.now)
    else:
        expose(who.session, who.user.id, held.document.id, fields=[held.task.field], now=who.now)
        png = cut(png, place.crop)
    return Response(png, media_type="image/png", headers={"Cache-Control": "private, max-age=120"})


@router.get("/tasks/{task_id}/words")
def words(who: Anybody, task_id: str, token: str, page: int) -> Response:
    """The words of a further page of a task that shows whole pages."""
    held = in_hand(who, task_id, token)
    if place_of_task(who.session, held.task) is not None:
        raise not_found(DocumentPage, str(page))
    may_take = held.task.purpose in (TaskPurpose.REVIEW.value, TaskPurpose.GOLD.value)
    found = words_in(shown_page(who, held.document, page), WHOLE, with_text=may_take)
    return JSONResponse({"words": found}, headers=NO_STORE)


def shown_page(who: Visitor, document: Document, number: int) -> DocumentPage:
    row = page_of(who.session, document, number)
    if row is None:
        raise not_found(DocumentPage, str(number))
    return row


@router.post("/tasks/{task_id}/widen")
def widen(who: Anybody, task_id: str, lease: Lease) -> Response:
    """The value is not in the crop: show the whole pages from now on, and write that down."""
    held = in_hand(who, task_id, lease.token)
    hold(who.session, held.document.id)
    held.task.whole_page = True
    who.session.add(held.task)
    record(
        who.session, action="task.widened", subject=held.task.id, stream=held.document.id,
        workspace_id=who.workspace_id, actor=who.actor, now=who.now, data={"why": "not in the crop"},
    )  # fmt: skip
    leases.renew(who.session, held.task, who.user, lease.token, now=who.now)
    return JSONResponse({"task": task_view(who.session, held.task, who.user, now=who.now)})


@router.post("/tasks/{task_id}/understand")
def understand(who: Anybody, task_id: str, typed: Typed) -> Response:
    """What the typed text is understood as; nothing is kept of it."""
    held = in_hand(who, task_id, typed.token)
    said = understanding(who.session, held.task, held.document, typed.value)
    return JSONResponse(said, headers=NO_STORE)


@router.post("/tasks/{task_id}/renew")
def renew(who: Anybody, task_id: str, lease: Renewal) -> Response:
    """Somebody is typing, or comes back to what they typed: the task stays theirs, unless another person took it."""
    task = owned(who.session, Task, task_id, who.workspace_id)
    pauses.check_not_paused(who.user)
    if not tasks.take_up_again(who.session, task, who.user, lease.token, now=who.now):
        if task.state == TaskState.WITHDRAWN.value:
            raise ApiProblem(410, "withdrawn", "This task is no longer wanted.", "Go on with the next.")
        raise answers.lost(task, who.user)
    is_new = lease.show or task.lease_token != lease.token
    view = task_view(who.session, task, who.user, now=who.now) if is_new else None
    assert task.lease_until is not None
    left = (task.lease_until - who.now).total_seconds()
    return JSONResponse({"seconds_left": left, "task": view}, headers=NO_STORE)


@router.post("/tasks/{task_id}/answer")
def answer(who: Anybody, task_id: str, given: Given) -> Response:
    """Take an answer. The same idempotency key again is answered the same and counts once."""
    task = owned(who.session, Task, task_id, who.workspace_id)
    clean = answers.AnswerInput.model_validate(given.model_dump(exclude={"token"}))
    accepted = pipeline.take_answer(who.session, task.id, who.user, given.token, clean, now=who.now)
    return JSONResponse({"answer_id": accepted.answer_id, "feedback": _lesson(accepted)})


def _lesson(accepted: answers.Accepted) -> dict[str, Any] | None:
    """What a training task teaches; control tasks and exams say nothing."""
    if accepted.is_right is None:
        return None
    return {
        "is_right": accepted.is_right,
        "expected": value_text(accepted.correct),
        "explanation": accepted.explanation,
    }


@router.post("/undo")
def undo(who: Anybody, wish: Undo) -> Response:
    """Take back an answer while nothing depends on it; its task comes back to the same person."""
    row = answers.find_answer(who.session, wish.idempotency_key)
    if row is None or row.user_id != who.user.id:
        raise ApiProblem(
            404, "no_such_answer", "That answer was not counted, so there is nothing to take back.", "Go on."
        )
    task = answers.undo(who.session, row.id, who.user, now=who.now)
    return JSONResponse({"task": task_view(who.session, task, who.user, now=who.now)})


@router.post("/return", status_code=204)
def give_back(who: Anybody, returned: Returned) -> None:
    """The page is left: what was fetched ahead goes back to the pile."""
    tasks.hand_back_all(who.session, who.user, {held.id: held.token for held in returned.tasks}, now=who.now)


@router.post("/keymap", status_code=200)
def keep_keys(who: Anybody, keys: dict[str, str]) -> Response:
    """The person's own keys: only what differs from the usual ones."""
    good = {name: key for name, key in keys.items() if len(name) <= 40 and len(key) <= 40 and KEY.match(key)}
    who.user.keymap = dict(list(good.items())[:60])
    who.session.add(who.user)
    return JSONResponse({"kept": len(who.user.keymap)})
