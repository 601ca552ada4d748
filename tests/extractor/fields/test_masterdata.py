"""Master data: a CSV of vendors becomes facts of the memory, or one sentence that says what is wrong with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from extractor.effort import spending
from extractor.fields import FieldModel, learn_fields
from extractor.fields.memory.masterdata import MasterDataUnreadable, facts_by_type, read_master_data
from extractor.fields.model import UNPROVEN
from models.doctype import DocumentType, FieldSpec, Kind
from tests.extractor.fields.documents import BILL, bill

SHOP = DocumentType(
    name="shop",
    label="Shop",
    fields=(
        FieldSpec(name="seller", kind=Kind.NAME),
        FieldSpec(name="place", kind=Kind.ADDRESS),
        FieldSpec(name="total", kind=Kind.MONEY),
    ),
)


def test_a_row_gives_one_fact_a_field_with_the_numbers_of_the_vendor() -> None:
    text = '\ufeffseller,place,tax,phone,note\nHarbour Cafe,"1 Quay,  Port",00123-4567,03-12345678,since 1999\n'
    name, place = read_master_data(text, SHOP)
    assert (name.field, name.value, name.key) == ("seller", "Harbour Cafe", "HARBOURCAFE")
    assert place.value == "1 Quay, Port"
    assert name.numbers == place.numbers == {"001234567", "0312345678"}


def test_other_fields_of_the_type_and_empty_cells_are_no_facts() -> None:
    assert [f.field for f in read_master_data("seller,place,total\nHarbour Cafe,,1234567.00\n\n", SHOP)] == ["seller"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "seller, place"),
        ("vendor,phone\nHarbour Cafe,0312345678\n", "seller, place"),
        ("seller,phone\nHarbour Cafe\n", "line 2: 1 cells under 2 headings"),
        ('seller\n"Harbour" Cafe\n', "line 2"),
    ],
)
def test_a_csv_that_cannot_be_used_is_refused_with_its_reason(text: str, problem: str) -> None:
    with pytest.raises(MasterDataUnreadable, match=problem):
        read_master_data(text, SHOP)


def test_a_model_knows_the_vendors_of_the_master_data_without_having_seen_their_documents() -> None:
    known = read_master_data("seller,phone\nLighthouse Stores Ltd,0399990000\n", BILL)
    bills = [bill(n) for n in range(6)]
    with spending(trees=5, folds=2, first_steps=2):
        model = learn_fields(bills, BILL, 1, lambda _stage, _share: None, known=known)
        without = learn_fields(bills, BILL, 1, lambda _stage, _share: None, memory=False, known=known)
    assert model.memory is not None
    assert known[0] in model.memory.facts
    assert without.memory is None
    damaged = bill(1).pages[0]
    first = replace(damaged.words[0], text="Gren")
    damaged = replace(damaged, words=(first, *damaged.words[1:]))
    read = {name: {r.field: r for r in one.read([damaged])} for name, one in _with_and_without(without).items()}
    changed, plain = read["with"], read["without"]
    assert (plain["seller"].value, changed["seller"].value) == ("Gren Leaf Inc", "Green Leaf Inc")
    assert changed["seller"].confidence <= UNPROVEN
    assert changed["seller"].provenance["read_as"] == "Gren Leaf Inc"
    assert "almost the same" in changed["seller"].provenance["master_data"]
    assert {name: r for name, r in changed.items() if name != "seller"} == {
        name: r for name, r in plain.items() if name != "seller"
    }


def _with_and_without(model: FieldModel) -> dict[str, FieldModel]:
    return {"with": model.with_master_data(read_master_data("seller\nGreen Leaf Inc\n", BILL)), "without": model}


def test_master_data_that_no_longer_fits_its_type_is_left_out() -> None:
    texts = {"shop": "seller\nHarbour Cafe\n", "bill": "vendor\nHarbour Cafe\n", "gone": "seller\nHarbour Cafe\n"}
    assert list(facts_by_type(texts, {"shop": SHOP, "bill": BILL})) == ["shop"]
