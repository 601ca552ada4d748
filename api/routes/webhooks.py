"""Webhooks: where a client wants to be told, what was delivered, and sending it again."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import Now, SessionDep, WebhookKeeper, not_found, owned
from api.schemas import DeliveryList, DeliveryView, WebhookCreated, WebhookInput, WebhookList, WebhookView
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
