"""What the pages show of one document: its fields with where each value came from, its pages, and its history."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session

from hitl.aggregate.equality import TYPE_FIELD
from hitl.people.figures import roles_of
from hitl.people.keys import CLIENT
from hitl.platform.moves import events_of
from hitl.platform.ownership import find
from hitl.release.payload import in_cells
from hitl.work.document import audits_of, pages_of, readings_of, spec_of, verdicts_of
from hitl.work.queue_rows import answers_about, fields_behind
from models.doctype import ColumnSpec, DocumentType
from models.tables import Audit, Document, DocumentPage, Event, FieldReading, ModelVersion, Verdict


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
    columns: tuple[ColumnSpec, ...] = ()  # of a table

    @property
    def rows_read(self) -> list[dict[str, Any]]:
        """The rows of a table as the machine read them, with their cells."""
        if self.reading is None or not self.columns or not isinstance(self.reading.value, list):
            return []
        items = self.reading.items or [{"value": row} for row in self.reading.value]
        return [in_cells(item, [column.name for column in self.columns]) for item in items]

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


def shown(session: Session, document: Document) -> DocumentShown:
    """Everything the document page needs, in a handful of queries."""
    spec = spec_of(session, document)
    model = find(session, ModelVersion, document.model_version_id or "", document.workspace_id)
    return DocumentShown(document, spec, fields_of(session, document, spec), pages_of(session, document), model)


def fields_of(session: Session, document: Document, spec: DocumentType | None) -> list[FieldView]:
    """The fields of the present run in the order of the document type, the class of the document last."""
    readings = readings_of(session, document)
    verdicts = {verdict.field: verdict for verdict in verdicts_of(session, document)}
    audits = {audit.verdict_id: audit for audit in audits_of(session, document)}
    answers = _answers(session, document)
    labels = (
        {one.name: (one.label or one.name.replace("_", " ").capitalize(), one.kind.value) for one in spec.fields}
        if spec
        else {}
    )
    columns = {one.name: one.columns for one in spec.fields} if spec else {}
    names = [*labels, *sorted((readings.keys() | verdicts.keys()) - labels.keys())]
    views = []
    for name in names:
        verdict, reading = verdicts.get(name), readings.get(name)
        label, kind = labels.get(name, (name.replace("_", " ").capitalize(), ""))
        kind = kind or (verdict.kind if verdict else reading.kind if reading else "")
        audit = audits.get(verdict.id) if verdict else None
        said = tuple(answers.get(name, ()))
        views.append(FieldView(name, label, kind, verdict, reading, audit, said, columns.get(name, ())))
    return sorted(views, key=lambda one: one.name == TYPE_FIELD)


def _answers(session: Session, document: Document) -> dict[str, list[AnswerView]]:
    """Answers of ordinary and audit tasks; those of control tasks say nothing about this document's values."""
    said: dict[str, list[AnswerView]] = {}
    for answer, task, user in answers_about(session, document):
        view = AnswerView(
            user.role, answer.value_state, answer.value, answer.source, task.purpose, answer.seconds,
            answer.created_at, answer.undone_at is not None, answer.skip_reason,
        )  # fmt: skip
        said.setdefault(task.field, []).append(view)
    return said


def overlay(view: DocumentShown) -> dict[int, list[dict[str, Any]]]:
    """Boxes by page, for the picture."""
    by_page: dict[int, list[dict[str, Any]]] = {page.number: [] for page in view.pages}
    for one in view.fields:
        for box in one.boxes:
            if one.page in by_page:
                by_page[one.page].append({"field": one.name, "label": one.label, "box": box, "fine": one.is_fine})
    return by_page


# --- history ----------------------------------------------------------------------------------------------------------


def history(session: Session, document: Document) -> list[Story]:
    """The event log of the document, people by role, oldest first."""
    events = events_of(session, document.id)
    roles = roles_of(session, {event.actor for event in events})
    subjects = fields_behind(session, document)
    return [Story(e.at, _who(e.actor, roles), _what(e), _detail(e, subjects)) for e in events]


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
