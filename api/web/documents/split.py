"""The page on which a person says where the documents of a file begin: thumbnails, and a cut before any of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from api.deps import owned
from api.web.rendering import go, render
from api.web.visitor import Operator, Reviewer
from hitl.release import splitting
from hitl.work.document import pages_of
from models.states import Role
from models.tables import Document

router = APIRouter()


@router.get("/documents/{document_id}/split")
def split_page(request: Request, who: Reviewer, document_id: str) -> Response:
    document = owned(who.session, Document, document_id, who.workspace_id)
    guess = splitting.best_guess(document)
    chances = dict(enumerate(guess["probabilities"], start=2))
    decided = (document.split or {}).get("answer")
    return render(
        request, who, "documents/split.html", section="/documents", title="Where documents begin",
        document=document, pages=pages_of(who.session, document), chances=chances,
        starts=guess["starts"] if decided is None else decided,
        may=splitting.can_split(document) and who.is_at_least(Role.OPERATOR),
    )  # fmt: skip


@router.post("/documents/{document_id}/split")
def cut(who: Operator, document_id: str, cuts: Annotated[list[int] | None, Form()] = None) -> Response:
    document = owned(who.session, Document, document_id, who.workspace_id, lock=True)
    splitting.answer(who.session, document, sorted(cuts or []), actor=who.actor, now=who.now)
    return go(f"/documents/{document.id}", "split" if cuts else "one")
