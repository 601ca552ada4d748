"""Quality: how often the released values are wrong, what is certified, and what it cost."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from api.deps import Reader, SessionDep
from hitl.certificate import quality

router = APIRouter(prefix="/v1/quality", tags=["quality"])


@router.get("")
def show_quality(session: SessionDep, caller: Reader, document_type: str | None = None) -> dict[str, Any]:
    """Per field: decisions, share accepted by the machine, error found by audits, cost in answers; certificates."""
    return quality.quality(session, caller.workspace_id, document_type)
