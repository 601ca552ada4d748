"""What needs somebody in charge this morning: late, blocked, held, corrected, suspended, waiting for a decision."""

from __future__ import annotations

from dataclasses import dataclass

from api.web.visitor import Visitor
from hitl.annotation.blocked import blocked_by_reason
from hitl.certificate.quality import suspended
from hitl.people.accounts import list_users
from hitl.release.listing import count_pressing
from hitl.workspace import registry
from models.states import ModelState

OF_STAFF = ("no_reviewer", "no_keyer")  # causes of blocked work that people cure; holds have lines of their own


@dataclass(frozen=True, slots=True)
class Matter:
    """One line of the list: what is the matter, and where to see to it."""

    tone: str
    sign: str
    text: str
    href: str
    link: str


def matters(who: Visitor) -> list[Matter]:
    """The most pressing first; empty when nothing asks for a person in charge."""
    return [*_of_documents(who), *_of_people(who), *_of_learning(who)]


def _of_documents(who: Visitor) -> list[Matter]:
    counts = count_pressing(who.session, who.workspace_id, now=who.now)
    lines = (
        ("bad", "late", "past their due time", "/queue", "See the queue"),
        ("bad", "failed", "that failed and can be tried again", "/documents?tab=trouble", "Mend them"),
        ("warn", "no type", "that fit no type", "/documents?tab=type", "Say it"),
        ("warn", "to split", "that may hold several each", "/documents?tab=split", "Say where each begins"),
        ("warn", "held", "held, with no task handed out", "/documents?tab=held", "Look"),
        ("warn", "corrected", "corrected by clients in the last seven days", "/documents?tab=corrections",
         "See what was wrong"),
        ("busy", "exceptions", "released with exceptions in the last seven days", "/documents?tab=exceptions", "Look"),
    )  # fmt: skip
    return [
        Matter(tone, sign, f"Documents {text}: {counts[sign]}.", href, link)
        for tone, sign, text, href, link in lines
        if counts[sign]
    ]


def _of_people(who: Visitor) -> list[Matter]:
    found = []
    for first, group in blocked_by_reason(who.session, who.workspace_id):
        if first.cause in OF_STAFF:
            count = sum(one.count for one in group)
            found.append(Matter("bad", "no staff", f"Blocked: {first.reason} ({count}).", "/queue", "See which"))
    people = list_users(who.session, who.workspace_id)
    for person in (user for user in people if user.active and user.paused_reason is not None):
        text = f"{person.name or person.login} is paused: {person.paused_reason}"
        found.append(Matter("warn", "paused", text, "/people", "See to it"))
    return found


def _of_learning(who: Visitor) -> list[Matter]:
    found = [
        Matter("bad", "drift", f"{one.document_type.replace('_', ' ').capitalize()}: {one.suspended_reason}.",
               f"/quality?type={one.document_type}", "See the quality")
        for one in suspended(who.session, who.workspace_id)
    ]  # fmt: skip
    models = registry.models_of(who.session, who.workspace_id)
    passed = (one for one in models if one.state == ModelState.PASSED.value and one.workspace_id == who.workspace_id)
    if model := next(passed, None):
        text = f"The model “{model.name or model.id}” passed the gate and waits for you."
        found.append(Matter("ok", "model", text, f"/models/{model.id}", "Compare and promote"))
    return found
