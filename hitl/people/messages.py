"""Messages between people: a comment on a field, a conversation on a task, feedback that comes with returned work."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, func, or_, select

from models.tables import Message, Task, User


def send(
    session: Session,
    author: User,
    body: str,
    *,
    now: datetime,
    to_user_id: str | None = None,
    document_id: str | None = None,
    field: str | None = None,
    task_id: str | None = None,
) -> Message:
    """Write one message. Without `to_user_id` it is a comment that all who see the document or task can read."""
    if not body.strip():
        raise ValueError("A message needs words.")
    message = Message(
        workspace_id=author.workspace_id,
        author_id=author.id,
        to_user_id=to_user_id,
        document_id=document_id,
        field=field,
        task_id=task_id,
        body=body.strip(),
        created_at=now,
    )
    session.add(message)
    session.flush()
    return message


def messages_to(session: Session, user: User) -> list[tuple[Message, str]]:
    """The newest messages to a person, with the name of who wrote."""
    return _with_authors(session, inbox(session, user))


def comments_on(session: Session, user: User, document_id: str) -> list[tuple[Message, str]]:
    """What this person may read of what was said about a document, oldest first, with the name of who wrote."""
    return _with_authors(session, conversation(session, user, document_id=document_id))


def _with_authors(session: Session, rows: list[Message]) -> list[tuple[Message, str]]:
    people = session.exec(select(User).where(col(User.id).in_({row.author_id for row in rows}))).all()
    names = {user.id: user.name or user.login for user in people}
    return [(row, names.get(row.author_id, "somebody")) for row in rows]


def count_unread(session: Session, user: User) -> int:
    unread = select(func.count()).select_from(Message)
    return session.exec(unread.where(Message.to_user_id == user.id, col(Message.read_at).is_(None))).one()


def returned_with(session: Session, task: Task, user: User) -> str | None:
    """What a reviewer wrote when they sent the work back to this person."""
    wanted = select(Message.body).where(Message.task_id == task.id, Message.to_user_id == user.id)
    return session.exec(wanted.order_by(col(Message.created_at).desc())).first()


def inbox(session: Session, user: User, *, unread_only: bool = False, limit: int = 50) -> list[Message]:
    """Messages to `user`, newest first."""
    wanted = select(Message).where(Message.to_user_id == user.id)
    if unread_only:
        wanted = wanted.where(col(Message.read_at).is_(None))
    return list(
        session.exec(wanted.order_by(col(Message.created_at).desc(), col(Message.id).desc()).limit(limit)).all()
    )


def mark_all_read(session: Session, user: User, *, now: datetime) -> None:
    """Note that the newest messages to `user` have been read."""
    for row in inbox(session, user, unread_only=True):
        row.read_at = now
        session.add(row)


def conversation(
    session: Session,
    user: User,
    *,
    document_id: str | None = None,
    field: str | None = None,
    task_id: str | None = None,
) -> list[Message]:
    """What was said on a document, a field or a task, oldest first: comments, and what is to or from `user`."""
    wanted = select(Message).where(
        Message.workspace_id == user.workspace_id,
        or_(col(Message.to_user_id).is_(None), Message.to_user_id == user.id, Message.author_id == user.id),
    )
    for column, value in ((Message.document_id, document_id), (Message.field, field), (Message.task_id, task_id)):
        if value is not None:
            wanted = wanted.where(column == value)
    return list(session.exec(wanted.order_by(col(Message.created_at), col(Message.id))).all())
