"""API keys of enterprise clients: only a hash is kept; scopes say what a key may do; a revoked key stops at once."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import update
from sqlmodel import Session, col, select

from hitl.people.accounts import hash_token
from hitl.platform.moves import record
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
    session: Session, workspace_id: str, name: str, scopes: Iterable[str], *, actor: str, now: datetime
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
    key = session.get(ApiKey, key_id)
    if key is None or key.workspace_id != workspace_id:
        raise NoSuchKey(f"There is no key {key_id}.")
    if key.revoked_at is None:
        key.revoked_at = now
        _log(session, key, "key.revoked", actor, now)
    return key


def key_of(session: Session, secret: str, *, now: datetime) -> ApiKey | None:
    """The key this secret belongs to; None when there is none or it was revoked."""
    key = session.exec(select(ApiKey).where(ApiKey.secret_hash == hash_token(secret))).one_or_none()
    if key is None or key.revoked_at is not None:
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
