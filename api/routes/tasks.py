"""Tasks for external workbenches: a key with the scope `tasks` leases and answers them in the name of a person.

The person is named by login in each call, so that overlap, skills and exposure count people and not keys.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response
from sqlmodel import Session

from api.deps import Now, SessionDep, Workbench, owned
from api.problems import ApiProblem
from api.schemas import AnswerAccepted, ReturnInput, TaskList, TaskView
from hitl import pipeline
from hitl.annotation import answers, queue, tasks
from hitl.people import accounts, pauses
from models.tables import Task, User

router = APIRouter(prefix="/v1/tasks", tags=["tasks"])


class AnswerInput(answers.AnswerInput):
    """An answer, with whose it is and the token of the lease."""

    person: str
    token: str


@router.get("/next")
def next_tasks(
    session: SessionDep,
    caller: Workbench,
    now: Now,
    response: Response,
    person: Annotated[str, Query(description="Login of the person who will answer.")],
    count: Annotated[int, Query(ge=1, le=20)] = 1,
    kinds: Annotated[list[str] | None, Query()] = None,
    field: str | None = None,
) -> TaskList:
    """Lease tasks for a person. An empty list: nothing for them just now. Who is paused is told why: 403 `paused`.

    `unfinished`: none yet, but so many are not for this person that the rest is looked at with the next request.
    """
    response.headers["Cache-Control"] = "no-store"
    user = _person(session, caller.workspace_id, person)
    pauses.check_not_paused(user)
    leased = tasks.hand_out(session, user, now=now, count=count, kinds=kinds, field=field)
    return TaskList(tasks=[TaskView.model_validate(task) for task in leased], unfinished=leased.is_unfinished)


@router.get("/summary")
def summary(session: SessionDep, caller: Workbench, now: Now) -> dict[str, Any]:
    """How much work waits, how long, and what is blocked."""
    return queue.queue_summary(session, caller.workspace_id, now=now)


@router.post("/{task_id}/answers", status_code=201)
def answer(task_id: str, body: AnswerInput, session: SessionDep, caller: Workbench, now: Now) -> AnswerAccepted:
    """Answer a leased task. The same idempotency_key again is answered the same, and counts once."""
    task = owned(session, Task, task_id, caller.workspace_id)
    user = _person(session, caller.workspace_id, body.person)
    given = answers.AnswerInput.model_validate(body.model_dump(exclude={"person", "token"}))
    accepted = pipeline.take_answer(session, task.id, user, body.token, given, now=now)
    return AnswerAccepted.model_validate(accepted)


@router.post("/{task_id}/return", status_code=204)
def hand_back(task_id: str, body: ReturnInput, session: SessionDep, caller: Workbench, now: Now) -> None:
    """Give a leased task back unanswered."""
    task = owned(session, Task, task_id, caller.workspace_id)
    user = _person(session, caller.workspace_id, body.person)
    tasks.hand_back(session, task, user, body.token, body.reason, now=now)


def _person(session: Session, workspace_id: str, login: str) -> User:
    user = accounts.get_user(session, workspace_id, login)
    if not user.active:
        raise ApiProblem(409, "person_inactive", f"{user.login} is deactivated.", "Name somebody who is active.")
    return user
