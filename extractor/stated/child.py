"""What the child does that reads the data in or beside a file, and says what is wrong with it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from extractor.einvoice.attached import xml_files
from extractor.einvoice.parse import looks_like_xml, read_einvoice
from extractor.einvoice.sheet import draw_invoice
from extractor.einvoice.statements import findings, statements_of
from extractor.einvoice.tree import NotReadable
from extractor.page.render import encode_png
from extractor.page.triage import HEADER_WINDOW, Refusal
from extractor.stated.filledform import form_statements
from models.values import Statement

NAMED = ("factur-x", "zugferd", "xrechnung", "order-x")  # of files that claim to be e-invoices


def data_job(header: dict[str, Any], blobs: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    """The file and those beside it in; statements and problems out."""
    statements, problems = _from_xml(blobs[0], list(zip(header["beside"], blobs[1:], strict=True)))
    statements += _from_form(blobs[0])
    return {"statements": [s.to_json() for s in statements], "problems": problems}, []


def check_job(_header: dict[str, Any], blobs: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    """Whether the XML is an e-invoice, or the reason why it is none."""
    try:
        read_einvoice(blobs[0])
    except NotReadable as error:
        return {"refusal": str(error)}, []
    return {}, []


def sheet_job(_header: dict[str, Any], blobs: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    """XML that came alone, as pages: words and pictures, or the reason why it is no e-invoice."""
    try:
        drawn = draw_invoice(read_einvoice(blobs[0]))
    except NotReadable as error:
        return {"refusal": str(error)}, []
    return {"pages": [page.to_json() for page, _ in drawn]}, [encode_png(image) for _, image in drawn]


def _from_xml(data: bytes, beside: Sequence[tuple[str, bytes]]) -> tuple[list[Statement], list[str]]:
    """The first e-invoice of the file, or of the files beside it."""
    problems: list[str] = []
    for name, content in (*_inside(data), *beside):
        try:
            invoice = read_einvoice(content)
        except NotReadable as error:
            if name.lower().startswith(NAMED) or (name, content) in beside:
                problems.append(f"xml_not_read: {name}: {error}")
            continue
        problems += [f"xml_does_not_add_up: {name or 'the file'}: {finding}" for finding in findings(invoice)]
        return list(statements_of(invoice, name)), problems
    return [], problems


def _from_form(data: bytes) -> list[Statement]:
    if b"%PDF-" in data[:HEADER_WINDOW]:
        with contextlib.suppress(Refusal):
            return form_statements(data)
    return []


def _inside(data: bytes) -> Iterator[tuple[str, bytes]]:
    if b"%PDF-" in data[:HEADER_WINDOW]:
        with contextlib.suppress(Refusal):
            yield from xml_files(data)
    elif looks_like_xml(data):
        yield "", data
