"""Cursors of lists: where the page before ended, opaque to clients."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime

from api.problems import ApiProblem


def encode(created_at: datetime, identifier: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([created_at.isoformat(), identifier]).encode()).decode().rstrip("=")


def decode(cursor: str) -> tuple[datetime, str]:
    """Raises ApiProblem 422 for anything that `encode` did not make."""
    try:
        created_at, identifier = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        moment = datetime.fromisoformat(created_at)
        moment.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, binascii.Error):
        moment, identifier = None, None
    if moment is None or moment.tzinfo is None or not isinstance(identifier, str):
        raise ApiProblem(422, "bad_cursor", "This cursor is not one of ours.", "Begin the list again without a cursor.")
    return moment, identifier
