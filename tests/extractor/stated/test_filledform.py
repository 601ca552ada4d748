"""Filled form fields stand beside the print: found by name and tooltip, compared, never the value by themselves."""

from __future__ import annotations

import io
from typing import cast

import pypdf
import pytest
from pypdf.generic import ArrayObject, NameObject, TextStringObject
from reportlab.pdfgen.canvas import Canvas

from extractor.doctypes import load_document_types
from extractor.read import ReadOptions, extract, read_document
from extractor.recognise import Recogniser
from extractor.stated.compare import compare, notes_of
from extractor.stated.filledform import form_statements, statements_by_field
from extractor.stated.reading import read_data, read_stated
from models.nets.bundle import Bundle
from models.values import Reading, Statement, ValueState

INVOICE = load_document_types()["invoice"]
FILLED = {  # name of the form's field: tooltip, value
    "Page1.InvoiceNumber": ("", "RB-2031-77"),
    "f1_02": ("Rechnungsdatum", "04.03.2031"),
    "Seller (name)": ("", "Molen Foods BV"),
    "total": ("Gross amount incl. tax", "1,305.20"),
    "remark": ("Anything else", "by lorry"),
    "due_date": ("", ""),
}


def form(filled: dict[str, tuple[str, str]] = FILLED, ticked: bool | None = None) -> bytes:
    """A sheet with labels and fields that are filled in, as a program would fill them."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(595, 842))
    canvas.drawString(60, 790, "INVOICE")
    for row, (name, (tooltip, value)) in enumerate(filled.items()):
        y = 740 - 40 * row
        canvas.drawString(60, y + 6, (tooltip or name.rpartition(".")[2]) + ":")
        canvas.acroForm.textfield(
            name=name,
            tooltip=tooltip or None,
            value=value,
            x=260,
            y=y,
            width=240,
            height=22,
            fontSize=12,
            borderWidth=0,
        )
    if ticked is not None:
        canvas.acroForm.checkbox(name="paid", tooltip="Paid", checked=ticked, x=260, y=400)
    canvas.save()
    return out.getvalue()


def altered(pdf: bytes, name: str, value: str) -> bytes:
    """The value of one field changed, and what is drawn of it left as it was."""
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf))
    for annotation in cast("ArrayObject", writer.pages[0]["/Annots"]):
        if annotation.get_object().get("/T") == name:
            annotation.get_object()[NameObject("/V")] = TextStringObject(value)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_each_filled_field_is_found_under_its_name_and_its_tooltip() -> None:
    said = form_statements(form(ticked=True))
    assert {(s.called, s.value) for s in said} >= {
        (("InvoiceNumber",), "RB-2031-77"),
        (("f1_02", "Rechnungsdatum"), "04.03.2031"),
        (("paid", "Paid"), "true"),
    }
    assert {s.source for s in said} == {"form"}
    assert "" not in {s.value for s in said}


def test_fields_of_the_form_are_about_the_fields_that_are_called_so_and_in_their_form() -> None:
    found = statements_by_field(form_statements(form()), INVOICE)
    assert {name: said[0].value for name, said in found.items()} == {
        "number": "RB-2031-77",
        "issue_date": "2031-03-04",
        "seller": "Molen Foods BV",
        "total": "1305.20",
    }


def said(value: str, *called: str) -> Statement:
    return Statement("form", called[0], value, origin=f"form field {called[0]}", page=1, called=called)


def test_a_field_that_the_form_states_twice_otherwise_is_not_stated() -> None:
    assert statements_by_field([said("A1", "number"), said("A2", "Invoice number")], INVOICE) == {}
    assert len(statements_by_field([said("A1", "number"), said("A1", "Invoice number")], INVOICE)["number"]) == 2


def test_words_that_only_stand_near_a_value_and_text_that_is_no_value_name_nothing() -> None:
    assert statements_by_field([said("DE123456789", "VAT no"), said("soon", "due_date")], INVOICE) == {}


def test_an_empty_form_a_plain_file_and_a_broken_one_state_nothing() -> None:
    empty = dict.fromkeys(FILLED, ("", ""))
    assert form_statements(form(empty, ticked=False)) == []
    assert read_data(form({})).statements == ()
    assert read_data(b"%PDF-1.7\n1 0 obj\n<</AcroForm<</Fields[1 0 R]>>>>\n%%EOF").statements == ()


def test_a_statement_travels_between_processes_as_it_is() -> None:
    for one in form_statements(form()):
        assert Statement.from_json(one.to_json()) == one


@pytest.mark.slow
def test_the_form_makes_what_is_printed_surer_and_a_changed_field_is_a_difference() -> None:
    plain, changed = form(), altered(form(), "total", "9,305.20")
    document = read_document(plain)
    total = Reading("total", ValueState.FOUND, "1305.20", "1,305.20", 0.8)
    for data, agrees in ((plain, True), (changed, False)):
        [found], problems = compare([total], read_stated(data, document.pages).statements, document.pages, INVOICE)
        assert notes_of(found)[0]["source"] == "form"
        assert notes_of(found)[0]["agrees"] is agrees
        assert found.value == "1305.20"  # what is printed, whatever the form says
        assert (found.confidence > 0.8) is agrees
        assert bool(problems) is not agrees


@pytest.mark.slow
def test_extract_reads_the_form_unless_the_print_alone_is_asked_for() -> None:
    reader = Recogniser.from_bundle(Bundle(), load_document_types())
    read = extract(form(), reader, "invoice").recognition
    number = next(r for r in read.readings if r.field == "number")
    assert [note["source"] for note in notes_of(number)] == ["form"]
    alone = extract(form(), reader, "invoice", ReadOptions(data=False)).recognition
    assert not any(notes_of(r) for r in alone.readings)
