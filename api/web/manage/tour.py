"""The tour: five minutes from the first sample document to a promise, each step ticked off when it was done."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.web.rendering import render
from api.web.visitor import Manager, Visitor
from hitl.people.accounts import list_users
from hitl.people.figures import Figures, figures_of
from hitl.platform.ownership import has_any
from hitl.release.listing import Wanted, count_by_state, list_documents
from models.states import RELEASED, DocumentState, Role
from models.tables import Event, ModelVersion, Observation

router = APIRouter()
KEYED = 5  # fields that the tour asks for
READ = {DocumentState.READ, DocumentState.IN_REVIEW, DocumentState.AWAITING_TYPE}


@dataclass(frozen=True, slots=True)
class Step:
    title: str
    text: str
    href: str
    link: str
    done: bool


@router.get("/tour")
def tour_page(request: Request, who: Manager) -> Response:
    figures = figures_of(who.session, who.user, now=who.now, midnight=who.midnight)
    return render(request, who, "manage/tour.html", title="The tour", steps=tour_of(who, figures))


def tour_of(who: Visitor, figures: Figures) -> list[Step]:
    """The steps in their order. Those that an operator takes are left out for others."""
    session, workspace = who.session, who.workspace_id
    newest, _ = list_documents(session, workspace, Wanted(states=READ | RELEASED), limit=1)
    example = newest[0].id if newest else None
    looked = has_any(session, Event, workspace, actor=who.user.id, action="page.shown")
    keyed = figures.total + figures.skipped
    people = sum(user.active for user in list_users(session, workspace))
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
             not RELEASED.isdisjoint(count_by_state(session, workspace))),
        Step("See what may be promised", "Blind checks measure the released error. Until there are enough of them the "
             "page says how many more, and people check every value.", "/quality", "See the quality",
             has_any(session, Observation, workspace)),
        Step("Let it learn", "What people keyed trains the next model; it serves only if it passes the gate. Some "
             "twenty released documents of a type are a start.", "/models", "Train a model",
             has_any(session, ModelVersion, workspace)),
    ]  # fmt: skip
    return steps if who.is_at_least(Role.OPERATOR) else [step for step in steps if step.href != "/people"]
