"""Webhooks: who is told what, signed as Standard Webhooks say, at least once, with a stable id, and repeatable.

How long a delivery waits before it is tried again: `hitl.platform.jobs`.
"""

from __future__ import annotations

import base64
import json
import logging
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import standardwebhooks.webhooks
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from hitl.platform import logs
from hitl.platform.db import transaction
from hitl.platform.jobs import enqueue
from hitl.platform.locks import ROW
from hitl.platform.moves import record
from hitl.platform.ownership import rows_of
from hitl.release import outbound
from hitl.settings import settings
from models.ids import new_id
from models.tables import Document, Webhook, WebhookDelivery

log = logging.getLogger(__name__)

GONE = 410
EVENTS = (
    "document.received", "document.needs_people", "document.released", "document.amended", "document.refused",
    "document.failed", "document.split",
)  # fmt: skip
TEST = "webhook.test"


class WebhookRefused(ValueError):
    """The webhook asks for what there is not; the message says what."""


class DeliveryFailed(Exception):
    """The receiver did not take the notice; it will be sent again."""


def register(
    session: Session, workspace_id: str, url: str, *, events: Iterable[str] = EVENTS, now: datetime
) -> Webhook:
    """A new webhook with a fresh secret. Raises WebhookRefused, and AddressRefused where we would never send to it."""
    _check_known(events)
    outbound.addresses_of(url)
    webhook = Webhook(workspace_id=workspace_id, url=url, secret=_secret(), events=list(events), created_at=now)
    session.add(webhook)
    session.flush()
    return webhook


def change(
    session: Session,
    webhook: Webhook,
    *,
    url: str | None = None,
    events: Iterable[str] | None = None,
    active: bool | None = None,
) -> None:
    """Another address or other events, on or off; None leaves it. Raises as `register`."""
    if url is not None:
        outbound.addresses_of(url)
        webhook.url = url
    if events is not None:
        _check_known(events)
        webhook.events = list(events)
    webhook.active = webhook.active if active is None else active
    session.add(webhook)


def rotate_secret(session: Session, webhook: Webhook, *, overlap: timedelta, now: datetime) -> None:
    """A new secret. Until `overlap` is over each delivery bears the signatures of both, and a receiver knows either."""
    webhook.old_secret, webhook.old_secret_until = webhook.secret, now + overlap
    webhook.secret = _secret()
    session.add(webhook)


def send_test(session: Session, webhook: Webhook, *, now: datetime) -> WebhookDelivery:
    """Send the webhook, and no other, an event without a document."""
    body = {"type": TEST, "timestamp": now.isoformat(), "data": {"webhook_id": webhook.id}}
    delivery = WebhookDelivery(
        webhook_id=webhook.id, event_key=new_id("tst"), event_type=TEST, payload=body, created_at=now
    )
    session.add(delivery)
    session.flush()
    enqueue(session, "deliver_webhook", delivery_id=delivery.id)
    return delivery


def _check_known(events: Iterable[str]) -> None:
    unknown = sorted(set(events) - set(EVENTS))
    if unknown:
        raise WebhookRefused(f"There is no event {', '.join(unknown)}. Known: {', '.join(EVENTS)}.")


def _secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def list_webhooks(session: Session, workspace_id: str) -> list[Webhook]:
    return list(session.exec(rows_of(Webhook, workspace_id).order_by(col(Webhook.created_at))).all())


def remove(session: Session, webhook: Webhook) -> None:
    """Stop telling this address. Its list of deliveries goes with it."""
    session.delete(webhook)


def deliveries(session: Session, webhooks: Iterable[Webhook], *, limit: int) -> list[WebhookDelivery]:
    """What was sent to these, newest first."""
    wanted = select(WebhookDelivery).where(col(WebhookDelivery.webhook_id).in_([one.id for one in webhooks]))
    newest = wanted.order_by(col(WebhookDelivery.created_at).desc(), col(WebhookDelivery.id))
    return list(session.exec(newest.limit(limit)).all())


def find_delivery(session: Session, delivery_id: str, workspace_id: str) -> WebhookDelivery | None:
    """One delivery to a webhook of the workspace, locked."""
    wanted = select(WebhookDelivery).join(Webhook, col(Webhook.id) == col(WebhookDelivery.webhook_id))
    of_workspace = wanted.where(WebhookDelivery.id == delivery_id, Webhook.workspace_id == workspace_id)
    return session.exec(of_workspace.with_for_update(of=WebhookDelivery, key_share=True)).one_or_none()


def notify(
    session: Session,
    document: Document,
    event: str,
    payload: Mapping[str, Any] = MappingProxyType({}),
    *,
    event_key: str = "",
    now: datetime,
) -> int:
    """Tell every webhook of the workspace that listens. Returns how many are told.

    One `event_key` is told once; without one, the event is told once of each document.
    """
    event_key = event_key or f"{document.id}:{event.partition('.')[2]}"
    webhooks = session.exec(
        select(Webhook).where(Webhook.workspace_id == document.workspace_id, col(Webhook.active))
    ).all()
    body = {
        "type": event,
        "timestamp": now.isoformat(),
        "data": {"document_id": document.id, "external_id": document.external_id, **payload},
    }
    queued = 0
    for webhook in webhooks:
        if event not in webhook.events and webhook.events:
            continue
        delivery = insert(WebhookDelivery).values(
            id=new_id("msg"), webhook_id=webhook.id, event_key=event_key, event_type=event, payload=body,
            document_id=document.id, attempts=0, status="pending", created_at=now,
        )  # fmt: skip
        once = delivery.on_conflict_do_nothing(index_elements=["webhook_id", "event_key"])
        made = session.execute(once.returning(col(WebhookDelivery.id))).scalar()
        if made is not None:
            enqueue(session, "deliver_webhook", delivery_id=made)
            queued += 1
    return queued


def replay(session: Session, delivery: WebhookDelivery) -> None:
    """Send a notice again, under the same id."""
    delivery.status = "pending"
    delivery.attempts = 0
    session.add(delivery)
    session.flush()
    enqueue(session, "deliver_webhook", delivery_id=delivery.id)


def deliver(delivery_id: str, *, now: datetime) -> None:
    """Send one notice. Raises DeliveryFailed or AddressRefused; 410 ends the subscription."""
    with transaction() as session:
        delivery = session.get(WebhookDelivery, delivery_id)
        if delivery is None or delivery.status != "pending" or delivery.payload is None:
            return
        webhook = session.get_one(Webhook, delivery.webhook_id)
        if not webhook.active:
            record_attempt(session, delivery_id, status="failed", error="the webhook is switched off")
            return
        url, keys, body = webhook.url, secrets_of(webhook, now), json.dumps(delivery.payload)
        event, document_id = delivery.event_type, delivery.document_id
    try:
        status = outbound.post(url, body, signature(delivery_id, keys, body, now), settings().webhook_seconds)
    except outbound.NotReached as error:
        raise DeliveryFailed(str(error)) from error
    with logs.about(document_id=document_id):
        log.info("told %s as %s: answered %s", event, delivery_id, status)
    with transaction() as session:
        if 200 <= status < 300:
            record_attempt(session, delivery_id, answered=status, status="delivered", delivered_at=now)
            return
        record_attempt(session, delivery_id, answered=status)
        if status == GONE:
            end_subscription(session, delivery_id, now)
            return
    raise DeliveryFailed(f"the receiver answered {status}")


def end_subscription(session: Session, delivery_id: str, now: datetime) -> None:
    """The receiver said 410 Gone: it wants nothing any more, neither this notice nor those that wait."""
    delivery = session.get_one(WebhookDelivery, delivery_id)
    webhook = session.get_one(Webhook, delivery.webhook_id)
    webhook.active = False
    delivery.status, delivery.last_error = "failed", "the receiver is gone (410); the webhook was switched off"
    session.add_all([webhook, delivery])
    record(
        session, action="webhook.gone", subject=webhook.id, stream=webhook.id, workspace_id=webhook.workspace_id,
        actor="system:webhooks", now=now,
    )  # fmt: skip


def secrets_of(webhook: Webhook, now: datetime) -> list[str]:
    """The secret, and the one before it while their overlap lasts."""
    if webhook.old_secret is None or webhook.old_secret_until is None or webhook.old_secret_until <= now:
        return [webhook.secret]
    return [webhook.secret, webhook.old_secret]


def signature(message_id: str, keys: Iterable[str], body: str, now: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks (https://www.standardwebhooks.com), with a signature by each key."""
    stamp = now.astimezone(UTC)
    signed = " ".join(standardwebhooks.webhooks.Webhook(key).sign(message_id, stamp, body) for key in keys)
    return {
        "content-type": "application/json",
        "user-agent": "countersign",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(stamp.timestamp())),
        "webhook-signature": signed,
    }


def record_attempt(
    session: Session,
    delivery_id: str,
    *,
    answered: int | None = None,
    error: str | None = None,
    status: str | None = None,
    delivered_at: datetime | None = None,
) -> None:
    """Write down how an attempt went."""
    delivery = session.get_one(WebhookDelivery, delivery_id, with_for_update=ROW)
    delivery.last_status, delivery.last_error = answered, error
    delivery.status = status or delivery.status
    delivery.delivered_at = delivered_at or delivery.delivered_at
    session.add(delivery)


def count_failure(error: BaseException, arguments: dict[str, Any], _now: datetime) -> bool:
    """Count a failed attempt. True: enough, the delivery is failed; it can be replayed."""
    with transaction() as session:
        delivery = session.get(WebhookDelivery, arguments["delivery_id"], with_for_update=ROW)
        if delivery is None or delivery.status != "pending":
            return True
        delivery.attempts += 1
        delivery.last_error = f"{type(error).__name__}: {error}"[:300]
        enough = delivery.attempts >= settings().webhook_attempts
        if enough:
            delivery.status = "failed"
        session.add(delivery)
        return enough
