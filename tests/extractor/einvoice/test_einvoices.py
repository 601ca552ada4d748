"""E-invoices: what is read of each syntax, what is refused, and what does not add up."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from extractor.batch import Job, Setup, read_all
from extractor.einvoice.invoice import EInvoice
from extractor.einvoice.parse import looks_like_xml, read_einvoice
from extractor.einvoice.statements import findings, statements_of
from extractor.einvoice.tree import MOST_BYTES, NotReadable
from extractor.kinds import label_value, same
from extractor.read import ReadOptions
from extractor.stated.reading import read_data
from fixtures import einvoices
from models.values import Statement
from tests.extractor.pages import pdf, write

FIELDS = {
    "number": "RE-2031/7", "issue_date": "2031-03-05", "due_date": "2031-04-04", "seller": "Käse & Söhne GmbH",
    "buyer": "Molen BV", "currency": "EUR", "net": "130.50", "tax": "24.80", "total": "155.30",
    "iban": "DE89370400440532013000",
    "line_items": [
        {"description": "Cheese <old>", "quantity": "3", "unit_price": "40.00", "amount": "120.00"},
        {"description": "Postage", "quantity": "1.5", "unit_price": "7.00", "amount": "10.50"},
    ],
}  # fmt: skip


def by_term(invoice: EInvoice) -> dict[str, Statement]:
    return {statement.term: statement for statement in statements_of(invoice, "invoice.xml")}


@pytest.mark.parametrize("xml", [einvoices.cii(FIELDS), einvoices.ubl(FIELDS)], ids=["cii", "ubl"])
def test_every_field_of_an_invoice_is_a_statement_in_the_projects_form(xml: bytes) -> None:
    said = by_term(read_einvoice(xml))
    for name in FIELDS.keys() - {"line_items"}:
        assert said[name].value == FIELDS[name], name
    assert [row["description"][0] for row in said["line_items"].rows] == ["Cheese <old>", "Postage"]
    assert [row["quantity"] for row in said["line_items"].rows] == [["3"], ["1.5"]]
    assert [row["amount"] for row in said["line_items"].rows] == [["120.00"], ["10.50"]]
    assert said["document_type"].value == "invoice"


def test_a_credit_note_has_its_own_root_in_ubl_and_its_own_code_in_cii() -> None:
    for xml in (einvoices.ubl(FIELDS, credit=True), einvoices.cii(FIELDS, kind="381")):
        invoice = read_einvoice(xml)
        assert invoice.is_credit_note
        assert (invoice.due_date, invoice.lines[0].quantity, invoice.total) == ("2031-04-04", "3", "155.30")


def test_an_order_is_read_but_is_no_invoice() -> None:
    said = by_term(read_einvoice(einvoices.cii(FIELDS, kind="220")))
    assert "document_type" not in said
    assert said["number"].value == "RE-2031/7"


def test_names_and_elements_of_zugferd_1_are_known() -> None:
    old = b"""<rsm:CrossIndustryDocument xmlns:rsm="urn:ferd:CrossIndustryDocument:invoice:1p0" xmlns:ram="urn:ram:12"
     xmlns:udt="urn:udt:15"><rsm:HeaderExchangedDocument><ram:ID>471102</ram:ID><ram:TypeCode>380</ram:TypeCode>
     <ram:IssueDateTime><udt:DateTimeString format="102">20130305</udt:DateTimeString></ram:IssueDateTime>
     </rsm:HeaderExchangedDocument><rsm:SpecifiedSupplyChainTradeTransaction>
     <ram:ApplicableSupplyChainTradeAgreement><ram:SellerTradeParty><ram:Name>Lieferant GmbH</ram:Name>
     </ram:SellerTradeParty></ram:ApplicableSupplyChainTradeAgreement><ram:ApplicableSupplyChainTradeSettlement>
     <ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode><ram:SpecifiedTradeSettlementMonetarySummation>
     <ram:GrandTotalAmount currencyID="EUR">235.62</ram:GrandTotalAmount>
     </ram:SpecifiedTradeSettlementMonetarySummation></ram:ApplicableSupplyChainTradeSettlement>
     </rsm:SpecifiedSupplyChainTradeTransaction></rsm:CrossIndustryDocument>"""
    said = by_term(read_einvoice(old))
    assert {term: said[term].value for term in ("number", "issue_date", "seller", "total")} == {
        "number": "471102", "issue_date": "2013-03-05", "seller": "Lieferant GmbH", "total": "235.62",
    }  # fmt: skip


def test_both_prices_and_the_longer_text_are_spellings_of_a_cell() -> None:
    xml = (
        einvoices.cii(FIELDS)
        .replace(
            b"<ram:NetPriceProductTradePrice>",
            b"<ram:GrossPriceProductTradePrice><ram:ChargeAmount>50.0000</ram:ChargeAmount>"
            b"</ram:GrossPriceProductTradePrice><ram:NetPriceProductTradePrice>",
            1,
        )
        .replace(
            b"</ram:Name></ram:SpecifiedTradeProduct>",
            b"</ram:Name><ram:Description>ripe</ram:Description></ram:SpecifiedTradeProduct>",
            1,
        )
    )
    row = by_term(read_einvoice(xml))["line_items"].rows[0]
    assert row["unit_price"] == ["40", "50"]
    assert row["description"] == ["Cheese <old>", "Cheese <old>: ripe", "Cheese <old> ripe"]


ENTITY = b"""<?xml version="1.0"?><!DOCTYPE Invoice [<!ENTITY who SYSTEM "file:///etc/hostname">]>
<Invoice><ID>&who;</ID></Invoice>"""
BOMB = b"""<!DOCTYPE Invoice [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><Invoice><ID>&b;</ID></Invoice>"""


@pytest.mark.parametrize(
    ("xml", "why"),
    [
        (ENTITY, "document type"),
        (BOMB, "document type"),
        (b"<Invoice><ID>1</Invoice>", "not well-formed"),
        (b"<html><body>Invoice 4711</body></html>", "none of"),
        (b"<Invoice><Note>nothing</Note></Invoice>", "neither"),
        (b"<Invoice>" + b"<x>" * 5000 + b"</x>" * 5000 + b"</Invoice>", "not well-formed"),
        (b"<Invoice>" + b" " * MOST_BYTES + b"</Invoice>", "bytes"),
        (b"<Invoice>" + b"<x/>" * 300_001 + b"</Invoice>", "elements"),
    ],
    ids=["entity", "bomb", "cut", "html", "empty", "deep", "large", "wide"],
)  # fmt: skip
def test_what_is_no_plain_e_invoice_is_refused_with_the_reason(xml: bytes, why: str) -> None:
    with pytest.raises(NotReadable, match=why):
        read_einvoice(xml)


def test_amounts_and_days_that_are_none_are_not_stated() -> None:
    xml = einvoices.cii(FIELDS | {"total": "1e40", "tax": "NaN", "issue_date": "2031-02-30"})
    said = by_term(read_einvoice(xml))
    assert not said.keys() & {"total", "tax", "issue_date", "payable"}
    assert said["net"].value == "130.50"


def test_sums_that_fail_and_wrong_check_digits_are_found() -> None:
    assert findings(read_einvoice(einvoices.cii(FIELDS))) == []
    wrong = FIELDS | {"total": "155.90", "iban": "DE88370400440532013000", "due_date": "2031-03-01"}
    assert [finding.split(",")[0] for finding in findings(read_einvoice(einvoices.ubl(wrong)))] == [
        "net and tax are 155.30",
        "the IBAN DE88370400440532013000 has wrong check digits",
        "it is due on 2031-03-01",
    ]


def test_xml_is_known_by_its_first_signs_in_every_encoding() -> None:
    xml = einvoices.ubl(FIELDS).decode()
    assert looks_like_xml(xml.encode("utf-16"))
    assert looks_like_xml(b"\xef\xbb\xbf\n" + xml.encode())
    assert looks_like_xml(b'<cbc:Invoice xmlns:cbc="a">')
    assert not looks_like_xml(b"%PDF-1.7")
    assert not looks_like_xml(b"<html><body>")


def test_xml_in_a_pdf_is_found_whatever_its_name_and_other_files_are_passed_over() -> None:
    plain = pdf(write)
    hybrid = einvoices.attach(
        einvoices.attach(plain, b"<note>by the way</note>", "note.xml"), einvoices.cii(FIELDS), "a"
    )
    stated = read_data(hybrid)
    assert {s.origin for s in stated.statements} == {"a"}
    assert stated.problems == ()
    assert read_data(plain).statements == ()


def test_a_broken_e_invoice_is_a_problem_of_the_document() -> None:
    stated = read_data(einvoices.attach(pdf(write), ENTITY, "factur-x.xml"))
    assert stated.statements == ()
    assert stated.problems[0].startswith("xml_not_read: factur-x.xml: the XML brings a document type")


def test_a_file_beside_the_document_is_read_and_that_inside_it_comes_first() -> None:
    beside = {"other.xml": einvoices.ubl(FIELDS | {"number": "B2"})}
    assert {s.origin for s in read_data(pdf(write), beside).statements} == {"other.xml"}
    assert {s.origin for s in read_data(einvoices.attach(pdf(write), einvoices.cii(FIELDS)), beside).statements} == {
        "factur-x.xml"
    }


@pytest.mark.skipif("COUNTERSIGN_REAL_DATA" not in os.environ, reason="needs the real documents")
def test_all_real_e_invoices_state_what_is_printed() -> None:
    """Cells that the labels leave empty are not scored; the price is the one before or after the discount."""
    from extractor.doctypes import load_document_types

    manifest = Path(os.environ["COUNTERSIGN_REAL_DATA"], "invoices", "manifest.jsonl")
    spec = load_document_types()["invoice"]
    lines = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    wrong = []
    for line in lines:
        said = {s.term: s for s in read_data((manifest.parent / line["file"]).read_bytes()).statements}
        for name, value in line["fields"].items():
            field = spec.field(name)
            if isinstance(value, str):
                label, one = label_value(field.kind, value, spec, field), said[name]
                is_right = any(same(field.kind, label, spelling) for spelling in (one.value, *one.also))
            elif isinstance(value, list):
                is_right = len(value) == len(said[name].rows) and all(
                    not row[column.name] or any(same(column.kind, row[column.name], s) for s in stated[column.name])
                    for row, stated in zip(value, said[name].rows, strict=True)
                    for column in field.columns
                )
            else:
                continue
            wrong += [] if is_right else [(line["file"], name)]
    assert len(lines) == 68
    assert wrong == []


def test_xml_of_the_same_stem_belongs_to_the_document_and_can_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "bill.pdf").write_bytes(pdf(write))
    (tmp_path / "bill.xml").write_bytes(einvoices.ubl(FIELDS))
    (tmp_path / "other.pdf").write_bytes(pdf(write))
    jobs = [Job(tmp_path / name, name) for name in ("bill.pdf", "other.pdf")]
    said = {words.name: words.stated.statements for words in read_all(jobs, Setup(ReadOptions()), 1)}
    assert {s.origin for s in said["bill.pdf"]} == {"bill.xml"}
    assert said["other.pdf"] == ()
    assert [w.stated.statements for w in read_all(jobs[:1], Setup(ReadOptions(data=False)), 1)] == [()]
