"""Readings of which the page leaves several open are doubtful, and say what else they may mean."""

from __future__ import annotations

import pytest

from extractor.doctypes import load_document_types
from extractor.fields.ambiguity import UNDECIDED, with_doubts
from extractor.fields.layout import lay_out
from models.values import Reading, ValueState
from tests.extractor.fields.documents import page_of

INVOICE = load_document_types()["invoice"]


def doubted(rows: list[str], field: str, value: str | None, text: str | None) -> Reading:
    state = ValueState.FOUND if value else ValueState.ABSENT
    said = Reading(field, state, value, text, 0.99)
    return with_doubts({field: said}, lay_out([page_of(rows)]), INVOICE)[field]


@pytest.mark.parametrize(
    ("rows", "field", "value", "text"),
    [
        (["Invoice date   03/04/2026"], "issue_date", "2026-04-03", "03/04/2026"),
        (["Total   1.234"], "total", "1.234", "1.234"),
        (["Total   $1,100.00"], "currency", "USD", "$"),
        (["Invoice date   4 maanden 2026", "Due date   31 May 2026"], "issue_date", "2026-05-31", "31 May 2026"),
        (["Invoice date   2026312", "Due date   31 May 2026"], "issue_date", None, None),
    ],
)
def test_what_nothing_decides_is_doubtful(rows: list[str], field: str, value: str | None, text: str | None) -> None:
    reading = doubted(rows, field, value, text)
    assert (reading.value, reading.confidence) == (value, UNDECIDED)
    assert {"may_mean", "label_not_understood"} & set(reading.provenance)


@pytest.mark.parametrize(
    ("rows", "field", "value", "text"),
    [
        (["Invoice date   03/04/2026", "ABN 51 824 753 556"], "issue_date", "2026-04-03", "03/04/2026"),
        (["Invoice date   13/04/2026"], "issue_date", "2026-04-13", "13/04/2026"),
        (["Total   1.234", "Tax   12,50"], "total", "1234.00", "1.234"),
        (["Total   AUD $1,100.00"], "currency", "AUD", "$"),
        (["Due date   31 May 2026", "Balance due   £900.00"], "due_date", "2026-05-31", "31 May 2026"),
        (["Invoice date   4 maart 2026", "Due date   2026312"], "issue_date", "2026-03-04", "4 maart 2026"),
    ],
)
def test_what_the_page_decides_is_as_sure_as_before(rows: list[str], field: str, value: str, text: str) -> None:
    assert doubted(rows, field, value, text).confidence == 0.99
