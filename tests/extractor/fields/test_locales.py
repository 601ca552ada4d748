"""A type of several countries: the marks and the order are those of each document."""

from __future__ import annotations

import pytest

from extractor.fields.candidates import find_candidates
from extractor.fields.layout import lay_out
from models.doctype import DocumentType, FieldSpec, Kind
from tests.extractor.fields.documents import page_of

FIELDS = (
    FieldSpec(name="day", kind=Kind.DATE),
    FieldSpec(name="total", kind=Kind.MONEY),
    FieldSpec(name="currency", kind=Kind.CHOICE, choices=("EUR", "USD", "GBP")),
)
MIXED = DocumentType(name="bill", label="Bill", mixed_locales=True, fields=FIELDS)
FIXED = DocumentType(name="bill", label="Bill", fields=FIELDS)


def values(rows: list[str], doctype: DocumentType = MIXED) -> dict[Kind, set[str]]:
    found = find_candidates(lay_out([page_of(rows)]), doctype)
    return {kind: {span.value for span in spans} for kind, spans in found.items()}


def test_a_german_bill_has_its_comma_and_its_months() -> None:
    found = values(["Datum   3. März 2020", "Betrag   1.234,56 €", "Steuer   12,50 €"])
    assert found[Kind.MONEY] == {"1234.56", "12.50"}
    assert found[Kind.DATE] == {"2020-03-03"}
    assert found[Kind.CHOICE] == {"EUR"}


def test_thousands_parted_by_spaces_are_offered_whole() -> None:
    assert "12345.60" in values(["Total TTC   12 345,60 €", "TVA   2 057,60"])[Kind.MONEY]


def test_an_american_bill_has_the_month_first_and_a_british_one_the_day() -> None:
    assert values(["Date 03/05/2020", "Total $1,234.56"])[Kind.DATE] == {"2020-03-05"}
    british = values(["Date 03/05/2020", "Total £1,234.56"])
    assert british[Kind.DATE] == {"2020-05-03"}
    assert british[Kind.CHOICE] == {"GBP"}


def test_another_date_of_the_document_shows_the_order() -> None:
    assert "2020-05-03" in values(["Date 03/05/2020", "Due 25/05/2020", "Total $12.50"])[Kind.DATE]


def test_a_type_of_one_country_keeps_its_own_order() -> None:
    assert values(["Date 03/05/2020", "Total $1,234.56"], FIXED)[Kind.DATE] == {"2020-05-03"}


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("12. Dezember 2019", "2019-12-12"),
        ("5 août 2018", "2018-08-05"),
        ("7 de enero de 2017", "2017-01-07"),
        ("9 luglio 2016", "2016-07-09"),
        ("1 juin 2015", "2015-06-01"),
        ("1 juillet 2015", "2015-07-01"),
    ],
)
def test_months_in_five_languages(written: str, day: str) -> None:
    assert values([f"Date {written}"])[Kind.DATE] == {day}
