"""Labels are known by what they name, in any language; a firm's name is not a label."""

from __future__ import annotations

import pytest

from extractor.doctypes import load_document_types
from extractor.fields.anchors.phrases import anchors_of, trade_names
from extractor.fields.layout import Layout, lay_out
from extractor.fields.scoring.labelled import FAR, labelled
from models.doctype import DocumentType, FieldSpec, Kind
from tests.extractor.fields.documents import BILL, page_of

INVOICE = load_document_types()["invoice"]


def marked(*rows: str, doctype: DocumentType = INVOICE) -> Layout:
    return anchors_of(doctype).mark(lay_out([page_of(rows)]))


def names(layout: Layout) -> dict[str, str]:
    return {text: name for text, name in zip(layout.text, layout.anchors, strict=True) if name}


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ("Due Date: 3 May", "due_date"),
        ("Zahlbar bis 3.5.2026", "due_date"),
        ("Date d'échéance : 03/05/2026", "due_date"),
        ("Termin płatności 03.05.2026", "due_date"),
        ("Fizetési határidő 2026.05.03", "due_date"),
        ("支払期限 2026/05/03", "due_date"),
        ("Rechnungsdatum 3.5.2026", "issue_date"),
        ("Lieferdatum 3.5.2026", "delivery_date"),
        ("Datum zdanitelného plnění 3.5.2026", "delivery_date"),
    ],
)
def test_a_label_names_the_same_in_every_language(row: str, name: str) -> None:
    layout = marked(row)
    assert layout.anchors[0] == name
    assert layout.terms[0] == f"<{name}>"


def test_the_longest_phrase_counts() -> None:
    assert names(marked("Total excl. VAT   100.00"))["Total"] == "net"
    assert names(marked("Total   100.00"))["Total"] == "total"


def test_of_two_labels_with_a_slash_the_known_one_counts() -> None:
    assert names(marked("Käufer/Leistungsempfänger"))["Kaufer/Leistungsempfanger"] == "buyer"


def test_a_party_within_a_firms_name_is_no_label() -> None:
    assert names(marked("Lieferant GmbH & Co. KG", "Le Fournisseur")) == {}
    assert names(marked("Lieferant", "Müller GmbH")) == {"Lieferant": "seller"}


def test_a_type_of_one_country_keeps_its_words() -> None:
    assert names(marked("Total   100.00", "Due Date: 3 May", doctype=BILL)) == {}


def test_the_anchors_of_a_type_name_its_fields() -> None:
    spec = DocumentType(
        name="bill",
        label="Bill",
        mixed_locales=True,
        fields=(
            FieldSpec(name="bill_no", kind=Kind.IDENTIFIER, anchors=("invoice number", "invoice no")),
            FieldSpec(name="berth", kind=Kind.LINE, anchors=("berth no",)),
        ),
    )
    anchors = anchors_of(spec)
    assert anchors.fields == {"bill_no": "number", "berth": "berth"}
    assert names(marked("Berth no 7", doctype=spec))["Berth"] == "berth"


def test_every_field_of_the_invoice_has_labels_in_many_languages() -> None:
    listed = list(trade_names().values())
    for field in INVOICE.fields:
        if field.kind is not Kind.TABLE:
            assert listed.count(field.name) > 30, field.name


def test_a_label_speaks_for_what_is_beside_it_under_it_and_in_its_block() -> None:
    layout = marked(
        "Seller",
        "Name: Acme Ltd",
        "12 High Street",
        "Net      VAT      Total",
        "100.00   20.00   120.00",
        "Thank you" + " " * 60 + "Bye",
    )
    found = labelled(layout)

    def said(word: str) -> list[str]:
        return [layout.anchors[t] if t >= 0 else "" for t in found.tokens[layout.text.index(word)].tolist()]

    assert said("Acme") == ["name", "", "seller"]
    assert said("100.00")[1] == "net"
    assert said("12")[2] == "seller"


def test_without_labels_nothing_speaks() -> None:
    found = labelled(lay_out([page_of(["Acme Ltd", "100.00"])]))
    assert (found.tokens == -1).all()
    assert (found.distance == FAR).all()
