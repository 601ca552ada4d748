"""Receiving: whether a delivery is ours (Standard Webhooks: HMAC over id, time and body, at most five minutes old)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from api.client.errors import WrongSignature


def verify_webhook(secret: str, headers: Mapping[str, str], body: bytes | str) -> dict[str, Any]:
    """The event in a delivery. Raises WrongSignature. Deliveries come at least once: `webhook-id` tells repeats."""
    try:
        event: dict[str, Any] = Webhook(secret).verify(body, {name.lower(): value for name, value in headers.items()})
    except WebhookVerificationError as error:
        raise WrongSignature(str(error)) from error
    return event
