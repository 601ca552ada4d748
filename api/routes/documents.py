"""Documents: upload, look, list, page images, history, and what a client may do with one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import ValidationError
from sqlmodel import Session
from starlette.datastructures import UploadFile

from api import cursors
from api.admission import AtWork
from api.contract import file_of
from api.deps import Caller, Now, Reader, SessionDep, Writer, not_found, owned
from api.problems import ApiProblem
from api.schemas import (
    CorrectionInput,
    DocumentList,
    DocumentSummary,
    DocumentView,
    DueAt,
    EventList,
    EventView,
    FieldValue,
    ReleaseNote,
    RepeatInput,
    TypeInput,
    UploadFields,
)
from api.waiting import Waited
from api.wellformed import check_text
from hitl.intake import receive
from hitl.platform import idempotency
from hitl.platform.blobs import blobs
from hitl.platform.moves import events_of, record, verify_chain
from hitl.release import documents, listing, release
from hitl.release.payload import payload
from hitl.work.document import page_of, releases_of
from models.states import DocumentState
from models.tables import Document, DocumentPage

router = APIRouter(prefix="/v1/documents", tags=["documents"])

Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", min_length=1, max_length=200, description="The same key gets the same answer."),
]


@dataclass(frozen=True, slots=True)
class Upload:
    """One checked multipart upload."""

    caller: Caller
    file: UploadFile
    fields: UploadFields
    beside: UploadFile | None = None


async def read_upload(request: Request, caller: Writer, place: AtWork) -> AsyncIterator[Upload]:
    """Parse the form only after the key was checked: strangers' bytes are never taken in. It has no place meanwhile."""
    place.give_back()
    async with request.form(max_files=2, max_fields=20) as form:
        await place.take()
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise ApiProblem(
                422,
                "file_missing",
                "The upload has no part named file.",
                "Send multipart/form-data with a part `file`.",
            )
        beside = form.get("beside")
        is_file = isinstance(beside, UploadFile)
        files = {"file", "beside"} if is_file else {"file"}
        given = {name: value for name, value in form.items() if name not in files and value != ""}
        for name, value in given.items():
            check_text(f"the form field {name!r:.40}", name + (value if isinstance(value, str) else ""))
        yield Upload(caller, file, _fields(given), beside if isinstance(beside, UploadFile) else None)


def _fields(given: dict[str, Any]) -> UploadFields:
    try:
        return UploadFields.model_validate(given)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error


UPLOAD_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "PDF, or a picture: JPEG, PNG, TIFF, HEIC, WebP, BMP, GIF, JPEG 2000. Or an "
                            "e-invoice in XML, whose pages are then made from what it says.",
                        },
                        "beside": {
                            "type": "string",
                            "format": "binary",
                            "description": "The e-invoice in XML that belongs to the file, compared with its print.",
                        },
                        **UploadFields.model_json_schema()["properties"],
                    },
                }
            }
        },
    }
}


@router.post("", status_code=202, response_model=DocumentSummary, openapi_extra=UPLOAD_BODY)
def upload(
    upload: Annotated[Upload, Depends(read_upload, scope="function")],
    session: SessionDep,
    now: Now,
    idempotency_key: Key = None,
) -> Response:
    """Take a document in. 202 and its address; 200 when these bytes with this external_id are here already."""
    data = upload.file.file.read()
    kind = receive.inspect(data)  # before a connection is taken: a locked PDF is opened in a child
    fields, caller = upload.fields, upload.caller
    beside = (upload.beside.filename or "", upload.beside.file.read()) if upload.beside else None
    if beside is not None:
        receive.inspect_beside(beside)

    def take_in() -> idempotency.Answer:
        document, created = receive.receive(
            session,
            workspace_id=caller.workspace_id,
            data=data,
            kind=kind,
            filename=upload.file.filename or "",
            beside=beside,
            actor=caller.actor,
            now=now,
            **fields.model_dump(),
        )
        return idempotency.Answer(202 if created else 200, summary(document), f"/v1/documents/{document.id}")

    said_of = [fields.model_dump_json(), upload.file.filename, data, *(beside or ())]
    request_digest = idempotency.digest("POST /v1/documents", *said_of)
    answer = idempotency.once(session, caller.workspace_id, idempotency_key, request_digest, take_in, now=now)
    return said(answer)


@router.get("")
def list_documents(
    session: SessionDep,
    caller: Reader,
    cursor: str | None = None,
    state: Annotated[list[DocumentState] | None, Query()] = None,
    document_type: str | None = None,
    external_id: str | None = None,
    updated_since: Annotated[DueAt | None, Query(description="Changed since then, the oldest change first.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> DocumentList:
    """Documents, newest first; `next_cursor` leads to the following page."""
    wanted = listing.Wanted(
        states=state or (), document_type=document_type, external_id=external_id, changed_since=updated_since
    )
    rows, more = listing.list_documents(
        session, caller.workspace_id, wanted, limit=limit, after=cursors.decode(cursor) if cursor else None
    )
    summaries = [DocumentSummary.model_validate(row) for row in rows]
    return DocumentList(documents=summaries, next_cursor=cursors.encode(*more) if more else None)


@router.get("/{document_id}")
def show_document(document_id: str, caller: Reader, _waited: Waited, session: SessionDep) -> DocumentView:
    """State, type and fields of one document; with `wait`, as soon as its work has ended or after so many seconds."""
    return view(session, owned(session, Document, document_id, caller.workspace_id))


@router.get(
    "/{document_id}/pages/{number}.png",
    response_class=Response,
    responses=file_of("image/png"),
)
def page_image(
    document_id: str,
    number: int,
    session: SessionDep,
    caller: Reader,
    now: Now,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """The page as an image: what every `box` refers to. Each look is written into the document's history."""
    document = owned(session, Document, document_id, caller.workspace_id)
    page = page_of(session, document, number)
    if page is None:
        raise not_found(DocumentPage, str(number))
    headers = {"ETag": f'"{page.image_key.rpartition("/")[2]}"', "Cache-Control": "private, max-age=3600"}
    if if_none_match == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    _log_look(session, document, number, caller, now)
    return Response(blobs().get(page.image_key), media_type="image/png", headers=headers)


@router.get("/{document_id}/events")
def history(document_id: str, session: SessionDep, caller: Reader) -> EventList:
    """Who did what to the document, in order."""
    document = owned(session, Document, document_id, caller.workspace_id)
    events = [EventView.model_validate(event) for event in events_of(session, document.id)]
    return EventList(events=events, intact=verify_chain(session, document.id))


@router.delete("/{document_id}", status_code=204)
def erase(document_id: str, session: SessionDep, caller: Writer, now: Now) -> None:
    """Erase bytes, pages and values. A tombstone without values stays, so that totals still add up."""
    document = owned(session, Document, document_id, caller.workspace_id, lock=True)
    documents.erase(session, document, actor=caller.actor, now=now)


@router.post("/{document_id}/corrections", status_code=201, response_model=DocumentView)
def correct(
    document_id: str, body: CorrectionInput, session: SessionDep, caller: Writer, now: Now, idempotency_key: Key = None
) -> Response:
    """A released value is wrong: amend the release, tell the webhooks, and learn from it."""

    def amend() -> idempotency.Answer:
        document = owned(session, Document, document_id, caller.workspace_id, lock=True)
        release.correct(
            session, document, body.field, body.state, body.value,
            note=body.note, by=caller.actor, now=now, meant=body.meant,
        )  # fmt: skip
        return idempotency.Answer(201, view(session, document).model_dump(mode="json"), f"/v1/documents/{document.id}")

    request_digest = idempotency.digest("POST corrections", document_id, body.model_dump_json())
    answer = idempotency.once(session, caller.workspace_id, idempotency_key, request_digest, amend, now=now)
    return said(answer)


@router.post("/{document_id}/reprocess", status_code=202, response_model=DocumentSummary)
def reprocess(document_id: str, session: SessionDep, caller: Writer, now: Now, idempotency_key: Key = None) -> Response:
    """Read the document again with the serving model; open tasks of the old run are withdrawn."""
    again = partial(documents.reprocess, session, actor=caller.actor, now=now)
    return _change(session, caller, document_id, "reprocess", again, 202, idempotency_key, now)


@router.post("/{document_id}/cancel", response_model=DocumentSummary)
def cancel(document_id: str, session: SessionDep, caller: Writer, now: Now, idempotency_key: Key = None) -> Response:
    """Stop work on the document and withdraw its tasks."""
    stop = partial(documents.cancel, session, actor=caller.actor, now=now)
    return _change(session, caller, document_id, "cancel", stop, 200, idempotency_key, now)


@router.post("/{document_id}/retry", status_code=202, response_model=DocumentSummary)
def retry(document_id: str, session: SessionDep, caller: Writer, now: Now, idempotency_key: Key = None) -> Response:
    """Try a failed document again from the start."""
    again = partial(documents.retry_failed, session, actor=caller.actor, now=now)
    return _change(session, caller, document_id, "retry", again, 202, idempotency_key, now)


@router.post("/{document_id}/repeat", response_model=DocumentSummary)
def answer_repeat(
    document_id: str, body: RepeatInput, session: SessionDep, caller: Writer, now: Now, idempotency_key: Key = None
) -> Response:
    """Say of a document that is held as `repeat_of` whether it is a copy: then it is cancelled, else it goes on."""
    said_so = partial(documents.answer_repeat, session, copy=body.copy_of_it, actor=caller.actor, now=now)
    what = f"repeat {body.copy_of_it}"
    return _change(session, caller, document_id, what, said_so, 200, idempotency_key, now)


@router.post("/{document_id}/type", status_code=202, response_model=DocumentSummary)
def retype(
    document_id: str, body: TypeInput, session: SessionDep, caller: Writer, now: Now, idempotency_key: Key = None
) -> Response:
    """Say what type the document is; it is read and routed again as that type."""

    def as_that(document: Document) -> None:
        documents.retype(session, document, body.document_type, actor=caller.actor, now=now)

    what = f"type {body.document_type}"
    return _change(session, caller, document_id, what, as_that, 202, idempotency_key, now)


def _change(
    session: Session,
    caller: Caller,
    document_id: str,
    what: str,
    change: Callable[[Document], object],
    status: int,
    idempotency_key: str | None,
    now: datetime,
) -> Response:
    """Change a document once under the caller's key, and answer with what it is then."""
    document = owned(session, Document, document_id, caller.workspace_id, lock=True)

    def work() -> idempotency.Answer:
        change(document)
        return idempotency.Answer(status, summary(document))

    request_digest = idempotency.digest("POST", document.id, what)
    return said(idempotency.once(session, caller.workspace_id, idempotency_key, request_digest, work, now=now))


def view(session: Session, document: Document) -> DocumentView:
    """The document with its fields and releases."""
    fields = payload(session, document)
    return DocumentView.model_validate(document).model_copy(
        update={
            "fields": {name: FieldValue.model_validate(value) for name, value in fields.items()},
            "releases": [ReleaseNote.model_validate(row) for row in releases_of(session, document)],
        }
    )


def summary(document: Document) -> dict[str, Any]:
    return DocumentSummary.model_validate(document).model_dump(mode="json")


def said(answer: idempotency.Answer) -> Response:
    """An answer that can be given again, with the header that says whether it was."""
    headers = {"Location": answer.location} if answer.location else {}
    if answer.repeated:
        headers["Idempotent-Replayed"] = "true"
    return JSONResponse(answer.body, answer.status, headers=headers)


def _log_look(session: Session, document: Document, number: int, caller: Caller, now: datetime) -> None:
    record(
        session,
        action="page.shown",
        subject=document.id,
        stream=document.id,
        workspace_id=document.workspace_id,
        actor=caller.actor,
        now=now,
        data={"page": number},
    )
