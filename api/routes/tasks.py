"""Tasks for external workbenches: a key with the scope `tasks` leases and answers them in the name of a person.

The person is named by login in each call, so that overlap, skills and exposure count people and not keys.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session

from api.deps import Now, SessionDep, Workbench, not_found, owned
from api.problems import ApiProblem, of_known
from api.schemas import AnswerAccepted, AnswerResult, AnswersTaken, ReturnInput, TaskList, TaskView
from hitl import batch, pipeline
from hitl.annotation import answers, queue, tasks
from hitl.people import accounts, pauses
from hitl.platform import db
from models.tables import Task, User

router = APIRouter(prefix="/v1/tasks", tags=["tasks"])
batches = APIRouter(prefix="/v1/answers", tags=["tasks"])
MOST_AT_ONCE = 200


class AnswerInput(answers.AnswerInput):
    """An answer, with whose it is and the token of the lease."""

    person: str
    token: str


class OneOfMany(answers.AnswerInput):
    """One answer. Without a key of its own it has that of the request and its task."""

    task_id: str
    token: str
    idempotency_key: str = Field(default="", max_length=200)


class AnswersInput(BaseModel):
    """Answers of one person: of a whole document, or of many tasks."""

    model_config = ConfigDict(extra="forbid")

    person: str
    answers: list[OneOfMany] = Field(min_length=1, max_length=MOST_AT_ONCE)


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


@batches.post("")
def answer_many(
    body: AnswersInput,
    caller: Workbench,
    now: Now,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=150)] = None,
) -> AnswersTaken:
    """Answer leased tasks of a whole document, or many tasks, at once: one transaction each document.

    The answer is 200, and each result says for itself what became of it (201, or the problem that it would have been
    answered alone). Send all of it again with the same keys where no answer came: nothing counts twice.
    """
    given = [_one_given(one, idempotency_key) for one in body.answers]
    with db.transaction(db.request_engine) as session:
        user = _person(session, caller.workspace_id, body.person)
    taken = batch.take_all(lambda: db.transaction(db.request_engine), user.id, given, now=now)
    return AnswersTaken(results=[_result(one, said) for one, said in zip(given, taken, strict=True)])


def _one_given(one: OneOfMany, key: str | None) -> batch.Given:
    own = one.idempotency_key or (f"{key}:{one.task_id}" if key else "")
    if not own:
        raise ApiProblem(
            422,
            "not_valid",
            f"The answer to {one.task_id} has no idempotency_key.",
            "Give each answer a key of its own, or the request the header Idempotency-Key.",
        )
    said = one.model_dump(exclude={"task_id", "token"}) | {"idempotency_key": own}
    return batch.Given(one.task_id, one.token, answers.AnswerInput.model_validate(said))


def _result(one: batch.Given, said: answers.Accepted | batch.Refusal | None) -> AnswerResult:
    if isinstance(said, answers.Accepted):
        return AnswerResult(task_id=one.task_id, status=201, accepted=AnswerAccepted.model_validate(said))
    problem = of_known(said) if said is not None else not_found(Task, one.task_id).problem
    assert problem is not None
    return AnswerResult(task_id=one.task_id, status=problem.status, problem=problem.as_dict(f"/v1/tasks/{one.task_id}"))


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
