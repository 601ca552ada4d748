"""The review page of levels 2 and 3: a contested field with its candidates, or a whole document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from api.deps import owned
from api.web.documents.document_view import FieldView, overlay, shown
from api.web.forms import AnyForm
from api.web.rendering import go, render
from api.web.visitor import Reviewer, Visitor
from extractor.kinds import canonical
from hitl import pipeline
from hitl.aggregate.equality import TYPE_FIELD, field_spec, same_answer
from hitl.annotation import review
from hitl.annotation.queue import count_open
from hitl.people import messages
from models.tables import Document, Review
from models.values import ValueState

router = APIRouter(prefix="/review")

STATES = (
    (ValueState.FOUND, "has this value"),
    (ValueState.ABSENT, "does not have it"),
    (ValueState.EMPTY, "leaves it blank"),
    (ValueState.ILLEGIBLE, "has it, illegible"),
)
WHY = {
    "contested": "People disagree on this field.",
    "exhausted": "Nobody is left who could key this field.",
    "grader": "The grader expects that something in this document will be changed.",
    "random": "Drawn at random: somebody looks at a share of all documents.",
    "escalated": "A reviewer passed this on.",
    "correction": "A client says that a released value is wrong.",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One candidate with its number; who said it is not told."""

    number: int
    value_state: str
    value: Any
    page: int | None
    box: list[float] | None


@router.get("")
def review_page(request: Request, who: Reviewer) -> Response:
    """The review this person has in hand, else the next one."""
    row = review.in_hand(who.session, who.user, now=who.now) or review.next_review(who.session, who.user, now=who.now)
    if row is None:
        waiting = count_open(who.session, Review, who.workspace_id)
        return render(request, who, "work/review_none.html", section="/review", title="Review", waiting=waiting)
    return _page(request, who, row)


def _page(request: Request, who: Visitor, row: Review, *, status: int = 200, **more: Any) -> Response:
    document = who.session.get_one(Document, row.document_id)
    verdict, audit = review.subject_of(who.session, row)
    view = shown(who.session, document)
    field = next((one for one in view.fields if verdict and one.name == verdict.field), None)
    spec = field_spec(view.spec, field.name) if field else None
    candidates = _candidates(who, row)
    left = max(0, int((row.lease_until - who.now).total_seconds())) if row.lease_until else 0
    return render(
        request, who, "work/review.html", section="/review", status=status, title="Review",
        row=row, document=document, view=view, field=field, spec=spec, audit=audit, left=left,
        candidates=candidates, places=_places(candidates), why=WHY.get(row.reason, row.reason), states=STATES,
        comments=messages.comments_on(who.session, who.user, document.id), lists=_list_fields(view),
        overlay=overlay(view) if field is None else {}, **({"typed": {}} | more),
    )  # fmt: skip


def _candidates(who: Visitor, row: Review) -> list[Shown]:
    found = review.candidates(who.session, row, now=who.now)
    return [Shown(n, one.value_state, one.value, one.page, one.box) for n, one in enumerate(found, start=1)]


def _places(candidates: list[Shown]) -> dict[int, list[list[float]]]:
    """Where any candidate stands, by page. Not which: often only the machine's has a place, which would mark it."""
    by_page: dict[int, list[list[float]]] = {}
    for one in candidates:
        if one.page and one.box and one.box not in by_page.setdefault(one.page, []):
            by_page[one.page].append(one.box)
    return {page: sorted(boxes) for page, boxes in by_page.items()}


def _list_fields(view: Any) -> set[str]:
    fields = view.spec.fields if view.spec else ()
    return {one.name for one in fields if one.repeated or one.kind == "table"}


@router.post("/{review_id}/decide")
def decide(request: Request, who: Reviewer, review_id: str, form: AnyForm) -> Response:
    """The form's fields differ by document type, so they are read by name."""
    row = owned(who.session, Review, review_id, who.workspace_id)
    verdict, _ = review.subject_of(who.session, row)
    decisions = _of_field(who, row, verdict.field, form) if verdict else _of_document(who, row, form)
    seconds = float(form["seconds"]) if form.get("seconds", "").replace(".", "", 1).isdecimal() else None
    try:
        token, note = form.get("token", ""), form.get("note", "")
        pipeline.review(who.session, row, who.user, token, decisions, note, now=who.now, seconds=seconds)
    except review.NotYourReview:
        return go("/review", "lost")
    except review.ReviewRefused as refused:
        return _page(request, who, row, status=422, problem=f"{refused} {refused.next_step}", typed=form)
    return go("/review", "decided")


def _of_field(who: Visitor, row: Review, field: str, form: dict[str, str]) -> dict[str, tuple[str, Any]]:
    """A candidate by its number, another value, or a state."""
    choice = form.get("choice", "")
    if choice.isdecimal():
        chosen = next((one for one in _candidates(who, row) if one.number == int(choice)), None)
        return {field: (chosen.value_state, canonical(chosen.value))} if chosen else {}
    if choice == "other":
        document = who.session.get_one(Document, row.document_id)
        is_list = field in _list_fields(shown(who.session, document))
        return {field: (ValueState.FOUND.value, _typed(form.get("other", ""), is_list=is_list))}
    return {field: (choice, None)} if choice in set(ValueState) else {}


def _of_document(who: Visitor, row: Review, form: dict[str, str]) -> dict[str, tuple[str, Any]]:
    """Only the fields whose value or state the form changes."""
    view = shown(who.session, who.session.get_one(Document, row.document_id))
    lists = _list_fields(view)
    changed: dict[str, tuple[str, Any]] = {}
    for one in view.fields:
        if one.name == TYPE_FIELD or f"state.{one.name}" not in form:
            continue
        state = form[f"state.{one.name}"]
        found = state == ValueState.FOUND.value
        value = _typed(form.get(f"value.{one.name}", ""), is_list=one.name in lists) if found else None
        if not _says_the_same(one, state, value):
            changed[one.name] = (state, value)
    return changed


def _says_the_same(field: FieldView, state: str, value: Any) -> bool:
    if state == "as_is" or (state == field.state and value == field.value):
        return True
    is_text = isinstance(value, str) and isinstance(field.value, str)  # may be spelled better
    return not is_text and same_answer(field.kind, (state, value), (field.state, field.value))


def _typed(text: str, *, is_list: bool) -> Any:
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    return lines if is_list else " ".join(lines)


@router.post("/{review_id}/escalate")
def escalate(
    request: Request,
    who: Reviewer,
    review_id: str,
    token: Annotated[str, Form()],
    note: Annotated[str, Form()] = "",
) -> Response:
    row = owned(who.session, Review, review_id, who.workspace_id)
    try:
        review.escalate(who.session, row, who.user, token, note, now=who.now)
    except review.NotYourReview:
        return go("/review", "lost")
    except review.ReviewRefused as refused:
        return _page(request, who, row, status=422, problem=f"{refused} {refused.next_step}")
    return go("/review", "escalated")


@router.post("/{review_id}/return")
def send_back(
    request: Request,
    who: Reviewer,
    review_id: str,
    message: Annotated[str, Form()],
    candidate: Annotated[int, Form()],
) -> Response:
    """Send one candidate back to whoever keyed it, with a message."""
    row = owned(who.session, Review, review_id, who.workspace_id)
    try:
        chosen = next((one for one in _candidates(who, row) if one.number == candidate), None)
        task_id = review.task_behind(who.session, row, chosen.value_state, chosen.value) if chosen else None
        if task_id is None:
            raise review.BadDecision("No person keyed that value, so there is nobody to send it back to.")
        if not message.strip():
            raise review.BadDecision("A message is needed: say what to look at.")
        review.return_work(who.session, row, who.user, task_id, message.strip()[:2000], now=who.now)
    except review.NotYourReview:
        return go("/review", "lost")
    except review.ReviewRefused as refused:
        return _page(request, who, row, status=422, problem=f"{refused} {refused.next_step}")
    return go("/review", "returned")


@router.post("/{review_id}/comment")
def comment(
    who: Reviewer, review_id: str, body: Annotated[str, Form()], field: Annotated[str, Form()] = ""
) -> Response:
    row = owned(who.session, Review, review_id, who.workspace_id)
    if not body.strip():
        return go("/review", "nothing")
    messages.send(who.session, who.user, body[:2000], document_id=row.document_id, field=field or None, now=who.now)
    return go("/review", "commented")
