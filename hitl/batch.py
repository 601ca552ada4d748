"""Many answers at once: of a whole document or of many tasks; one transaction a document, each answer for itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from extractor.kinds import AmbiguousValue
from hitl import pipeline
from hitl.annotation.answers import Accepted, AnswerInput, AnswerRefused
from hitl.people.pauses import Paused
from hitl.platform.locks import attempt, hold
from hitl.platform.outage import DatabaseBusy
from hitl.work.typed import Unparseable
from models.tables import Task, User

Refusal = AnswerRefused | Unparseable | AmbiguousValue | Paused | DatabaseBusy
REFUSALS = (AnswerRefused, Unparseable, AmbiguousValue, Paused)


@dataclass(frozen=True, slots=True)
class Given:
    """One answer of many, with the token of its lease."""

    task_id: str
    token: str
    answer: AnswerInput


def take_all(
    transaction: Callable[[], AbstractContextManager[Session]],
    user_id: str,
    given: Sequence[Given],
    *,
    now: datetime,
) -> list[Accepted | Refusal | None]:
    """What became of each, in the order in which they came. None: the workspace has no such task.

    A refused answer spoils no other. Where a document is busy all of its answers are refused with that, and can be sent
    again; whatever was taken before stays taken, and is known again by its key.
    """
    with transaction() as session:
        documents = _documents(session, user_id, given)
    outcomes: dict[int, Accepted | Refusal] = {}
    for document_id in sorted(set(documents.values())):
        places = [place for place, one in enumerate(given) if documents.get(one.task_id) == document_id]
        try:
            with transaction() as session:
                user = session.get_one(User, user_id)
                hold(session, document_id)
                of_document = {place: _take(session, user, given[place], now) for place in places}
            outcomes |= of_document
        except DatabaseBusy as error:
            outcomes |= dict.fromkeys(places, error)
    return [outcomes.get(place) for place in range(len(given))]


def _take(session: Session, user: User, one: Given, now: datetime) -> Accepted | Refusal:
    try:
        with attempt(session):
            return pipeline.take_answer(session, one.task_id, user, one.token, one.answer, now=now)
    except REFUSALS as error:
        return error


def _documents(session: Session, user_id: str, given: Sequence[Given]) -> dict[str, str]:
    """Which document each task of the person's workspace belongs to."""
    wanted = select(Task.id, Task.document_id).join(User, col(User.workspace_id) == col(Task.workspace_id))
    return dict(session.exec(wanted.where(User.id == user_id, col(Task.id).in_([one.task_id for one in given]))).all())
