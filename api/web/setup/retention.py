"""Retention: how long a workspace keeps finished documents, and how much of one document one person may see."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from api.web.rendering import go, render
from api.web.visitor import Operator
from hitl.platform.blobs import stored
from hitl.platform.locks import ROW
from hitl.platform.moves import record
from hitl.release.listing import count_by_state
from models.tables import Workspace

router = APIRouter(prefix="/retention")


@router.get("")
def retention_page(request: Request, who: Operator) -> Response:
    workspace = who.session.get_one(Workspace, who.workspace_id)
    counted = count_by_state(who.session, who.workspace_id)
    blobs, size = stored(who.session, who.workspace_id)
    return render(
        request, who, "setup/retention.html", section="/retention", title="Retention", workspace=workspace,
        counted=counted, blobs=blobs, megabytes=size / 1_000_000,
    )  # fmt: skip


@router.post("")
def keep(
    who: Operator,
    days: Annotated[str, Form()] = "",
    exposure_cap: Annotated[float, Form(gt=0, le=100)] = 100,
    exam_required: Annotated[bool, Form()] = False,
) -> Response:
    """An empty number of days keeps everything."""
    workspace = who.session.get_one(Workspace, who.workspace_id, with_for_update=ROW)
    if days.strip() and not re.fullmatch(r"[1-9][0-9]{0,4}", days.strip()):
        return go("/retention", "nothing")
    workspace.retention_days = int(days) if days.strip() else None
    workspace.settings = workspace.settings | {"exposure_cap": exposure_cap / 100, "exam_required": exam_required}
    who.session.add(workspace)
    record(
        who.session, action="workspace.retention_set", subject=workspace.id, stream=workspace.id,
        workspace_id=workspace.id, actor=who.actor, now=who.now,
        data={"days": workspace.retention_days, "exposure_cap": exposure_cap, "exam_required": exam_required},
    )  # fmt: skip
    return go("/retention", "saved")
