"""Vendor memory: a damaged reading gives way to the verified value of the same vendor, visibly, and only when alike."""

from __future__ import annotations

from extractor.fields.decisions import Choice, Decision
from extractor.fields.memory.memory import OFF, Fact, Memory, Ratios, Reread, fit_ratios, numbers_of, shelves
from extractor.fields.scoring.features import Scene, make_scene
from extractor.kinds import key
from models.doctype import DocumentType, FieldSpec, Kind
from models.values import ValueState
from tests.extractor.fields.documents import page_of

FIELD = FieldSpec(name="seller", kind=Kind.NAME)
SHOP = DocumentType(name="shop", label="Shop", fields=(FIELD,))


def _fact(value: str, *numbers: str) -> Fact:
    return Fact("seller", value, key(Kind.NAME, value), frozenset(numbers))


def _decision(text: str) -> Decision:
    return Decision(FIELD, ValueState.FOUND, (Choice(key(Kind.NAME, text), text, text, 0, -0.2),), {})


def _scene(*rows: str) -> Scene:
    return make_scene([page_of(rows)], SHOP)


def _apply(memory: Memory, text: str, *rows: str) -> Decision:
    return memory.apply(_scene(text, *rows), {"seller": _decision(text)})["seller"]


def test_numbers_of_a_vendor_are_long_ones() -> None:
    assert numbers_of(_scene("Reg 123456-78 X", "Tel: 03-12345678", "Total 12.50")) == {"12345678", "0312345678"}


def test_a_damaged_name_is_corrected_by_the_vendors_number_and_says_so() -> None:
    memory = Memory((_fact("HARBOUR CAFE", "0312345678"),), {"seller": Ratios(vendor=70)})
    corrected = _apply(memory, "HAREOUR CAFF", "Tel 0312345678")
    assert corrected.value == "HARBOUR CAFE"
    assert corrected.provenance["read_as"] == "HAREOUR CAFF"
    assert "same vendor" in corrected.provenance["memory"]
    assert corrected.alternatives[0][0] == "HAREOUR CAFF"


def test_another_vendor_is_left_alone() -> None:
    memory = Memory((_fact("HARBOUR CAFE", "0312345678"),), {"seller": Ratios(vendor=70, text=90)})
    assert _apply(memory, "BLUE DOOR INN", "Tel 0312345678").value == "BLUE DOOR INN"
    assert _apply(memory, "HAREOUR CAFF", "Tel 0399999999").value == "HAREOUR CAFF"


def test_nearly_the_same_text_is_enough_when_the_threshold_allows_it() -> None:
    memory = Memory((_fact("HARBOUR CAFE SDN BHD"),), {"seller": Ratios(text=90)})
    assert _apply(memory, "HARB0UR CAFE SDN BHD").value == "HARBOUR CAFE SDN BHD"


def test_a_known_value_is_kept_and_counts_as_evidence() -> None:
    memory = Memory((_fact("Harbour Cafe"),), {"seller": Ratios()})
    kept = _apply(memory, "HARBOUR CAFE")
    assert kept.value == "HARBOUR CAFE"
    assert kept.evidence["memory_kept"] == 1.0


def test_a_number_that_vendors_share_identifies_none() -> None:
    shelf = shelves([_fact("HARBOUR CAFE", "1111111"), _fact("BLUE DOOR INN", "1111111")])["seller"]
    assert shelf.vendors == {}


def test_thresholds_are_switched_off_where_memory_does_harm() -> None:
    facts = [(0, _fact("HARBOUR CAFE", "0312345678")), (1, _fact("HARBOUR CAFF", "0312345678"))]
    tried = [
        Reread(1, _decision("HARBOUR CAFF"), frozenset({"0312345678"}), key(Kind.NAME, "HARBOUR CAFF")),
        Reread(0, _decision("HARBOUR CAFE"), frozenset({"0312345678"}), key(Kind.NAME, "HARBOUR CAFE")),
    ]
    assert fit_ratios(facts, tried, ["seller"])["seller"] == Ratios(OFF, OFF)


def test_a_memory_survives_its_table() -> None:
    memory = Memory((_fact("HARBOUR CAFE", "0312345678"),), {"seller": Ratios(vendor=70)})
    again = Memory.from_table(memory.to_table(), SHOP)
    assert again.facts == memory.facts
    assert again.ratios == memory.ratios
