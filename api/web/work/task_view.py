"""What a keyer is sent of one task: its field, its pictures, their words. Never a value, except in verify mode."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from api.web.work.crops import WHOLE, is_crop, place_of
from hitl.aggregate.equality import TYPE_FIELD, field_spec
from hitl.intake.pages import load_words
from hitl.people.messages import returned_with
from hitl.work.document import is_about_type, pages_of, reading_behind, spec_of
from hitl.workspace.workspaces import current_types
from models.doctype import DocumentType, Kind
from models.states import TaskPurpose
from models.tables import Document, DocumentPage, FieldReading, Task, User
from models.values import Box

SHOWN_PURPOSE = {TaskPurpose.GOLD.value: TaskPurpose.REVIEW.value}  # a control task looks like any other
WORDS_AHEAD = 2  # pages whose words travel with the task; the others are asked for when they are looked at
NO_FOCUS = frozenset({TaskPurpose.AUDIT.value, TaskPurpose.EXAM.value})


@dataclass(frozen=True, slots=True)
class Place:
    """Which part of which page a task shows."""

    page: int
    crop: Box
    focus: Box | None = None


def place_of_task(session: Session, task: Task) -> Place | None:
    """The crop of a task, or None when whole pages are shown: audits, and where the machine has no place."""
    reading = None if task.whole_page else reading_behind(session, task)
    if reading is None or not reading.page:
        return None
    boxes = _boxes(reading)
    if not boxes:
        return None
    crop = place_of(boxes)
    return Place(reading.page, crop, Box.union(boxes)) if is_crop(crop) else None


def _boxes(reading: FieldReading) -> list[Box]:
    """The boxes of a reading that stand on its page; none if it is spread over several pages."""
    items = [item for item in reading.items if item.get("box")]
    if any(item.get("page") not in (None, reading.page) for item in items):
        return []
    corners = [item["box"] for item in items] or reading.lines or ([reading.box] if reading.box else [])
    return [Box.from_list(box) for box in corners]


def task_view(session: Session, task: Task, user: User, *, now: datetime) -> dict[str, Any]:
    """The task as the keying page wants it."""
    document = session.get_one(Document, task.document_id)
    spec = spec_of(session, document)
    place = place_of_task(session, task)
    pages = pages_of(session, document)
    views = [_crop_view(task, place, pages)] if place else [_page_view(task, page) for page in pages]
    left = (task.lease_until - now).total_seconds() if task.lease_until else 0.0
    return {
        "id": task.id,
        "token": task.lease_token,
        "seconds_left": left,
        "purpose": SHOWN_PURPOSE.get(task.purpose, task.purpose),
        "mode": task.mode,
        "shown": task.shown_value if task.mode == "verify" else None,
        "whole_page": place is None,
        "take_text": _may_take_text(task),
        "views": views,
        "message": returned_with(session, task, user) if task.for_user_id == user.id else None,
        **_field(session, task, spec),
    }


def _may_take_text(task: Task) -> bool:
    """In blind checks and control tasks a click only sets the box: the text must come from the person's own eyes."""
    return task.purpose in (TaskPurpose.REVIEW.value, TaskPurpose.GOLD.value)


def _field(session: Session, task: Task, spec: DocumentType | None) -> dict[str, Any]:
    if is_about_type(task):
        return _type_field(session, task)
    field = field_spec(spec, task.field)
    return {
        "field": task.field,
        "label": (field.label if field else "") or task.field.replace("_", " ").capitalize(),
        "kind": task.kind,
        "repeated": bool(field and field.repeated),
        "hint": field.hint if field else "",
        "choices": [
            {"value": choice, "label": choice.replace("_", " ")} for choice in (field.choices if field else ())
        ],
        "columns": [
            {"name": one.name, "label": one.label or one.name.replace("_", " ").capitalize(), "kind": one.kind.value}
            for one in (field.columns if field else ())
        ],
        "locale": _locale(spec),
        "document_type_label": spec.label if spec else "",
    }


def _type_field(session: Session, task: Task) -> dict[str, Any]:
    """The class of the document itself: a choice among the types in use, or none of them."""
    types = current_types(session, task.workspace_id)
    choices = [{"value": name, "label": spec.label, "help": spec.description} for name, (_, spec) in types.items()]
    return {
        "field": TYPE_FIELD,
        "label": "What is this document?",
        "kind": Kind.CHOICE.value,
        "repeated": False,
        "hint": "Choose the type that fits the whole document.",
        "choices": [*choices, {"value": "", "label": "None of these", "state": "absent"}],
        "columns": [],
        "locale": _locale(None),
        "document_type_label": "",
    }


def _locale(spec: DocumentType | None) -> dict[str, str]:
    if spec is None:
        return {"date_order": "DMY", "decimal_mark": ".", "currency": ""}
    return {"date_order": spec.date_order, "decimal_mark": spec.decimal_mark, "currency": spec.currency}


def _crop_view(task: Task, place: Place, pages: list[DocumentPage]) -> dict[str, Any]:
    page = next(one for one in pages if one.number == place.page)
    focus = None if task.purpose in NO_FOCUS or place.focus is None else place.focus.as_list()
    return {
        "page": place.page,
        "url": f"/work/tasks/{task.id}/image?token={task.lease_token}",
        "crop": place.crop.as_list(),
        "focus": focus,
        "words": words_in(page, place.crop, with_text=_may_take_text(task)),
    }


def _page_view(task: Task, page: DocumentPage) -> dict[str, Any]:
    ahead = page.number <= WORDS_AHEAD
    return {
        "page": page.number,
        "url": f"/work/tasks/{task.id}/image?token={task.lease_token}&page={page.number}",
        "crop": WHOLE.as_list(),
        "focus": None,
        "words": words_in(page, WHOLE, with_text=_may_take_text(task)) if ahead else None,
        "words_url": f"/work/tasks/{task.id}/words?token={task.lease_token}&page={page.number}",
    }


def words_in(page: DocumentPage, place: Box, *, with_text: bool) -> list[dict[str, Any]]:
    """The words inside `place`; without their text where it may not be taken."""
    if page.words_key is None:
        return []
    inside = [word for word in load_words(page).words if place.contains(*word.box.centre)]
    return [{"box": word.box.as_list(), "text": word.text if with_text else ""} for word in inside]
