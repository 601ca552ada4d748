"""Messages between people: a comment on a field, a conversation on a task, feedback that comes with returned work."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, or_, select

from models.tables import Message, User


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


def inbox(session: Session, user: User, *, unread_only: bool = False, limit: int = 50) -> list[Message]:
    """Messages to `user`, newest first."""
    wanted = select(Message).where(Message.to_user_id == user.id)
    if unread_only:
        wanted = wanted.where(col(Message.read_at).is_(None))
    return list(
        session.exec(wanted.order_by(col(Message.created_at).desc(), col(Message.id).desc()).limit(limit)).all()
    )


def mark_read(session: Session, user: User, message_ids: list[str], *, now: datetime) -> int:
    """Note that `user` has read these. Returns how many were new to them."""
    rows = session.exec(
        select(Message).where(
            col(Message.id).in_(message_ids), Message.to_user_id == user.id, col(Message.read_at).is_(None)
        )
    ).all()
    for row in rows:
        row.read_at = now
        session.add(row)
    return len(rows)


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
