"""Draws small pages and puts read documents into a test's database: pictures, words and readings."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from sqlmodel import Session

from hitl.platform.blobs import blobs
from models.doctype import ColumnSpec, DocumentType, FieldSpec, Kind
from models.states import DocumentState
from models.tables import Document, DocumentTypeVersion, Workspace
from models.values import Box, Page, Word
from tests import factories

WIDTH, HEIGHT = 850, 1100
ATTACK = "<script>document.title='owned'</script><img src=x onerror=document.title='owned'>"
FONT = ImageFont.load_default(22)

RECEIPT = DocumentType(
    name="receipt",
    label="Receipt",
    description="A till receipt.",
    date_order="DMY",
    currency="EUR",
    fields=(
        FieldSpec(name="company", kind=Kind.NAME, label="Company", hint="The name of the seller, as printed."),
        FieldSpec(name="date", kind=Kind.DATE, label="Date", hint="The day of the purchase, day before month."),
        FieldSpec(name="total", kind=Kind.MONEY, label="Total", hint="What was to be paid, tax included."),
        FieldSpec(name="payment", kind=Kind.CHOICE, label="Paid by", choices=("cash", "card", "voucher")),
        FieldSpec(name="copy", kind=Kind.CHECKBOX, label="Marked as a copy"),
        FieldSpec(name="till", kind=Kind.LINE, label="Till", repeated=True),
        FieldSpec(
            name="items",
            kind=Kind.TABLE,
            label="Items",
            columns=(ColumnSpec(name="what", kind=Kind.LINE), ColumnSpec(name="price", kind=Kind.MONEY)),
        ),
    ),
)

LINES = {
    "company": ((60, 60), "Alder & Sons Ltd"),
    "address": ((60, 100), "12 Mill Lane, Norwich"),
    "date": ((60, 200), "Date: 05/03/2026"),
    "till": ((60, 240), "Till 4"),
    "items": ((60, 330), "Bread 3.20"),
    "total": ((60, 520), "TOTAL 12.50"),
    "payment": ((60, 580), "Paid by card"),
    "copy": ((60, 640), "COPY [x]"),
}
VALUES: Mapping[str, Any] = {
    "company": "Alder & Sons Ltd",
    "date": "2026-03-05",
    "total": "12.50",
    "payment": "card",
    "copy": "true",
    "till": ["4"],
    "items": ["Bread | 3.20"],
}


def draw(lines: Mapping[str, tuple[tuple[int, int], str]] = LINES) -> tuple[bytes, Page, dict[str, Box]]:
    """The page as PNG, its words, and the box of each line."""
    image = Image.new("L", (WIDTH, HEIGHT), 255)
    pen = ImageDraw.Draw(image)
    words: list[Word] = []
    boxes: dict[str, Box] = {}
    for number, (name, ((x, y), text)) in enumerate(lines.items()):
        pen.text((x, y), text, font=FONT, fill=20)
        left: float = x
        row = []
        for part in text.split(" "):
            width = FONT.getlength(part)
            box = Box(left / WIDTH, y / HEIGHT, (left + width) / WIDTH, (y + 28) / HEIGHT)
            row.append(Word(part, box, 0.98, number))
            left += FONT.getlength(part + " ")
        words += row
        boxes[name] = Box.union(word.box for word in row)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue(), Page(1, WIDTH, HEIGHT, tuple(words), "test/1"), boxes


def read_document(
    session: Session,
    workspace: Workspace,
    version: DocumentTypeVersion,
    *,
    fields: Sequence[str] = tuple(VALUES),
    not_found: Sequence[str] = (),
    pages: int = 1,
    lines: Mapping[str, tuple[tuple[int, int], str]] = LINES,
    **columns: Any,
) -> Document:
    """A document in review with its page, words and readings; its tasks are for the caller to make."""
    given = {
        "state": DocumentState.IN_REVIEW.value,
        "document_type": version.name,
        "type_version_id": version.id,
        "page_count": pages,
    }
    document = factories.create_document(session, workspace, **(given | columns))
    png, page, boxes = draw(lines)
    for number in range(1, pages + 1):
        factories.create_page(
            session, document, number, image_key=blobs().put(workspace.id, png), width=WIDTH, height=HEIGHT,
            words_key=blobs().put(workspace.id, json.dumps(page.to_json()).encode()), engine="test/1",
        )  # fmt: skip
    spec = DocumentType.model_validate(version.spec)
    for name in fields:
        found = name not in not_found
        factories.create_reading(
            session, document, name, VALUES.get(name) if found else None, kind=spec.field(name).kind.value,
            value_state="found" if found else "not_found", text=LINES[name][1] if found else None,
            page=1 if found else None, box=boxes[name].as_list() if found else None,
        )  # fmt: skip
    return document


def task_for(session: Session, document: Document, field: str, **columns: Any) -> Any:
    """An open task on a field of the document, with its verdict."""
    from sqlmodel import select

    from models.tables import FieldReading

    reading = session.exec(
        select(FieldReading).where(FieldReading.document_id == document.id, FieldReading.field == field)
    ).one()
    return factories.create_task(session, factories.create_verdict(session, document, field, reading), **columns)
