"""What may never be sure, whatever the calibration says: values beside another label, and absences nobody confirmed."""

from __future__ import annotations

import pytest

from extractor.doctypes import load_document_types
from extractor.fields.decisions import Decision
from extractor.fields.model import ABSENT_MOST, DOUBTED, most_of
from models.values import ValueState
from tests.extractor.fields.documents import BILL

INVOICE = load_document_types()["invoice"]
ELSEWHERE = {"label_elsewhere": 1.0}


def found(name: str, **evidence: float) -> Decision:
    return Decision(INVOICE.field(name), ValueState.FOUND, (), evidence)


@pytest.mark.parametrize("name", ["due_date", "total", "number"])
def test_a_value_beside_another_label_is_doubted_while_its_own_stands_elsewhere(name: str) -> None:
    assert most_of(found(name, **ELSEWHERE, misnamed=1.0), INVOICE) == DOUBTED < 0.5
    assert most_of(found(name, misnamed=1.0), INVOICE) == 1.0
    assert most_of(found(name, labelled=1.0), INVOICE) == 1.0


def test_parties_are_told_by_more_than_labels() -> None:
    assert most_of(found("seller", **ELSEWHERE, misnamed=1.0), INVOICE) == 1.0


def test_an_absence_needs_a_reason() -> None:
    absent = Decision(INVOICE.field("due_date"), ValueState.ABSENT, (), {})
    assert most_of(absent, INVOICE) == ABSENT_MOST < 0.9
    assert most_of(absent.with_evidence(**ELSEWHERE), INVOICE) == DOUBTED
    assert most_of(Decision(BILL.field("voucher"), ValueState.ABSENT, (), {}), BILL) == 1.0
