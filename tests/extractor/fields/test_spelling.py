"""Spelling: a word or pair of words one look-alike character away from a common one is put right, visibly."""

from __future__ import annotations

import pytest

from extractor.fields.decisions import Choice, Decision
from extractor.fields.memory.spelling import LEAST_DOCUMENTS, Spelling
from extractor.kinds import key
from models.doctype import FieldSpec, Kind
from models.values import ValueState

BOOK = Spelling.of([["5 Jalan Tua, Selangor, Cafea"], ["9 JALAN BARU, SELANGOR, Cefea"]] * LEAST_DOCUMENTS)
SHOPS = Spelling.of([["Kedai Sheng Sdn Bhd", "99 SPEED MART S/B"]] * LEAST_DOCUMENTS)


def _decision(text: str, kind: Kind) -> Decision:
    field = FieldSpec(name="place", kind=kind)
    return Decision(field, ValueState.FOUND, (Choice(key(kind, text), text, text, 0, -0.2),), {})


@pytest.mark.parametrize(
    ("read", "right"),
    [
        ("7 JAIAN TUA, SCLANGOR", "7 JALAN TUA, SELANGOR"),
        ("7 Jaian Tua", "7 Jalan Tua"),
        ("7 JALAN TUA", "7 JALAN TUA"),
        ("7 JAPAN TUA", "7 JAPAN TUA"),  # P and L do not look alike
        ("7 TVA", "7 TVA"),  # short words are left alone
        ("CAFEX", "CAFEX"),  # X looks like neither of the letters it could stand for
        ("COFEA", "CAFEA"),
        ("CEFEA", "CEFEA"),  # itself known
        ("CCFEA", "CEFEA"),
    ],
)
def test_a_word_is_put_right_only_by_one_look_alike(read: str, right: str) -> None:
    assert BOOK.correct(read) == right


def test_a_word_that_two_known_ones_could_be_is_left_alone() -> None:
    assert Spelling.of([["PALAU", "PALAV"]] * LEAST_DOCUMENTS).correct("PALAY") == "PALAV"
    assert Spelling.of([["TALAN", "LALAN"]] * LEAST_DOCUMENTS).correct("IALAN") == "IALAN"


@pytest.mark.parametrize(
    ("read", "right"),
    [
        ("LIAN HING SUN BHD", "LIAN HING SDN BHD"),
        ("Lian Hing Sdh Bhd.", "Lian Hing Sdn Bhd."),
        ("LIAN HING SDN BHU", "LIAN HING SDN BHD"),
        ("99 SPEED MART 5/B", "99 SPEED MART S/B"),
        ("99 Speed Mart 5/b", "99 Speed Mart s/b"),
        ("99 SPEED MART S/D", "99 SPEED MART S/B"),
        ("Kedai Cheng Sdn Bhd", "Kedai Cheng Sdn Bhd"),  # C and S look alike, but that is another shop
        ("SUN TRADING", "SUN TRADING"),
        ("SDN", "SDN"),
    ],
)
def test_of_a_name_only_the_legal_form_is_put_right(read: str, right: str) -> None:
    assert SHOPS.correct(read, Kind.NAME) == right


@pytest.mark.parametrize(
    ("read", "right"), [("9 SHAH ALAN", "9 SHAH ALAM"), ("9 SHAH ALAM", "9 SHAH ALAM"), ("9 LORONG O", "9 LORONG O")]
)
def test_a_pair_of_words_of_an_address_is_put_right_but_no_single_character(read: str, right: str) -> None:
    book = Spelling.of([["7 SHAH ALAM", "7 LORONG A"]] * LEAST_DOCUMENTS)
    assert book.correct(read) == right


def test_a_document_counts_once_however_many_of_its_values_say_a_word() -> None:
    values = ["JALAN TUA"] * LEAST_DOCUMENTS
    assert Spelling.of([values]).words == frozenset()
    assert len(Spelling.of([[value] for value in values]).words) == 2  # the word and the pair


def test_words_of_few_documents_are_not_known() -> None:
    assert Spelling.of([["JALAN"]] * (LEAST_DOCUMENTS - 1)).words == frozenset()


def test_a_value_says_what_was_read_and_a_single_word_of_a_name_is_left_alone() -> None:
    address = BOOK.apply({"place": _decision("7 JAIAN TUA", Kind.ADDRESS)})["place"]
    assert (address.value, address.key) == ("7 JALAN TUA", "7JALANTUA")
    assert address.provenance["read_as"] == "7 JAIAN TUA"
    shop = SHOPS.apply({"place": _decision("LIAN HING SUN BHD", Kind.NAME)})["place"]
    assert (shop.value, shop.provenance["read_as"]) == ("LIAN HING SDN BHD", "LIAN HING SUN BHD")
    name = _decision("JAIAN BESAR", Kind.NAME)
    assert BOOK.apply({"place": name})["place"] is name
