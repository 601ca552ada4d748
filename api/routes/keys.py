"""API keys: which there are, a new one, one in place of another, and the end of one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.deps import Admin, Now, SessionDep, owned
from api.schemas import DueAt, Input, Output
from hitl.people import keys
from hitl.people.keys import Scope
from models.tables import ApiKey

router = APIRouter(prefix="/v1/keys", tags=["keys"])


class KeyInput(Input):
    name: Annotated[str, Field(min_length=1, max_length=200, description="What the key is for.")]
    scopes: Annotated[list[Scope], Field(min_length=1)]
    expires_at: DueAt | None = None


class RotateInput(Input):
    overlap_hours: Annotated[float, Field(ge=0, le=8760, description="How long the old key still works.")] = 24


class KeyView(Output):
    id: str
    name: str
    prefix: Annotated[str, Field(description="How the secret begins.")]
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: Annotated[datetime | None, Field(description="To the minute.")]


class KeyCreated(KeyView):
    secret: Annotated[str, Field(description="Goes into `Authorization: Bearer`. Shown this once.")]


class KeyList(BaseModel):
    keys: list[KeyView]


@router.get("")
def list_keys(session: SessionDep, caller: Admin) -> KeyList:
    """All keys of the workspace, also those that ended; secrets are not kept."""
    return KeyList(keys=[KeyView.model_validate(row) for row in keys.list_keys(session, caller.workspace_id)])


@router.post("", status_code=201)
def add_key(body: KeyInput, session: SessionDep, caller: Admin, now: Now) -> KeyCreated:
    """A new key. Its secret is in this answer, and never again."""
    row, secret = keys.add_key(
        session, caller.workspace_id, body.name, body.scopes, expires_at=body.expires_at, actor=caller.actor, now=now
    )
    return _created(row, secret)


@router.post("/{key_id}/rotate", status_code=201)
def rotate_key(key_id: str, body: RotateInput, session: SessionDep, caller: Admin, now: Now) -> KeyCreated:
    """A key of the same name and scopes; the old one still works until the overlap is over."""
    owned(session, ApiKey, key_id, caller.workspace_id)
    overlap = timedelta(hours=body.overlap_hours)
    return _created(
        *keys.rotate_key(session, caller.workspace_id, key_id, overlap=overlap, actor=caller.actor, now=now)
    )


@router.delete("/{key_id}", status_code=204)
def revoke_key(key_id: str, session: SessionDep, caller: Admin, now: Now) -> None:
    """The key does nothing any more, at once."""
    owned(session, ApiKey, key_id, caller.workspace_id)
    keys.revoke_key(session, caller.workspace_id, key_id, actor=caller.actor, now=now)


def _created(row: ApiKey, secret: str) -> KeyCreated:
    return KeyCreated(**KeyView.model_validate(row).model_dump(), secret=secret)
