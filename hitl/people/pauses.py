"""Pauses: no work is handed to a person until a manager lets them go on; every door says why, and how to appeal.

Which conduct pauses somebody by itself: `hitl.annotation.conduct`.
"""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from hitl.people.accounts import PeopleError
from hitl.platform.moves import record
from models.tables import User


class Paused(PeopleError):
    """Why no work is handed to the person. `next_step` says how to appeal."""

    next_step = (
        "Write to your manager, under My figures or otherwise. Managers see the reason under People and can let you go "
        "on there, or with `countersign user resume LOGIN`."
    )


def pause(session: Session, user: User, *, reason: str, actor: str, now: datetime) -> None:
    """No more tasks are handed to this person until `resume`."""
    user.paused_reason = reason
    _log(session, user, "person.paused", actor, now, reason=reason)


def resume(session: Session, user: User, *, actor: str, now: datetime) -> None:
    user.paused_reason = None
    _log(session, user, "person.resumed", actor, now)


def check_not_paused(user: User) -> None:
    """Asked by every door that hands out work or takes it. Raises Paused."""
    if user.paused_reason is not None:
        raise Paused(f"{user.login} is paused: {user.paused_reason}")


def _log(session: Session, user: User, action: str, actor: str, now: datetime, **data: str) -> None:
    session.add(user)
    session.flush()
    where = {"subject": user.id, "stream": user.id, "workspace_id": user.workspace_id}
    record(session, action=action, actor=actor, now=now, data=data or None, **where)
