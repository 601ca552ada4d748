"""What happened and who was told: the event log, idempotency keys, webhooks and their deliveries."""

from __future__ import annotations

from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from models.ids import new_id
from models.tables.base import Moment, json_column, moment, reference


class Event(SQLModel, table=True):
    """One line of the append-only log, chained by hash within its stream: ids and salted digests, never values."""

    __table_args__ = (UniqueConstraint("stream", "number"),)

    id: str = Field(default_factory=lambda: new_id("evt"), primary_key=True)
    workspace_id: str | None = reference("workspace.id", nullable=True)
    stream: str = Field(index=True)  # e.g. "doc_..." : everything about one document is one chain
    number: int
    at: Moment = moment(index=True)
    actor: str  # user id, key id, or "system:<job>"
    action: str = Field(index=True)  # "document.released", "task.leased", "page.shown", ...
    subject: str
    data: dict[str, Any] = json_column()
    previous_hash: str = ""
    hash: str = ""


class IdempotencyKey(SQLModel, table=True):
    """The first answer to a request that may be sent again."""

    __tablename__ = "idempotency_key"
    __table_args__ = (UniqueConstraint("workspace_id", "key"),)

    id: str = Field(default_factory=lambda: new_id("idk"), primary_key=True)
    workspace_id: str = reference("workspace.id")
    key: str
    request_digest: str
    status: int
    response: dict[str, Any] = json_column()
    location: str | None = None
    created_at: Moment = moment()


class Webhook(SQLModel, table=True):
    """Where a client wants to be told."""

    id: str = Field(default_factory=lambda: new_id("whk"), primary_key=True)
    workspace_id: str = reference("workspace.id")
    url: str
    secret: str
    old_secret: str | None = None  # signs beside the new one until the overlap of a rotation ends
    old_secret_until: Moment | None = moment(nullable=True)
    events: list[str] = json_column(list)
    active: bool = True
    created_at: Moment = moment()


class WebhookDelivery(SQLModel, table=True):
    """One notice to one webhook: at least once, with a stable id."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (UniqueConstraint("webhook_id", "event_key"),)

    id: str = Field(default_factory=lambda: new_id("msg"), primary_key=True)  # the webhook-id header
    webhook_id: str = reference("webhook.id")
    event_key: str  # e.g. release id: the same release is told once
    event_type: str
    document_id: str | None = reference("document.id", nullable=True)  # whose values the payload holds: erasable
    payload: dict[str, Any] | None = json_column(nullable=True)
    attempts: int = 0
    status: str = Field(default="pending", max_length=32)  # pending | delivered | failed
    last_status: int | None = None
    last_error: str | None = None
    created_at: Moment = moment()
    delivered_at: Moment | None = moment(nullable=True)
