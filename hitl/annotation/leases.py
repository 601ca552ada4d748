"""Leases of tasks and reviews: one person has the work for a time; a token fences what comes too late.

A lease is granted, renewed while the person works, and ends by an answer, by going back to the pile, or when its time
is up. Work that went back untouched is still its last holder's to take up again.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from hitl.platform.locks import hold, hold_free
from hitl.platform.moves import advance, advance_all
from hitl.settings import settings
from models.states import ReviewState, TaskState
from models.tables import Answer, Event, Review, Task, User

Leased = Task | Review
GONE: dict[str, Any] = {"leased_to": None, "lease_token": None, "lease_until": None}
AT_ONCE = 500  # leases that run out are put back in such portions


def grant(session: Session, work: Leased, user: User, *, now: datetime) -> None:
    """Give open work to `user` with a new token."""
    to = TaskState.LEASED if isinstance(work, Task) else ReviewState.LEASED
    advance(session, work, to, actor=user.id, now=now, **_new(type(work), user, now))


def grant_open(
    session: Session, ids: Sequence[str], user: User, *where: ColumnElement[bool], now: datetime
) -> list[Task]:
    """Give those of the tasks that are still open and fulfil `where` to `user`; the caller holds their documents."""
    new = _new(Task, user, now)
    granted = advance_all(
        session, Task, TaskState.OPEN, TaskState.LEASED, col(Task.id).in_(ids), *where, actor=user.id, now=now, **new
    )
    return sorted(granted, key=lambda task: ids.index(task.id))


def _new(kind: type[Leased], user: User, now: datetime) -> dict[str, Any]:
    return {"leased_to": user.id, "lease_token": secrets.token_urlsafe(16), "lease_until": end(kind, now)}


def end(kind: type[Leased], now: datetime) -> datetime:
    """When a lease ends that is granted or renewed now. A review takes twice as long."""
    return now + timedelta(seconds=settings().lease_seconds * (1 if kind is Task else 2))


def is_held(work: Leased, user: User, token: str) -> bool:
    """Whether `user` has the work under this token. A lease past its time still counts while nobody took the work."""
    return work.state == TaskState.LEASED.value and work.leased_to == user.id and work.lease_token == token


def renew(session: Session, work: Leased, user: User, token: str, *, now: datetime) -> bool:
    """Prolong a lease that is still held; False if it is lost."""
    hold(session, work.document_id)
    if not is_held(work, user, token):
        return False
    work.lease_until = end(type(work), now)
    session.add(work)
    return True


def put_back(session: Session, work: Leased, *, actor: str, why: str, now: datetime, **changes: Any) -> None:
    """End a lease and open the work again; what comes under the old token is refused from now on."""
    to = TaskState.OPEN if isinstance(work, Task) else ReviewState.OPEN
    advance(session, work, to, actor=actor, now=now, why=why, **(GONE | changes))


def put_back_expired(session: Session, *, now: datetime) -> int:
    """Put back tasks and reviews whose lease ran out. Returns how many."""
    expired: list[Leased] = []
    for table, state in ((Task, TaskState.LEASED.value), (Review, ReviewState.LEASED.value)):
        columns: Any = table
        late = (columns.state == state, columns.lease_until < now)
        oldest = select(columns.document_id).where(*late).order_by(columns.lease_until).limit(AT_ONCE)
        held = hold_free(session, session.exec(oldest).all())
        of_held: Sequence[Any] = session.exec(select(table).where(*late, columns.document_id.in_(held))).all()
        expired += of_held
    for work in expired:
        put_back(session, work, actor="system:expire_leases", why="lease ran out", now=now)
    return len(expired)


def may_take_up_again(session: Session, task: Task, user: User) -> bool:
    """Whether an open task was last in the hands of `user`, who may go on where they were.

    Not who skipped it or has answered the field otherwise, nor who may not work.
    """
    if task.state != TaskState.OPEN.value or task.for_user_id not in (None, user.id):
        return False
    if not user.active or user.paused_reason is not None:
        return False
    holder = session.exec(
        select(Event.actor)
        .where(Event.stream == task.document_id, Event.subject == task.id, Event.action == "task.leased")
        .order_by(col(Event.number).desc())
        .limit(1)
    ).first()
    has_spoken = (
        select(Answer.id)
        .join(Task, col(Task.id) == col(Answer.task_id))
        .where(
            Answer.user_id == user.id,
            Answer.document_id == task.document_id,
            Task.field == task.field,
            col(Answer.undone_at).is_(None),
        )
    )
    return holder == user.id and session.exec(has_spoken).first() is None
