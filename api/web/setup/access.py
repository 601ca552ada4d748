"""Keys and webhooks: API keys with their scopes, addresses that are told, deliveries and their replay."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from api.deps import not_found, owned
from api.web.rendering import go, render
from api.web.visitor import Operator, Visitor
from hitl.people import keys
from hitl.platform.moves import record
from hitl.release import webhooks
from models.states import Role
from models.tables import Webhook, WebhookDelivery

router = APIRouter(prefix="/access")
DELIVERIES = 50


@router.get("")
def access_page(request: Request, who: Operator) -> Response:
    return _page(request, who)


def _page(request: Request, who: Visitor, *, status: int = 200, **more: Any) -> Response:
    hooks = webhooks.list_webhooks(who.session, who.workspace_id)
    deliveries = webhooks.deliveries(who.session, hooks, limit=DELIVERIES)
    return render(
        request, who, "setup/access.html", section="/access", title="Keys and webhooks", status=status,
        keys=keys.list_keys(who.session, who.workspace_id), scopes=_scopes(who), hooks=hooks, deliveries=deliveries,
        events=webhooks.EVENTS, **({"secret": None, "secret_of": ""} | more),
    )  # fmt: skip


def _scopes(who: Visitor) -> list[keys.Scope]:
    """Scopes this person may give: a key of an admin is for admins to make."""
    return [scope for scope in keys.Scope if scope is not keys.Scope.ADMIN or who.is_at_least(Role.ADMIN)]


@router.post("/keys")
def add_key(
    request: Request, who: Operator, name: Annotated[str, Form()], scopes: Annotated[list[str] | None, Form()] = None
) -> Response:
    allowed = {scope.value for scope in _scopes(who)}
    if not scopes or not set(scopes) <= allowed:
        return _page(request, who, status=422, problem="Choose at least one scope that you may give.")
    key, secret = keys.add_key(who.session, who.workspace_id, name.strip()[:120], scopes, actor=who.actor, now=who.now)
    return _page(request, who, secret=secret, secret_of=f"the key “{key.name}”")


@router.post("/keys/{key_id}/revoke")
def revoke_key(who: Operator, key_id: str) -> Response:
    keys.revoke_key(who.session, who.workspace_id, key_id, actor=who.actor, now=who.now)
    return go("/access", "revoked")


@router.post("/webhooks")
def add_webhook(
    request: Request, who: Operator, url: Annotated[str, Form()], events: Annotated[list[str] | None, Form()] = None
) -> Response:
    try:
        hook = webhooks.register(
            who.session, who.workspace_id, url.strip(), events=events or webhooks.EVENTS, now=who.now
        )
    except webhooks.WebhookRefused as refused:
        return _page(request, who, status=422, problem=str(refused))
    _log(who, hook, "webhook.added")
    return _page(request, who, secret=hook.secret, secret_of=f"the webhook to {hook.url}")


@router.post("/webhooks/{hook_id}/switch")
def switch_webhook(who: Operator, hook_id: str) -> Response:
    """On or off."""
    hook = owned(who.session, Webhook, hook_id, who.workspace_id)
    webhooks.change(who.session, hook, active=not hook.active)
    _log(who, hook, "webhook.switched_on" if hook.active else "webhook.switched_off")
    return go("/access", "saved")


@router.post("/deliveries/{delivery_id}/replay")
def replay(who: Operator, delivery_id: str) -> Response:
    delivery = webhooks.find_delivery(who.session, delivery_id, who.workspace_id)
    if delivery is None:
        raise not_found(WebhookDelivery, delivery_id)
    webhooks.replay(who.session, delivery)
    return go("/access", "replayed")


def _log(who: Visitor, hook: Webhook, action: str) -> None:
    record(
        who.session, action=action, subject=hook.id, stream=hook.id, workspace_id=who.workspace_id,
        actor=who.actor, now=who.now,
    )  # fmt: skip
