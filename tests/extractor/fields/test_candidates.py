"""Candidates: each kind finds its values as they are really printed, over lines, in cells and in prose."""

from __future__ import annotations

import numpy as np
import pytest

from extractor.fields.candidates import find_candidates
from extractor.fields.layout import FIRST_PAGES, LAST_PAGES, lay_out, shape
from extractor.fields.scoring.features import NUMBERS, SLOTS, make_scene
from models.doctype import DocumentType, FieldSpec, Kind
from tests.extractor.fields.documents import page_of


def _values(rows: list[str], kind: Kind, **settings: str) -> set[str]:
    field = FieldSpec(name="f", kind=kind, choices=("Paid", "Not paid") if kind is Kind.CHOICE else ())
    doctype = DocumentType(name="t", label="T", fields=(field,), **settings)
    return {s.value for s in find_candidates(lay_out([page_of(rows)]), doctype)[kind]}


@pytest.mark.parametrize(
    ("rows", "kind", "value"),
    [
        (["Flight: 01/02/20 - 02/03/20"], Kind.DATE, "2020-02-01"),
        (["Period   1/2/2020 - 3/2/2020"], Kind.DATE, "2020-02-01"),
        (["Dates   01/02/20-03/02/20"], Kind.DATE, "2020-02-01"),
        (["Dates   01/02/20-03/02/20"], Kind.DATE, "2020-02-03"),
        (["made this 18th day of", "April, 2001 between us"], Kind.DATE, "2001-04-18"),
        (["Total   RM 12.50"], Kind.MONEY, "12.50"),
        (["Contract / Revision   416043 / 2"], Kind.IDENTIFIER, "416043 / 2"),
        (["Advertiser:Smith for Senate"], Kind.NAME, "Smith for Senate"),
        (["Smith for Senate  Invoice Date Due"], Kind.NAME, "Smith for Senate"),
        (["ACME TRADING SDN BHD(123456-X)"], Kind.NAME, "ACME TRADING SDN BHD"),
        (["GREEN LEAF", "BOOKS AND TEA"], Kind.NAME, "GREEN LEAF BOOKS AND TEA"),
        (["An agreement is made today by and between Nike, Inc. and", "Eric Sprunk"], Kind.NAME, "Nike, Inc."),
        (["NO 5, JALAN TUA,", "41000 KLANG", "TEL: 03-1234567"], Kind.ADDRESS, "NO 5, JALAN TUA, 41000 KLANG"),
        (["all of it is governed by the laws of the State of New York and so"], Kind.LINE, "New York"),
        (["and shall end on a date two (2) years after the date"], Kind.LINE, "2 years"),
        (["for a period of eighteen (18) months after the date hereof"], Kind.LINE, "18 months"),
        (["Status   not paid"], Kind.CHOICE, "Not paid"),
        (["[X]   Yes, I agree"], Kind.CHECKBOX, "true"),
    ],
)  # fmt: skip
def test_values_are_among_the_candidates(rows: list[str], kind: Kind, value: str) -> None:
    assert value in _values(rows, kind)


def test_amounts_use_the_decimal_mark_of_the_type() -> None:
    assert "1234.56" in _values(["Summe   1.234,56 EUR"], Kind.MONEY, decimal_mark=",")


def test_a_value_never_spans_a_wide_gap() -> None:
    assert _values(["12/03                    2019"], Kind.DATE) == set()


def test_a_candidate_leads_back_to_its_words() -> None:
    page = page_of(["Advertiser:Smith   Total 5.00"])
    layout = lay_out([page])
    smith = layout.text.index("Smith")
    assert page.words[layout.word[smith]].text == "Advertiser:Smith"
    assert layout.join([smith - 1, smith]) == "Advertiser:Smith"


def test_a_long_document_is_searched_at_both_ends() -> None:
    pages = [page_of([f"page {n}"], n) for n in range(1, 31)]
    searched = lay_out(pages).pages
    assert len(searched) == FIRST_PAGES + LAST_PAGES
    assert [searched[0].number, searched[-1].number] == [1, 30]


def test_every_candidate_has_finite_features_and_known_neighbours() -> None:
    rows = ["Acme Ltd", "1 High Street   Tel 0312345678", "Total   5.00", "Cash   10.00"]
    fields = tuple(FieldSpec(name=k.value, kind=k) for k in (Kind.NAME, Kind.MONEY, Kind.ADDRESS))
    scene = make_scene([page_of(rows), page_of([], 2)], DocumentType(name="t", label="T", fields=fields))
    for table in scene.tables.values():
        assert table.numbers.shape == (len(table), NUMBERS)
        assert table.slots.shape == (len(table), SLOTS)
        assert (abs(table.numbers) < 1e6).all()
        assert table.slots.max() < len(scene.layout)
    money = scene.tables[Kind.MONEY]
    assert scene.layout.text[money.slots[0][0]] == "Total"  # the word to the left


def test_shapes_hide_numbers() -> None:
    assert shape("(A-12345)") == "A-000"


def test_some_of_the_candidates_keep_their_words_and_values() -> None:
    field = FieldSpec(name="f", kind=Kind.NAME)
    scene = make_scene([page_of(["Acme Trading Ltd   Blue Door"])], DocumentType(name="t", label="T", fields=(field,)))
    table = scene.tables[Kind.NAME]
    kept = np.array([1, 3])
    few = table.only(kept)
    for new, old in enumerate(kept):
        start = few.starts[new]
        assert tuple(few.tokens[start : start + few.lengths[new]]) == table.spans[old].tokens
        assert few.keys[few.value[new]] == table.spans[old].key
