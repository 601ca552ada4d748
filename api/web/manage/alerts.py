"""What needs somebody in charge this morning: late, blocked, held, corrected, suspended, waiting for a decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import and_, col, func, select

from api.web.documents.documents import BY_CLIENTS, TABS
from api.web.manage.operate import WORKING, blocked_by_reason
from api.web.visitor import Visitor
from hitl.workspace import registry
from models.states import DocumentState, ModelState
from models.tables import Certificate, Correction, Document, ModelVersion, User

LATELY = timedelta(days=7)
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
    late = and_(col(Document.state).in_(WORKING), col(Document.due_at) < who.now)
    failed = col(Document.state) == DocumentState.FAILED.value
    lately = BY_CLIENTS.where(col(Correction.created_at) >= who.now - LATELY)
    corrected = col(Document.id).in_(lately)
    excepted = and_(TABS["exceptions"].where, col(Document.released_at) >= who.now - LATELY)
    lines = (
        ("bad", "late", late, "past their due time", "/queue", "See the queue"),
        ("bad", "failed", failed, "that failed and can be tried again", "/documents?tab=trouble", "Mend them"),
        ("warn", "no type", TABS["type"].where, "that fit no type", "/documents?tab=type", "Say it"),
        ("warn", "held", TABS["held"].where, "held, with no task handed out", "/documents?tab=held", "Look"),
        ("warn", "corrected", corrected, "corrected by clients in the last seven days",
         "/documents?tab=corrections", "See what was wrong"),
        ("busy", "exceptions", excepted, "released with exceptions in the last seven days",
         "/documents?tab=exceptions", "Look"),
    )  # fmt: skip
    found = []
    for tone, sign, where, text, href, link in lines:
        wanted = select(func.count()).select_from(Document).where(Document.workspace_id == who.workspace_id, where)
        if count := who.session.exec(wanted).one():
            found.append(Matter(tone, sign, f"Documents {text}: {count}.", href, link))
    return found


def _of_people(who: Visitor) -> list[Matter]:
    found = []
    for first, group in blocked_by_reason(who.session, who.workspace_id):
        if first.cause in OF_STAFF:
            count = sum(one.count for one in group)
            found.append(Matter("bad", "no staff", f"Blocked: {first.reason} ({count}).", "/queue", "See which"))
    paused = select(User).where(
        User.workspace_id == who.workspace_id, col(User.active), col(User.paused_reason).is_not(None)
    )
    for person in who.session.exec(paused).all():
        text = f"{person.name or person.login} is paused: {person.paused_reason}"
        found.append(Matter("warn", "paused", text, "/people", "See to it"))
    return found


def _of_learning(who: Visitor) -> list[Matter]:
    serving = registry.find_serving(who.session, who.workspace_id)
    suspended = select(Certificate).where(
        Certificate.workspace_id == who.workspace_id,
        Certificate.model_version_id == (serving.id if serving else None),
        col(Certificate.suspended_reason).is_not(None),
    )
    found = [
        Matter("bad", "drift", f"{one.document_type.replace('_', ' ').capitalize()}: {one.suspended_reason}.",
               f"/quality?type={one.document_type}", "See the quality")
        for one in who.session.exec(suspended).all()
    ]  # fmt: skip
    passed = select(ModelVersion).where(
        ModelVersion.workspace_id == who.workspace_id, ModelVersion.state == ModelState.PASSED.value
    )
    for model in who.session.exec(passed.order_by(col(ModelVersion.created_at).desc()).limit(1)).all():
        text = f"The model “{model.name or model.id}” passed the gate and waits for you."
        found.append(Matter("ok", "model", text, f"/models/{model.id}", "Compare and promote"))
    return found
