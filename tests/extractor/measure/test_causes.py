"""Every wrong value has the cause that one would mend."""

from __future__ import annotations

from dataclasses import replace

import pytest

from extractor.doctypes import load_document_types
from extractor.measure.causes import Cause, Causes
from extractor.measure.evaluate import Truth, evaluate
from models.values import Reading, Recognition, ValueState
from tests.extractor.fields.documents import page_of

TYPES = load_document_types()
RECEIPT, NDA, INVOICE = TYPES["receipt"], TYPES["nda"], TYPES["invoice"]
PAGE = page_of(
    ["ACME TRADING SDN BHD", "NO 12 JALAN MERDEKA, 50000 KUALA LUMPUR", "DATE: 19/05/2018", "TOTAL 52.80", "CASH 60.00"]
)


@pytest.mark.parametrize(
    ("field", "said", "wanted", "cause"),
    [
        ("total", "60.00", "52.80", Cause.CHOICE),
        ("total", "60.00", None, Cause.CHOICE),  # proven absent, and yet something was given
        ("company", "ACME", "ACME TRADING SDN BHD", Cause.CHOICE),
        ("company", "ACME TRADING SDN BHD", "RADING SDN", Cause.CANDIDATE),
        ("company", "ACME TRADING SDN BHD", "ACNE TRADING SDN BHD", Cause.OCR),
        ("company", "ACME TRADING SDN BHD", "Zeitgeist Holdings", Cause.LABEL),
        ("date", None, "2018-05-16", Cause.OCR),
        ("date", None, "2018-05-20", Cause.LABEL),  # two figures differ: another date
        ("date", None, "1999-11-30", Cause.LABEL),
    ],
)
def test_the_cause_of_a_wrong_value(field: str, said: str | None, wanted: str | None, cause: Cause) -> None:
    assert Causes([PAGE], RECEIPT).of(RECEIPT.field(field), said, wanted) is cause


def test_a_list_has_the_worst_cause_of_what_it_lacks() -> None:
    causes, party = Causes([page_of(["Alpha Inc   Beta Ltd"])], NDA), NDA.field("party")
    assert causes.of(party, ["Alpha Inc"], ["Alpha Inc", "Beta Ltd"]) is Cause.CHOICE
    assert causes.of(party, ["Alpha Inc"], ["Alpha Inc", "Beta Ltd", "Quux Partnership"]) is Cause.LABEL
    assert causes.of(party, ["Alpha Inc", "Beta Ltd"], ["Alpha Inc"]) is Cause.CHOICE


def test_a_table_is_looked_at_by_its_cells() -> None:
    causes, items = Causes([page_of(["Blue paint   2   11.00   22.00"])], INVOICE), INVOICE.field("line_items")
    assert causes.of(items, [], ["Blue paint|2|11.00|22.00"]) is Cause.CHOICE
    assert causes.of(items, [], ["Blue point|2|11.00|22.00"]) is Cause.OCR
    assert causes.of(items, [], ["Zeitgeist|2|11.00|22.00"]) is Cause.LABEL


def test_the_report_counts_the_causes() -> None:
    truth = Truth("a", "receipt", {"total": "52.80", "date": "2018-05-19", "company": "ACNE TRADING"})
    readings = [
        Reading(name, ValueState.FOUND, value, value, 0.9)
        for name, value in (("total", "60.00"), ("date", "2018-05-19"))
    ]
    right_type = Recognition("receipt", 0.9, tuple(readings), "b")
    report = evaluate({"a": right_type}, [truth], TYPES, pages={"a": [PAGE]})
    assert {row.field: row.cause for row in report.rows} == {"total": "choice", "date": "", "company": "ocr"}
    assert report.numbers["types"]["receipt"]["causes"] == {"choice": 1, "ocr": 1}
    assert "receipt: wrong by 1 choice, 1 ocr" in report.table()
    other = evaluate({"a": replace(right_type, document_type="nda")}, [truth], TYPES, pages={"a": [PAGE]})
    assert {row.cause for row in other.rows} == {"type"}
