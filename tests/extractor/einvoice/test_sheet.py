"""An e-invoice that came alone: its pages, what is read from them, and what is never run."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.commands.reading import _files as files
from extractor.bundle import BUILT_IN
from extractor.doctypes import load_document_types
from extractor.einvoice.parse import read_einvoice
from extractor.einvoice.sheet import ENGINE, MOST_PAGES, draw_invoice
from extractor.kinds import same
from extractor.page.triage import NotADocument
from extractor.read import extract
from extractor.recognise import Recogniser
from fixtures import einvoices
from models.nets.bundle import Bundle
from tests.extractor.einvoice.test_einvoices import FIELDS


def test_every_value_stands_on_the_page_with_its_place_and_is_drawn() -> None:
    [(page, image)] = draw_invoice(read_einvoice(einvoices.cii(FIELDS)))
    assert page.engine == ENGINE
    assert page.words[0].text == "Made"
    for value in ("RE-2031/7", "2031-03-05", "155.30", "Cheese", "DE89370400440532013000"):
        [word] = [word for word in page.words if word.text == value][:1]
        box = word.box
        ink = image[
            int(box.y0 * page.height) : int(box.y1 * page.height), int(box.x0 * page.width) : int(box.x1 * page.width)
        ]
        assert (ink < 128).any(), value


def test_long_names_are_wrapped_and_many_lines_take_pages_within_bounds() -> None:
    row = {"description": "Very long goods " * 20, "quantity": "1", "unit_price": "1.00", "amount": "1.00"}
    drawn = draw_invoice(read_einvoice(einvoices.ubl(FIELDS | {"line_items": [row] * 2_000})))
    assert len(drawn) == MOST_PAGES
    assert all(0 <= word.box.x0 < word.box.x1 <= 1 and word.box.y1 <= 1 for page, _ in drawn for word in page.words)


def test_markup_of_the_sender_is_text() -> None:
    [(page, _)] = draw_invoice(read_einvoice(einvoices.cii(FIELDS | {"seller": "<script>alert(1)</script>"})))
    assert "<script>alert(1)</script>" in [word.text for word in page.words]


def test_xml_alone_is_read_as_an_invoice_that_says_that_it_is_data() -> None:
    recogniser = Recogniser.from_bundle(Bundle.load(BUILT_IN), load_document_types())
    found = extract(einvoices.ubl(FIELDS), recogniser)
    said = {reading.field: reading for reading in found.recognition.readings}
    assert found.recognition.document_type == "invoice"
    assert found.problems[0].startswith("made_from_data")
    spec = recogniser.types["invoice"]
    for name, value in FIELDS.items():
        if isinstance(value, str):
            assert same(spec.field(name).kind, said[name].value, value), name
            assert said[name].box is not None, name


def test_other_xml_is_refused_with_the_reason() -> None:
    recogniser = Recogniser.from_bundle(Bundle(), load_document_types())
    with pytest.raises(NotADocument, match="no e-invoice that is known"):
        extract(b"<?xml version='1.0'?><note>by the way</note>", recogniser)


def test_in_a_folder_xml_beside_a_document_is_no_document_of_its_own(tmp_path: Path) -> None:
    for name in ("bill.pdf", "bill.xml", "alone.xml", "note.txt"):
        (tmp_path / name).write_bytes(b"x")
    assert [job.name for job in files([tmp_path], None, None, None)] == ["alone.xml", "bill.pdf", "note.txt"]
