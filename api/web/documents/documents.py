"""The list of documents, and the page of one: images with boxes, values with their origin, history, actions."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from api import cursors
from api.deps import not_found, owned
from api.web.documents.document_view import history, overlay, shown
from api.web.rendering import go, render
from api.web.visitor import Manager, Operator, Reviewer, Visitor
from hitl.people import messages
from hitl.platform.blobs import blobs
from hitl.platform.moves import record
from hitl.release import documents, listing, release
from hitl.release.payload import payload
from hitl.release.splitting import can_split, parts_made
from hitl.work.document import corrections_of, page_of, releases_of
from hitl.work.exposure import log_page_shown
from hitl.workspace.workspaces import current_types
from models.states import IN_WORK, RELEASED, DocumentState, Role
from models.tables import Document, DocumentPage
from models.values import ValueState

router = APIRouter()
PAGE = 50


TABS = {
    "all": "All",
    "working": "Reading",
    "people": "With people",
    "type": "No type",
    "split": "To split",
    "held": "Held",
    "released": "Released",
    "exceptions": "Exceptions",
    "amended": "Amended",
    "corrections": "Corrected",
    "trouble": "Refused or failed",
}
EMPTY = {
    "all": "Upload a few, or send them with POST /v1/documents. Reading begins at once.",
    "type": "Documents that fit no type well enough wait here until somebody says what they are.",
    "split": "Files that may hold several documents wait here until somebody says where each begins.",
    "held": "Documents come here when an operator holds them.",
    "exceptions": "Released documents with an illegible value or a sum that does not add up are listed here.",
    "corrections": "When a client says that a released value is wrong, its document is listed here.",
    "trouble": "Files that could not be opened, and documents that failed, are listed here with what to do.",
}


@router.get("/documents")
def list_page(
    request: Request,
    who: Reviewer,
    tab: str = "all",
    q: Annotated[str, Query(max_length=200)] = "",
    cursor: str | None = None,
) -> Response:
    after = cursors.decode(cursor) if cursor else None
    wanted = listing.Wanted(view=tab, words=q)
    rows, more = listing.list_documents(who.session, who.workspace_id, wanted, limit=PAGE, after=after)
    return render(
        request, who, "documents/documents.html", section="/documents", title="Documents",
        documents=rows, more=cursors.encode(*more) if more else None, tab=tab, tabs=TABS, q=q, empty=EMPTY.get(tab, ""),
        labels=_labels(who), can_upload=who.is_at_least(Role.OPERATOR),
    )  # fmt: skip


def _labels(who: Visitor) -> dict[str, str]:
    """What people call each document type."""
    return {name: spec.label for name, (_, spec) in current_types(who.session, who.workspace_id).items()}


@router.get("/documents/{document_id}")
def document_page(request: Request, who: Reviewer, document_id: str) -> Response:
    document = owned(who.session, Document, document_id, who.workspace_id)
    view = shown(who.session, document)
    return render(
        request, who, "documents/document.html", section="/documents", title=document.filename or document.id,
        view=view, document=document, releases=releases_of(who.session, document),
        corrections=corrections_of(who.session, document), story=history(who.session, document),
        comments=messages.comments_on(who.session, who.user, document.id),
        types=current_types(who.session, who.workspace_id), overlay=overlay(view),
        states=[state for state in ValueState if state is not ValueState.NOT_FOUND],
        can=can_do(document, who), parts=parts_made(who.session, document),
    )  # fmt: skip


def can_do(document: Document, who: Visitor) -> dict[str, bool]:
    """Which buttons the page shows to this person in this state."""
    state, operator = DocumentState(document.state), who.is_at_least(Role.OPERATOR)
    is_done = state in RELEASED
    in_work = state in (DocumentState.READ, DocumentState.IN_REVIEW, DocumentState.AWAITING_TYPE)
    return {
        "amend": is_done and who.is_at_least(Role.MANAGER),
        "retype": operator and (in_work or is_done),
        "reprocess": operator and (is_done or in_work),
        "cancel": operator and state in IN_WORK,
        "split": can_split(document),
        "retry": operator and state is DocumentState.FAILED,
        "hold": operator and in_work and document.held_reason is None,
        "unhold": operator and document.held_reason is not None,
        "repeat": operator and document.repeat_of is not None and document.held_reason is not None and in_work,
        "erase": operator and state is not DocumentState.ERASED,
    }


@router.get("/documents/{document_id}/pages/{number}.png")
def page_image(who: Reviewer, document_id: str, number: int) -> Response:
    """A whole page for level 2 and above; every look is written down."""
    document = owned(who.session, Document, document_id, who.workspace_id)
    page = page_of(who.session, document, number)
    if page is None:
        raise not_found(DocumentPage, str(number))
    log_page_shown(who.session, who.user, document, number, why="document page", now=who.now)
    return Response(blobs().get(page.image_key), media_type="image/png", headers={"Cache-Control": "private, no-store"})


@router.get("/documents/{document_id}/result.json")
def result(who: Reviewer, document_id: str) -> Response:
    document = owned(who.session, Document, document_id, who.workspace_id)
    body = {
        "id": document.id, "state": document.state, "file": document.filename, "external_id": document.external_id,
        "document_type": document.document_type, "document_type_confidence": document.document_type_confidence,
        "pages": document.page_count, "exceptions": document.exceptions,
        "fields": payload(who.session, document),
    }  # fmt: skip
    record(
        who.session, action="document.downloaded", subject=document.id, stream=document.id,
        workspace_id=document.workspace_id, actor=who.actor, now=who.now,
    )  # fmt: skip
    headers = {"Content-Disposition": f'attachment; filename="{document.id}.json"', "Cache-Control": "no-store"}
    return Response(
        json.dumps(body, indent=2, ensure_ascii=False, default=str), media_type="application/json", headers=headers
    )


@router.post("/documents/{document_id}/amend")
def amend(
    who: Manager,
    document_id: str,
    field: Annotated[str, Form()],
    value_state: Annotated[ValueState, Form()],
    value: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
) -> Response:
    """Correct one released value: a new release number, a webhook, and an example to learn from."""
    document = owned(who.session, Document, document_id, who.workspace_id, lock=True)
    given = [line.strip() for line in value.splitlines() if line.strip()]
    is_list = next(
        (one.repeated or one.kind == "table" for one in _spec_fields(who, document) if one.name == field), False
    )
    found = value_state is ValueState.FOUND
    content: Any = (given if is_list else " ".join(given)) if found else None
    release.correct(who.session, document, field, value_state.value, content, note.strip(), by=who.actor, now=who.now)
    return go(f"/documents/{document.id}", "amended")


def _spec_fields(who: Visitor, document: Document) -> Any:
    spec = shown(who.session, document).spec
    return spec.fields if spec else ()


@router.post("/documents/{document_id}/comment")
def comment(
    who: Reviewer, document_id: str, body: Annotated[str, Form()], field: Annotated[str, Form()] = ""
) -> Response:
    document = owned(who.session, Document, document_id, who.workspace_id)
    if not body.strip():
        return go(f"/documents/{document.id}", "nothing")
    messages.send(who.session, who.user, body[:2000], document_id=document.id, field=field or None, now=who.now)
    return go(f"/documents/{document.id}", "commented")


@router.post("/documents/{document_id}/{action}")
def act(
    who: Operator,
    document_id: str,
    action: str,
    document_type: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """What an operator does to a document: one table of verbs."""
    document = owned(who.session, Document, document_id, who.workspace_id, lock=True)
    given: dict[str, Any] = {"actor": who.actor, "now": who.now}
    verbs: dict[str, tuple[str, Any]] = {
        "cancel": ("cancelled", lambda: documents.cancel(who.session, document, **given)),
        "reprocess": ("reprocessing", lambda: documents.reprocess(who.session, document, **given)),
        "retype": ("retyped", lambda: documents.retype(who.session, document, document_type, **given)),
        "retry": ("retried", lambda: documents.retry_failed(who.session, document, **given)),
        "copy": ("cancelled", lambda: documents.answer_repeat(who.session, document, copy=True, **given)),
        "own": ("saved", lambda: documents.answer_repeat(who.session, document, copy=False, **given)),
        "hold": (
            "held",
            lambda: documents.hold(who.session, document, reason=reason or "held by an operator", **given),
        ),
        "unhold": ("saved", lambda: documents.unhold(who.session, document, **given)),
        "erase": ("erased", lambda: documents.erase(who.session, document, **given)),
    }
    if action not in verbs:
        raise not_found(Document, document_id)
    done, verb = verbs[action]
    verb()
    return go(f"/documents/{document.id}", done)
