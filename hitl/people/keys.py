"""API keys of enterprise clients: only a hash is kept; scopes say what a key may do; a revoked key stops at once.

A key may expire, and is rotated without a gap: the new one works at once, the old one until the overlap ends.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import update
from sqlmodel import Session, col, select

from hitl.people.accounts import hash_token
from hitl.platform.moves import record
from hitl.platform.ownership import find
from models.tables import ApiKey

CLIENT = "key_"  # how an actor begins who came with a key


class Scope(StrEnum):
    """What a key may do. `admin` includes every other scope."""

    DOCUMENTS_READ = "documents:read"
    DOCUMENTS_WRITE = "documents:write"
    WEBHOOKS = "webhooks"
    TASKS = "tasks"  # an external workbench: lease tasks and answer them for named people
    MODELS = "models"  # train, promote, roll back
    ADMIN = "admin"  # document types, policies, and all of the above


class NoSuchKey(Exception):
    """The workspace has no key with this id."""


class UnknownScope(Exception):
    """A scope that does not exist was asked for."""


def add_key(
    session: Session,
    workspace_id: str,
    name: str,
    scopes: Iterable[str],
    *,
    expires_at: datetime | None = None,
    actor: str,
    now: datetime,
) -> tuple[ApiKey, str]:
    """A new key and its secret, which is shown once. Raises UnknownScope."""
    secret = f"cs_{secrets.token_urlsafe(32)}"
    key = ApiKey(
        workspace_id=workspace_id,
        name=name,
        prefix=secret[:8],
        secret_hash=hash_token(secret),
        scopes=sorted({_scope(scope) for scope in scopes}),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(key)
    session.flush()
    _log(session, key, "key.added", actor, now)
    return key, secret


def list_keys(session: Session, workspace_id: str) -> list[ApiKey]:
    wanted = select(ApiKey).where(ApiKey.workspace_id == workspace_id).order_by(col(ApiKey.created_at))
    return list(session.exec(wanted).all())


def revoke_key(session: Session, workspace_id: str, key_id: str, *, actor: str, now: datetime) -> ApiKey:
    """The key stops working with this transaction. Revoking twice is harmless. Raises NoSuchKey."""
    key = get_key(session, workspace_id, key_id)
    if key.revoked_at is None:
        key.revoked_at = now
        _log(session, key, "key.revoked", actor, now)
    return key


def get_key(session: Session, workspace_id: str, key_id: str) -> ApiKey:
    """A key of the workspace. Raises NoSuchKey."""
    key = find(session, ApiKey, key_id, workspace_id, lock=True)
    if key is None:
        raise NoSuchKey(f"There is no key {key_id}.")
    return key


def rotate_key(
    session: Session, workspace_id: str, key_id: str, *, overlap: timedelta, actor: str, now: datetime
) -> tuple[ApiKey, str]:
    """A key of the same name and scopes in place of one that works, which ends after `overlap`. Raises NoSuchKey."""
    old = get_key(session, workspace_id, key_id)
    if not works(old, now):
        raise NoSuchKey(f"The key {key_id} was revoked or has expired.")
    life = None if old.expires_at is None else old.expires_at - old.created_at
    ends = None if life is None else now + life
    new = add_key(session, workspace_id, old.name, old.scopes, expires_at=ends, actor=actor, now=now)
    old.expires_at = min(now + overlap, old.expires_at or now + overlap)
    _log(session, old, "key.rotated", actor, now)
    return new


def works(key: ApiKey, now: datetime) -> bool:
    """Whether the key still opens anything."""
    return key.revoked_at is None and (key.expires_at is None or now < key.expires_at)


def key_of(session: Session, secret: str, *, now: datetime) -> ApiKey | None:
    """The key this secret belongs to; None when there is none, it was revoked or has expired."""
    key = session.exec(select(ApiKey).where(ApiKey.secret_hash == hash_token(secret))).one_or_none()
    if key is None or not works(key, now):
        return None
    if key.last_used_at is None or now - key.last_used_at > timedelta(minutes=1):
        used = update(ApiKey).where(col(ApiKey.id) == key.id).values(last_used_at=now)
        session.execute(used.execution_options(synchronize_session=False))
    return key


def allows(key: ApiKey, scope: Scope) -> bool:
    return scope.value in key.scopes or Scope.ADMIN.value in key.scopes


def _scope(text: str) -> str:
    try:
        return Scope(text).value
    except ValueError:
        raise UnknownScope(f"There is no scope {text}; there are {', '.join(Scope)}.") from None


def _log(session: Session, key: ApiKey, action: str, actor: str, now: datetime) -> None:
    record(
        session,
        action=action,
        subject=key.id,
        stream=key.id,
        workspace_id=key.workspace_id,
        actor=actor,
        now=now,
        data={"scopes": key.scopes},
    )
