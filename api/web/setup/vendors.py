"""The master data of a type on its page: a CSV of vendors is uploaded, downloaded, taken away."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Request, UploadFile
from fastapi.responses import Response

from api.deps import not_found
from api.web.rendering import go
from api.web.setup.types import editor
from api.web.visitor import Operator
from hitl.workspace import masterdata
from hitl.workspace.workspaces import current_type
from models.tables import MasterData

router = APIRouter(prefix="/types/{name}/master-data")


@router.post("")
def keep(request: Request, who: Operator, name: str, file: Annotated[UploadFile, File()]) -> Response:
    """Put the file in the place of what was kept, or say what is wrong with it."""
    _, spec = current_type(who.session, who.workspace_id, name)
    data = file.file.read(masterdata.MOST_BYTES + 1)
    try:
        masterdata.keep(who.session, who.workspace_id, name, data, actor=who.actor, now=who.now)
    except masterdata.MasterDataRefused as error:
        problems = [f"{file.filename}: {error}"]
        return editor(request, who, spec.model_dump(mode="json"), status=422, problems=problems)
    return go(f"/types/{name}", "saved")


@router.get("")
def download(who: Operator, name: str) -> Response:
    row = masterdata.find(who.session, who.workspace_id, name)
    if row is None:
        raise not_found(MasterData, name)
    headers = {"Content-Disposition": f'attachment; filename="{row.document_type}.csv"'}
    return Response(row.content, media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/forget")
def forget(who: Operator, name: str) -> Response:
    masterdata.forget(who.session, who.workspace_id, name, actor=who.actor, now=who.now)
    return go(f"/types/{name}", "saved")
