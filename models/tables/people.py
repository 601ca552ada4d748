"""Workspaces (tenants), people, their sessions and keys, skills and messages."""

from __future__ import annotations

from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from models.ids import new_id
from models.states import Role
from models.tables.base import Moment, json_column, moment, one_of, reference


class Workspace(SQLModel, table=True):
    """A tenant. Every row of the system belongs to one."""

    id: str = Field(default_factory=lambda: new_id("ws"), primary_key=True)
    name: str = Field(unique=True)
    audit_key: str  # secret of the keyed hash that draws audits
    salt: str  # for digests in the event log
    retention_days: int | None = None
    settings: dict[str, Any] = json_column()
    created_at: Moment = moment()


class User(SQLModel, table=True):
    """A person. `level` follows from the role (models.states.LEVEL)."""

    __tablename__ = "person"
    __table_args__ = (UniqueConstraint("workspace_id", "login"), one_of("role", Role, "person"))

    id: str = Field(default_factory=lambda: new_id("usr"), primary_key=True)
    workspace_id: str = reference("workspace.id")
    login: str = Field(index=True)
    name: str = ""
    role: str = Field(default=Role.VALIDATOR.value, max_length=32)
    password_hash: str = ""
    active: bool = True
    paused_reason: str | None = None  # set by a quality rule or a manager; no tasks are handed out while set
    trained_kinds: list[str] = json_column(list)  # kinds whose exam was passed; empty = no exam asked for
    keymap: dict[str, Any] = json_column()
    weekly_hours_cap: float | None = None
    created_at: Moment = moment()
    last_seen_at: Moment | None = moment(nullable=True)
    passed: Any = json_column(nullable=True)  # how far in the queue nothing was for them (hitl.annotation.front)


class WebSession(SQLModel, table=True):
    """A signed-in browser; the cookie holds the secret whose hash stands here."""

    __tablename__ = "web_session"

    token_hash: str = Field(primary_key=True)
    user_id: str = reference("person.id")
    created_at: Moment = moment()
    expires_at: Moment = moment()


class PasswordReset(SQLModel, table=True):
    """A one-time way to set a password: an invitation or a reset."""

    __tablename__ = "password_reset"

    token_hash: str = Field(primary_key=True)
    user_id: str = reference("person.id")
    expires_at: Moment = moment()
    used_at: Moment | None = moment(nullable=True)


class SignInCount(SQLModel, table=True):
    """How many sign-ins were tried by one login, from one address, or both, since its window began."""

    __tablename__ = "sign_in_count"

    counter: str = Field(primary_key=True)  # a digest, because logins are personal
    since: Moment = moment(index=True)
    attempts: int


class ApiKey(SQLModel, table=True):
    """A key of an enterprise client: only its hash is kept, with what it may do."""

    __tablename__ = "api_key"

    id: str = Field(default_factory=lambda: new_id("key"), primary_key=True)
    workspace_id: str = reference("workspace.id")
    name: str
    prefix: str  # first characters, to recognise it in a list
    secret_hash: str = Field(unique=True)
    scopes: list[str] = json_column(list)  # documents:read, documents:write, admin
    created_at: Moment = moment()
    expires_at: Moment | None = moment(nullable=True)
    revoked_at: Moment | None = moment(nullable=True)
    last_used_at: Moment | None = moment(nullable=True)


class Skill(SQLModel, table=True):
    """What control tasks showed of one person and one kind of value: right, wrong, and catches in verify mode."""

    __table_args__ = (UniqueConstraint("user_id", "kind"),)

    id: str = Field(default_factory=lambda: new_id("skl"), primary_key=True)
    user_id: str = reference("person.id")
    kind: str = Field(max_length=32)
    right: int = 0
    wrong: int = 0
    seeded_shown: int = 0  # wrong values shown on purpose in verify mode
    seeded_caught: int = 0
    updated_at: Moment = moment()


class Message(SQLModel, table=True):
    """A comment on a field, a conversation on a task, or feedback to a person."""

    id: str = Field(default_factory=lambda: new_id("msg"), primary_key=True)
    workspace_id: str = reference("workspace.id")
    author_id: str = reference("person.id")
    to_user_id: str | None = reference("person.id", nullable=True)
    document_id: str | None = reference("document.id", nullable=True)
    field: str | None = None
    task_id: str | None = reference("task.id", nullable=True)
    body: str
    created_at: Moment = moment()
    read_at: Moment | None = moment(nullable=True)
