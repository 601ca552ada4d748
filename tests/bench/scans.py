"""Documents for the keying bench: real receipts and advertising buys with where their values stand; generated pages."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from PIL import Image
from sqlmodel import Session

from extractor.doctypes import load_document_types
from extractor.page.render import encode_png
from extractor.read import read_document
from hitl.platform.blobs import blobs
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
BUY_FIELDS = ("contract_num", "advertiser", "gross_amount", "flight_from", "flight_to")
CLOSED = ("payment", "copy", "till", "items")  # kinds that the real receipts do not have
GENERATED_PAGES = 6  # of each of these


def real(site: Site, count: int) -> Truth:
    """`count` real fields, half on receipts and half on advertising buys, and generated ones of the kinds they lack."""
    truth: Truth = {}
    version = factories.create_type(site.session, site.workspace, SCAN)
    folder, rows = _dev("receipts", [f.name for f in SCAN.fields])
    for row in rows[: -(-count // 2 // len(SCAN.fields))]:
        truth |= _scan(site, version, folder, row)
    buys = factories.create_type(site.session, site.workspace, load_document_types()["ad_buy"])
    folder, rows = _dev("adbuy", BUY_FIELDS)
    for row in rows[: -(-count // 2 // len(BUY_FIELDS))]:
        truth |= _buy(site, buys, (folder / row["file"]).read_bytes(), row["fields"])
    for _ in range(GENERATED_PAGES):
        truth |= _generated(site, CLOSED)
    site.session.commit()
    return truth


def _dev(name: str, fields: Sequence[str]) -> tuple[Path, list[dict[str, Any]]]:
    """The folder of real documents and the rows of its dev split of which all these fields are labelled."""
    folder = Path(ROOT or "", name)
    rows = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    labelled = [row for row in rows if row["split"] == "dev"]
    return folder, [row for row in labelled if all(isinstance(row["fields"].get(field), str) for field in fields)]


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
    document = _document(site.session, site, version, [(data, Page(1, width, height, words, "labels/1"))])
    for spec in SCAN.fields:
        boxes = places(row["fields"][spec.name], lines)
        reading = factories.create_reading(
            site.session, document, spec.name, row["fields"][spec.name], kind=spec.kind.value,
            page=1 if boxes else None, box=Box.union(boxes).as_list() if boxes else None,
        )  # fmt: skip
        factories.create_task(site.session, factories.create_verdict(site.session, document, spec.name, reading))
    return {(document.id, spec.name): row["fields"][spec.name] for spec in SCAN.fields}


def _buy(site: Site, version: DocumentTypeVersion, data: bytes, fields: dict[str, str]) -> Truth:
    """An advertising buy as the extractor draws and reads it; where a value is not found the whole page is shown."""
    read = read_document(data)
    pages = [(encode_png(read.image_of(page.number)), page) for page in read.pages]
    document = _document(site.session, site, version, pages)
    spec = DocumentType.model_validate(version.spec)
    for name in BUY_FIELDS:
        number, box = _printed(fields[name], spec.field(name).kind, [page for _, page in pages])
        reading = factories.create_reading(
            site.session, document, name, fields[name], kind=spec.field(name).kind.value,
            page=number, box=box.as_list() if box else None,
        )  # fmt: skip
        factories.create_task(site.session, factories.create_verdict(site.session, document, name, reading))
    return {(document.id, name): fields[name] for name in BUY_FIELDS}


def _printed(value: str, kind: Kind, pages: list[Page]) -> tuple[int | None, Box | None]:
    """The page and the box of a value as such documents print it, if it stands in one line."""
    for page in pages:
        lines: dict[int, list[Word]] = {}
        for word in page.words:
            lines.setdefault(word.line, []).append(word)
        rows = [(" ".join(w.text for w in row), Box.union(w.box for w in row)) for row in lines.values()]
        for form in forms(value, kind):
            if found := [box for text, box in rows if form in "".join(text.upper().split())]:
                return page.number, found[0]
    return None, None


def forms(value: str, kind: Kind) -> list[str]:
    """How a value may be printed, squashed."""
    if kind is Kind.DATE:
        day = date.fromisoformat(value)
        short = f"{day.month}/{day.day}"
        return [f"{day:%m/%d/%y}", f"{day:%m/%d/%Y}", f"{short}/{day:%y}", f"{short}/{day:%Y}"]
    if kind is Kind.MONEY:
        return [f"{float(value):,.2f}", value]
    return ["".join(value.upper().split())]


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
    session: Session, site: Site, version: DocumentTypeVersion, pages: list[tuple[bytes, Page]], **columns: Any
) -> Document:
    given = {
        "state": DocumentState.IN_REVIEW.value,
        "document_type": version.name,
        "type_version_id": version.id,
        "page_count": len(pages),
    }
    document = factories.create_document(session, site.workspace, **(given | columns))
    for image, page in pages:
        factories.create_page(
            session, document, page.number, image_key=blobs().put(site.workspace.id, image), width=page.width,
            height=page.height, words_key=blobs().put(site.workspace.id, json.dumps(page.to_json()).encode()),
            engine=page.engine,
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
            document = _document(site.session, site, version, [(png, page)])
        reading = factories.create_reading(
            site.session, document, field.name, "12.50", box=places[number % len(places)].as_list()
        )
        factories.create_task(site.session, factories.create_verdict(site.session, document, field.name, reading))
    site.session.commit()
