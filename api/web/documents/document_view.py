"""What the pages show of one document: its fields with where each value came from, its pages, and its history."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from hitl.aggregate.equality import TYPE_FIELD
from hitl.people.keys import CLIENT
from models.doctype import DocumentType
from models.tables import (
    Answer,
    Audit,
    Document,
    DocumentPage,
    DocumentTypeVersion,
    Event,
    FieldReading,
    ModelVersion,
    Task,
    User,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class AnswerView:
    """One person's answer as staff may see it: by role, not by name."""

    who: str
    value_state: str
    value: Any
    source: str
    purpose: str
    seconds: float | None
    at: datetime
    undone: bool
    skip_reason: str | None


@dataclass(frozen=True, slots=True)
class FieldView:
    """One field of a document: the decided value, what the machine read, and how it came to be."""

    name: str
    label: str
    kind: str
    verdict: Verdict | None
    reading: FieldReading | None
    audit: Audit | None
    answers: tuple[AnswerView, ...]

    @property
    def state(self) -> str | None:
        """The state of the value itself: decided, else as the machine read it."""
        if self.verdict and self.verdict.value_state:
            return self.verdict.value_state
        return self.reading.value_state if self.reading else None

    @property
    def value(self) -> Any:
        decided = self.verdict is not None and self.verdict.value_state is not None
        return self.verdict.value if decided and self.verdict else (self.reading.value if self.reading else None)

    @property
    def page(self) -> int | None:
        return (self.verdict.page if self.verdict else None) or (self.reading.page if self.reading else None)

    @property
    def boxes(self) -> list[list[float]]:
        if self.verdict and self.verdict.box:
            return [self.verdict.box]
        if self.reading is None:
            return []
        parts = [item["box"] for item in self.reading.items if item.get("box")]
        return parts or self.reading.lines or ([self.reading.box] if self.reading.box else [])

    @property
    def is_fine(self) -> bool:
        """Nothing asks for a look: decided without contest, and not without a legible value."""
        verdict = self.verdict
        return (
            verdict is not None
            and verdict.state in ("final", "agreed")
            and self.state not in ("illegible", "not_found")
        )


@dataclass(frozen=True, slots=True)
class Story:
    """One line of a document's history, readable."""

    at: datetime
    who: str
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class DocumentShown:
    document: Document
    spec: DocumentType | None
    fields: list[FieldView]
    pages: list[DocumentPage]
    model: ModelVersion | None
    history: list[Story] = field(default_factory=list)


def spec_of(session: Session, document: Document) -> DocumentType | None:
    """The document type version that the document pins."""
    row = session.get(DocumentTypeVersion, document.type_version_id) if document.type_version_id else None
    return DocumentType.model_validate(row.spec) if row else None


def pages_of(session: Session, document: Document) -> list[DocumentPage]:
    wanted = select(DocumentPage).where(DocumentPage.document_id == document.id).order_by(col(DocumentPage.number))
    return list(session.exec(wanted).all())


def shown(session: Session, document: Document) -> DocumentShown:
    """Everything the document page needs, in a handful of queries."""
    spec = spec_of(session, document)
    model = session.get(ModelVersion, document.model_version_id) if document.model_version_id else None
    return DocumentShown(document, spec, fields_of(session, document, spec), pages_of(session, document), model)


def fields_of(session: Session, document: Document, spec: DocumentType | None) -> list[FieldView]:
    """The fields of the present run in the order of the document type, the class of the document last."""
    readings = _by_field(session, FieldReading, document)
    verdicts = _by_field(session, Verdict, document)
    audits = {a.verdict_id: a for a in session.exec(select(Audit).where(Audit.document_id == document.id)).all()}
    answers = _answers(session, document)
    labels = (
        {one.name: (one.label or one.name.replace("_", " ").capitalize(), one.kind.value) for one in spec.fields}
        if spec
        else {}
    )
    names = [*labels, *sorted((readings.keys() | verdicts.keys()) - labels.keys())]
    views = []
    for name in names:
        verdict, reading = verdicts.get(name), readings.get(name)
        label, kind = labels.get(name, (name.replace("_", " ").capitalize(), ""))
        kind = kind or (verdict.kind if verdict else reading.kind if reading else "")
        audit = audits.get(verdict.id) if verdict else None
        views.append(FieldView(name, label, kind, verdict, reading, audit, tuple(answers.get(name, ()))))
    return sorted(views, key=lambda one: one.name == TYPE_FIELD)


def _by_field(session: Session, table: Any, document: Document) -> dict[str, Any]:
    wanted = select(table).where(table.document_id == document.id, table.run == document.run)
    return {row.field: row for row in session.exec(wanted).all()}


def _answers(session: Session, document: Document) -> dict[str, list[AnswerView]]:
    """Answers of ordinary and audit tasks; those of control tasks say nothing about this document's values."""
    wanted = (
        select(Answer, Task, User)
        .join(Task, col(Task.id) == Answer.task_id)
        .join(User, col(User.id) == Answer.user_id)
        .where(Answer.document_id == document.id, col(Task.purpose).in_(["review", "audit"]))
        .order_by(col(Answer.created_at))
    )
    said: dict[str, list[AnswerView]] = {}
    for answer, task, user in session.exec(wanted).all():
        view = AnswerView(
            user.role, answer.value_state, answer.value, answer.source, task.purpose, answer.seconds,
            answer.created_at, answer.undone_at is not None, answer.skip_reason,
        )  # fmt: skip
        said.setdefault(task.field, []).append(view)
    return said


# --- history ----------------------------------------------------------------------------------------------------------


def history(session: Session, document: Document) -> list[Story]:
    """The event log of the document, people by role, oldest first."""
    events = session.exec(select(Event).where(Event.stream == document.id).order_by(col(Event.number))).all()
    roles = roles_of(session, {event.actor for event in events})
    subjects = _subjects(session, document)
    return [Story(e.at, _who(e.actor, roles), _what(e), _detail(e, subjects)) for e in events]


def roles_of(session: Session, actors: Iterable[str]) -> dict[str, str]:
    people = {actor for actor in actors if actor.startswith("usr_")}
    if not people:
        return {}
    return {user.id: user.role for user in session.exec(select(User).where(col(User.id).in_(people))).all()}


def _subjects(session: Session, document: Document) -> dict[str, str]:
    """Which field a verdict, audit or task is about."""
    names: dict[str, str] = {}
    tables_with_a_field: tuple[Any, ...] = (Verdict, Task)
    for table in tables_with_a_field:
        for row in session.exec(select(table).where(table.document_id == document.id)).all():
            names[row.id] = row.field
    for audit in session.exec(select(Audit).where(Audit.document_id == document.id)).all():
        names[audit.id] = names.get(audit.verdict_id, "")
    return names


def _who(actor: str, roles: dict[str, str]) -> str:
    if actor in roles:
        return f"a {roles[actor]}"
    if actor.startswith(CLIENT):
        return "a client"
    return actor.removeprefix("system:") if actor.startswith("system") else "system"


def _what(event: Event) -> str:
    noun, _, verb = event.action.partition(".")
    return f"{noun.replace('_', ' ')} {verb.replace('_', ' ')}".capitalize()


def _detail(event: Event, subjects: dict[str, str]) -> str:
    name = subjects.get(event.subject, "").replace("_", " ")
    why = str(event.data.get("why") or event.data.get("reason") or "")
    page = f"page {event.data['page']}" if event.data.get("page") else ""
    return " · ".join(part for part in (name, why.replace("_", " "), page) if part)
