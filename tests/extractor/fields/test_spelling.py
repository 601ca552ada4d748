"""Spelling: a word of an address that is one look-alike letter away from a common one is put right, visibly."""

from __future__ import annotations

import pytest

from extractor.fields.decisions import Choice, Decision
from extractor.fields.spelling import LEAST_DOCUMENTS, Spelling
from extractor.kinds import key
from models.doctype import FieldSpec, Kind
from models.values import ValueState

BOOK = Spelling.of(["5 Jalan Tua, Selangor, Cafea", "9 JALAN BARU, SELANGOR, Cefea"] * LEAST_DOCUMENTS)


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
    assert Spelling.of(["PALAU", "PALAV"] * LEAST_DOCUMENTS).correct("PALAY") == "PALAV"
    assert Spelling.of(["TALAN", "LALAN"] * LEAST_DOCUMENTS).correct("IALAN") == "IALAN"


def test_words_of_few_documents_are_not_known() -> None:
    assert Spelling.of(["JALAN"] * (LEAST_DOCUMENTS - 1)).words == frozenset()


def test_an_address_says_what_was_read_and_a_name_is_left_alone() -> None:
    address = BOOK.apply({"place": _decision("7 JAIAN TUA", Kind.ADDRESS)})["place"]
    assert (address.value, address.key) == ("7 JALAN TUA", "7JALANTUA")
    assert address.provenance["read_as"] == "7 JAIAN TUA"
    name = _decision("JAIAN TUA", Kind.NAME)
    assert BOOK.apply({"place": name})["place"] is name
