"""Messages as pages show them: with the name of who wrote."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session, col, select

from hitl.people import messages
from models.tables import Message, User


def messages_to(session: Session, user: User) -> list[tuple[Message, str]]:
    """The newest messages to a person, with the name of who wrote."""
    return _with_authors(session, messages.inbox(session, user))


def mark_all_read(session: Session, user: User, *, now: datetime) -> None:
    unread = [message.id for message in messages.inbox(session, user, unread_only=True)]
    messages.mark_read(session, user, unread, now=now)


def comments_on(session: Session, user: User, document_id: str) -> list[tuple[Message, str]]:
    """What this person may read of what was said about a document, oldest first."""
    return _with_authors(session, messages.conversation(session, user, document_id=document_id))


def _with_authors(session: Session, found: Iterable[Message]) -> list[tuple[Message, str]]:
    rows = list(found)
    authors = {row.author_id for row in rows}
    people = session.exec(select(User).where(col(User.id).in_(authors))).all() if authors else []
    names = {user.id: user.name or user.login for user in people}
    return [(row, names.get(row.author_id, "somebody")) for row in rows]
