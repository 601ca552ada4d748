"""The tour: five minutes from the first sample document to a promise, each step ticked off when it was done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import col, func, select

from api.web.rendering import render
from api.web.visitor import Manager, Visitor
from models.states import DocumentState, Role
from models.tables import Answer, Document, Event, ModelVersion, Observation, User

router = APIRouter()
KEYED = 5  # fields that the tour asks for
READ = [state.value for state in (DocumentState.READ, DocumentState.IN_REVIEW, DocumentState.AWAITING_TYPE)]
RELEASED = [state.value for state in (DocumentState.RELEASED, DocumentState.AMENDED)]


@dataclass(frozen=True, slots=True)
class Step:
    title: str
    text: str
    href: str
    link: str
    done: bool


@router.get("/tour")
def tour_page(request: Request, who: Manager) -> Response:
    return render(request, who, "manage/tour.html", title="The tour", steps=tour_of(who))


def tour_of(who: Visitor) -> list[Step]:
    """The steps in their order. Those that an operator takes are left out for others."""
    example = _example(who)
    looked = _any(who, Event, Event.actor == who.user.id, Event.action == "page.shown")
    own = select(func.count()).select_from(Answer).where(Answer.user_id == who.user.id, col(Answer.undone_at).is_(None))
    keyed = who.session.exec(own).one()
    people = who.session.exec(
        select(func.count()).select_from(User).where(User.workspace_id == who.workspace_id, col(User.active))
    ).one()
    steps = [
        Step("Watch documents being read", "The samples of the first start, or a few of your own: drop them on the "
             "upload page. Reading one takes seconds.", "/queue", "See the queue", example is not None),
        Step("See where a value came from", "Pages at the left, values at the right; each lights the other. Open a "
             "value: engine, model, rule and people behind it.", f"/documents/{example}" if example else "/documents",
             "Open a document", looked),
        Step(f"Key {KEYED} fields", "Type what you see, Enter sends, the next one is there already. ? shows every "
             f"key. You have keyed {keyed}.", "/work", "Begin keying", keyed >= KEYED),
        Step("Bring a second person", "A value counts when two independent sources agree: the machine and one person "
             "who is not shown its answer; where they differ, the next person. A private window will do to try it.",
             "/people", "Invite somebody", people > 1),
        Step("See a document released", "When its last field is decided it goes to the client, once. A correction "
             "later on amends it.", "/documents?tab=released", "Released documents",
             _any(who, Document, col(Document.state).in_(RELEASED))),
        Step("See what may be promised", "Blind checks measure the released error. Until there are enough of them the "
             "page says how many more, and people check every value.", "/quality", "See the quality",
             _any(who, Observation)),
        Step("Let it learn", "What people keyed trains the next model; it serves only if it passes the gate. Some "
             "twenty released documents of a type are a start.", "/models", "Train a model", _any(who, ModelVersion)),
    ]  # fmt: skip
    return steps if who.is_at_least(Role.OPERATOR) else [step for step in steps if step.href != "/people"]


def _any(who: Visitor, table: Any, *where: Any) -> bool:
    wanted = select(table.id).where(table.workspace_id == who.workspace_id, *where).limit(1)
    return who.session.exec(wanted).first() is not None


def _example(who: Visitor) -> str | None:
    """The newest document that was read."""
    wanted = select(Document.id).where(
        Document.workspace_id == who.workspace_id, col(Document.state).in_([*READ, *RELEASED])
    )
    return who.session.exec(wanted.order_by(col(Document.created_at).desc())).first()
