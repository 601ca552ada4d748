"""Requests that may be sent again: the first answer is kept under the client's key and given again.

The row is inserted *before* the work, in the same transaction. A second request with the same key waits on the unique
index until the first has committed (and then gets its answer) or rolled back (and then does the work itself).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from models.ids import new_id
from models.tables import IdempotencyKey

LIFE = timedelta(days=7)


class KeyReused(Exception):
    """The same Idempotency-Key came with another request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered, or will be: enough to say it again."""

    status: int
    body: dict[str, Any]
    location: str | None = None
    repeated: bool = False


def digest(*parts: str | bytes | None) -> str:
    """One SHA-256 over all that makes a request this request; lengths keep the parts apart."""
    sha = hashlib.sha256()
    for part in parts:
        data = b"\0" if part is None else part.encode() if isinstance(part, str) else part
        sha.update(len(data).to_bytes(8, "big") + data)
    return sha.hexdigest()


def once(
    session: Session,
    workspace_id: str,
    key: str | None,
    request_digest: str,
    work: Callable[[], Answer],
    *,
    now: datetime,
) -> Answer:
    """Do `work`, or give the answer it gave the first time. Raises KeyReused when the request is another one."""
    if key is None:
        return work()
    if not _claim(session, workspace_id, key, request_digest, now):
        return _earlier(session, workspace_id, key, request_digest)
    answer = work()
    row = session.exec(_row(workspace_id, key)).one()
    row.status, row.response, row.location = answer.status, answer.body, answer.location
    session.add(row)
    session.flush()
    return answer


def forget_old_keys(session: Session, *, now: datetime) -> None:
    """Keys are honoured for a week."""
    session.execute(delete(IdempotencyKey).where(col(IdempotencyKey.created_at) < now - LIFE))


def _row(workspace_id: str, key: str) -> Any:
    return select(IdempotencyKey).where(IdempotencyKey.workspace_id == workspace_id, IdempotencyKey.key == key)


def _claim(session: Session, workspace_id: str, key: str, request_digest: str, now: datetime) -> bool:
    claim = insert(IdempotencyKey).values(
        id=new_id("idk"),
        workspace_id=workspace_id,
        key=key,
        request_digest=request_digest,
        status=0,
        response={},
        created_at=now,
    )
    claimed = session.execute(claim.on_conflict_do_nothing().returning(col(IdempotencyKey.id)))
    return claimed.first() is not None


def _earlier(session: Session, workspace_id: str, key: str, request_digest: str) -> Answer:
    row = session.exec(_row(workspace_id, key)).one()
    if row.request_digest != request_digest:
        raise KeyReused("This Idempotency-Key was used for another request.")
    return Answer(row.status, row.response, row.location, repeated=True)
