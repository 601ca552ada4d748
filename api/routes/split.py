"""Files that hold several documents: where each begins, as the machine thinks and as somebody says."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import Field

from api.deps import Caller, Now, Reader, SessionDep, Writer, owned
from api.routes.documents import Key, said
from api.schemas import DocumentSummary, Input, Output
from hitl.platform import idempotency
from hitl.release import splitting
from models.states import DocumentState
from models.tables import Document

router = APIRouter(prefix="/v1/documents", tags=["documents"])

Page = Annotated[int, Field(ge=2, le=100_000)]


class Guess(Output):
    """Where the machine thinks that further documents begin, and how probable that is at page 2, 3 and so on."""

    starts: list[int]
    sure: bool
    probabilities: list[float]


class SplitView(Output):
    """A file of several documents: what is thought of it, what was decided, and the documents that were made of it."""

    id: str
    state: DocumentState
    pages: int | None
    waits: Annotated[bool, Field(description="Whether it waits for somebody to say where documents begin.")]
    guess: Guess
    cuts: Annotated[list[int] | None, Field(description="As decided; empty: one document; null: not decided.")]
    decided_by: str | None
    documents: list[DocumentSummary]


class CutsInput(Input):
    """First pages of all documents but the first; none where the file is one document."""

    cuts: Annotated[list[Page], Field(max_length=10_000)]


@router.get("/{document_id}/split")
def show_split(document_id: str, session: SessionDep, caller: Reader) -> SplitView:
    """Where the documents of a file begin, and what was made of it."""
    document = owned(session, Document, document_id, caller.workspace_id)
    decided = document.split or {}
    made = splitting.parts_made(session, document)
    return SplitView(
        id=document.id,
        state=DocumentState(document.state),
        pages=document.page_count,
        waits=document.state == DocumentState.AWAITING_SPLIT and decided.get("answer") is None,
        guess=Guess.model_validate(splitting.best_guess(document)),
        cuts=decided.get("answer"),
        decided_by=decided.get("by") if decided.get("answer") is not None else None,
        documents=[DocumentSummary.model_validate(one) for one in made],
    )


@router.post("/{document_id}/split", status_code=202, response_model=DocumentSummary)
def split(
    document_id: str, body: CutsInput, session: SessionDep, caller: Writer, now: Now, idempotency_key: Key = None
) -> Response:
    """Say at which pages further documents begin. They are made as documents of their own; open tasks are withdrawn.

    Without cuts the file is one document, and is read on.
    """
    return said(idempotency.once(
        session, caller.workspace_id, idempotency_key, _digest(document_id, body),
        lambda: _cut(session, document_id, body, caller, now), now=now,
    ))  # fmt: skip


def _digest(document_id: str, body: CutsInput) -> str:
    return idempotency.digest("POST split", document_id, body.model_dump_json())


def _cut(session: SessionDep, document_id: str, body: CutsInput, caller: Caller, now: Now) -> idempotency.Answer:
    document = owned(session, Document, document_id, caller.workspace_id, lock=True)
    splitting.answer(session, document, body.cuts, actor=caller.actor, now=now)
    summary = DocumentSummary.model_validate(document).model_dump(mode="json")
    return idempotency.Answer(202, summary, f"/v1/documents/{document.id}/split")
