"""A person leaves: no sign-in from this moment, what they had in hand goes back to the pile, their answers stay."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, select

from hitl.annotation import leases
from hitl.people import accounts
from hitl.platform.locks import hold
from models.states import ReviewState, TaskState
from models.tables import Review, Task, User


def leave(session: Session, user: User, *, actor: str, now: datetime) -> None:
    """Deactivate the person and put back their work. Seats that they filled stay filled. Raises LastAdmin."""
    held: list[leases.Leased] = []
    for table, state in ((Task, TaskState.LEASED.value), (Review, ReviewState.LEASED.value)):
        columns: Any = table
        found: Sequence[Any] = session.exec(
            select(table).where(columns.leased_to == user.id, columns.state == state)
        ).all()
        held += found
    hold(session, *(work.document_id for work in held))
    for work in held:
        if leases.is_held(work, user, work.lease_token or ""):  # unless it was answered before we held it
            leases.put_back(session, work, actor=actor, why="its holder left", now=now)
    accounts.deactivate(session, user, actor=actor, now=now)
