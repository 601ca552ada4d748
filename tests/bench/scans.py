"""Documents for the keying bench: real receipts with the places of their values, generated pages, very many tasks."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from PIL import Image
from sqlmodel import Session

from hitl.blobs import blobs
from models.doctype import DocumentType, FieldSpec, Kind
from models.states import DocumentState
from models.tables import Document, DocumentTypeVersion
from models.values import Box, Page, Word
from tests import factories
from tests.web import paper
from tests.web.conftest import Site

ROOT = os.environ.get("COUNTERSIGN_REAL_DATA")
Truth = dict[tuple[str, str], Any]  # (document, field) -> the value as it is printed

SCAN = DocumentType(
    name="scan",
    label="Scanned receipt",
    date_order="DMY",
    fields=(
        FieldSpec(name="company", kind=Kind.NAME, label="Company"),
        FieldSpec(name="date", kind=Kind.DATE, label="Date"),
        FieldSpec(name="address", kind=Kind.ADDRESS, label="Address"),
        FieldSpec(name="total", kind=Kind.MONEY, label="Total"),
    ),
)
CLOSED = ("payment", "copy", "till", "items")  # kinds that the real receipts do not have
GENERATED_PAGES = 6  # of each of these


def real(site: Site, count: int) -> Truth:
    """`count` fields of real receipts on their scans, and some generated fields of the kinds that receipts lack."""
    version = factories.create_type(site.session, site.workspace, SCAN)
    folder = Path(ROOT or "", "receipts")
    rows = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    truth: Truth = {}
    for row in rows:
        if len(truth) < count and row["split"] == "dev" and all(row["fields"].get(f.name) for f in SCAN.fields):
            truth |= _scan(site, version, folder, row)
    for _ in range(GENERATED_PAGES):
        truth |= _generated(site, CLOSED)
    site.session.commit()
    return truth


def generated(site: Site, count: int) -> Truth:
    """`count` fields of every kind on generated pages."""
    truth: Truth = {}
    while len(truth) < count:
        truth |= _generated(site, tuple(paper.VALUES)[: count - len(truth)])
    site.session.commit()
    return truth


def _generated(site: Site, fields: tuple[str, ...]) -> Truth:
    document = paper.read_document(site.session, site.workspace, site.version, fields=fields)
    for field in fields:
        paper.task_for(site.session, document, field)
    return {(document.id, field): paper.VALUES[field] for field in fields}


def _scan(site: Site, version: DocumentTypeVersion, folder: Path, row: dict[str, Any]) -> Truth:
    data = (folder / row["file"]).read_bytes()
    with Image.open(folder / row["file"]) as image:
        width, height = image.size
    lines = [(line["text"], _box(line["box"], width, height)) for line in row["lines"]]
    words = tuple(Word(text, box, 1.0, number) for number, (text, box) in enumerate(lines))
    document = _document(site.session, site, version, data, Page(1, width, height, words, "labels/1"))
    for spec in SCAN.fields:
        boxes = places(row["fields"][spec.name], lines)
        reading = factories.create_reading(
            site.session, document, spec.name, row["fields"][spec.name], kind=spec.kind.value,
            page=1 if boxes else None, box=Box.union(boxes).as_list() if boxes else None,
        )  # fmt: skip
        factories.create_task(site.session, factories.create_verdict(site.session, document, spec.name, reading))
    return {(document.id, spec.name): row["fields"][spec.name] for spec in SCAN.fields}


def _box(pixels: list[int], width: int, height: int) -> Box:
    x0, y0, x1, y1 = pixels
    return Box(max(0.0, x0 / width), max(0.0, y0 / height), min(1.0, x1 / width), min(1.0, y1 / height))


def places(value: str, lines: list[tuple[str, Box]]) -> list[Box]:
    """Where `value` is printed: the line that holds it, else the lines that are parts of it."""

    def squash(text: str) -> str:
        return "".join(text.upper().split())

    holding = [box for text, box in lines if squash(value) in squash(text)]
    return holding[-1:] or [box for text, box in lines if len(squash(text)) > 3 and squash(text) in squash(value)]


def _document(
    session: Session, site: Site, version: DocumentTypeVersion, image: bytes, page: Page, **columns: Any
) -> Document:
    given = {
        "state": DocumentState.IN_REVIEW.value,
        "document_type": version.name,
        "type_version_id": version.id,
        "page_count": 1,
    }
    document = factories.create_document(session, site.workspace, **(given | columns))
    factories.create_page(
        session, document, 1, image_key=blobs().put(site.workspace.id, image), width=page.width, height=page.height,
        words_key=blobs().put(site.workspace.id, json.dumps(page.to_json()).encode()), engine=page.engine,
    )  # fmt: skip
    return document


def many(site: Site, version: DocumentTypeVersion, count: int) -> None:
    """`count` open tasks on generated pages, fifty a document."""
    png, page, boxes = paper.draw()
    spec = DocumentType.model_validate(version.spec)
    places = list(boxes.values())
    for number in range(count):
        field = spec.fields[number % len(spec.fields)]
        if number % len(spec.fields) == 0:
            document = _document(site.session, site, version, png, page)
        reading = factories.create_reading(
            site.session, document, field.name, "12.50", box=places[number % len(places)].as_list()
        )
        factories.create_task(site.session, factories.create_verdict(site.session, document, field.name, reading))
    site.session.commit()
