"""Webhooks: where a client wants to be told, what was delivered, and sending it again."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter

from api.deps import Now, SessionDep, WebhookKeeper, not_found, owned
from api.schemas import (
    DeliveryList,
    DeliveryView,
    SecretRotation,
    WebhookChange,
    WebhookCreated,
    WebhookInput,
    WebhookList,
    WebhookView,
)
from hitl.release import webhooks
from models.tables import Webhook, WebhookDelivery

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])


@router.post("", status_code=201)
def add_webhook(body: WebhookInput, session: SessionDep, caller: WebhookKeeper, now: Now) -> WebhookCreated:
    """Be told of events. The secret that signs the deliveries is in this answer, and never again."""
    events = body.events or webhooks.EVENTS
    webhook = webhooks.register(session, caller.workspace_id, str(body.url), events=events, now=now)
    return WebhookCreated.model_validate(webhook)


@router.get("")
def list_webhooks(session: SessionDep, caller: WebhookKeeper) -> WebhookList:
    rows = webhooks.list_webhooks(session, caller.workspace_id)
    return WebhookList(webhooks=[WebhookView.model_validate(row) for row in rows])


@router.get("/{webhook_id}")
def show_webhook(webhook_id: str, session: SessionDep, caller: WebhookKeeper) -> WebhookView:
    return WebhookView.model_validate(owned(session, Webhook, webhook_id, caller.workspace_id))


@router.patch("/{webhook_id}")
def change_webhook(webhook_id: str, body: WebhookChange, session: SessionDep, caller: WebhookKeeper) -> WebhookView:
    """Another address or other events, on or off; also what 410 switched off goes on."""
    webhook = owned(session, Webhook, webhook_id, caller.workspace_id)
    url = str(body.url) if body.url else None
    webhooks.change(session, webhook, url=url, events=body.events, active=body.active)
    return WebhookView.model_validate(webhook)


@router.post("/{webhook_id}/rotate")
def rotate_secret(
    webhook_id: str, body: SecretRotation, session: SessionDep, caller: WebhookKeeper, now: Now
) -> WebhookCreated:
    """A new secret, told in this answer alone. Until the overlap is over deliveries bear both signatures."""
    webhook = owned(session, Webhook, webhook_id, caller.workspace_id)
    webhooks.rotate_secret(session, webhook, overlap=timedelta(hours=body.overlap_hours), now=now)
    return WebhookCreated.model_validate(webhook)


@router.post("/{webhook_id}/test", status_code=202)
def send_test(webhook_id: str, session: SessionDep, caller: WebhookKeeper, now: Now) -> DeliveryView:
    """Send an event `webhook.test` to this webhook; its delivery shows what the receiver answered."""
    webhook = owned(session, Webhook, webhook_id, caller.workspace_id)
    return DeliveryView.model_validate(webhooks.send_test(session, webhook, now=now))


@router.delete("/{webhook_id}", status_code=204)
def remove_webhook(webhook_id: str, session: SessionDep, caller: WebhookKeeper) -> None:
    """Stop telling this address. Its list of deliveries goes with it."""
    webhooks.remove(session, owned(session, Webhook, webhook_id, caller.workspace_id))


@router.get("/{webhook_id}/deliveries")
def list_deliveries(webhook_id: str, session: SessionDep, caller: WebhookKeeper) -> DeliveryList:
    """The last 200 deliveries, newest first."""
    webhook = owned(session, Webhook, webhook_id, caller.workspace_id)
    rows = webhooks.deliveries(session, [webhook], limit=200)
    return DeliveryList(deliveries=[DeliveryView.model_validate(row) for row in rows])


@router.post("/{webhook_id}/deliveries/{delivery_id}/replay", status_code=202)
def replay(webhook_id: str, delivery_id: str, session: SessionDep, caller: WebhookKeeper) -> DeliveryView:
    """Send a delivery again, under the same id, so that the receiver can tell that it is the same."""
    webhook = owned(session, Webhook, webhook_id, caller.workspace_id)
    delivery = webhooks.find_delivery(session, delivery_id, caller.workspace_id)
    if delivery is None or delivery.webhook_id != webhook.id:
        raise not_found(WebhookDelivery, delivery_id)
    webhooks.replay(session, delivery)
    return DeliveryView.model_validate(delivery)
