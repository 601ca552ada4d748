"""The upload page: many files by drag and drop with progress, or by a plain form."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.responses import JSONResponse, Response

from api.web.rendering import render
from api.web.visitor import Operator, Visitor
from extractor.page.triage import Refusal
from hitl.intake import receive
from hitl.settings import settings
from hitl.workspace.workspaces import current_types

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file."""

    filename: str
    document_id: str | None
    created: bool
    problem: str = ""
    next_step: str = ""


@router.get("/upload")
def upload_page(request: Request, who: Operator) -> Response:
    return _page(request, who)


def _page(request: Request, who: Visitor, outcomes: list[Outcome] | None = None, **more: Any) -> Response:
    given = settings()
    return render(
        request, who, "documents/upload.html", section="/upload", title="Upload",
        types=current_types(who.session, who.workspace_id),
        outcomes=outcomes or [], max_megabytes=given.max_bytes // 1_000_000, max_pages=given.max_pages, **more,
    )  # fmt: skip


@router.post("/upload")
def upload(
    request: Request,
    who: Operator,
    file: Annotated[list[UploadFile], File()],
    document_type: Annotated[str, Form()] = "",
    priority: Annotated[int, Form(ge=-100, le=100)] = 0,
    due_at: Annotated[str, Form()] = "",
) -> Response:
    """Take files in. Each is judged on its own: one that is refused does not stop the others."""
    due = _moment(due_at)
    outcomes = [
        _take_in(who, one, document_type=document_type or None, priority=priority, due_at=due)
        for one in file
        if one.filename
    ]
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"outcomes": [asdict(one) for one in outcomes]})
    return _page(request, who, outcomes)


def _take_in(who: Visitor, file: UploadFile, **given: Any) -> Outcome:
    name = file.filename or ""
    try:
        document, created = receive.receive(
            who.session, workspace_id=who.workspace_id, data=file.file.read(), filename=name,
            actor=who.actor, now=who.now, **given,
        )  # fmt: skip
    except Refusal as refusal:
        return Outcome(name, None, False, str(refusal), getattr(refusal, "next_step", ""))
    return Outcome(name, document.id, created)


def _moment(text: str) -> datetime | None:
    """A date and time from the browser's own field, read as UTC."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None
    except ValueError:
        return None
