"""Every kind: normalising twice changes nothing, and `same` is an equivalence that ignores what it should ignore."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.kinds import KINDS, Locale, key, normalise, same, valid
from extractor.kinds import date as dates
from extractor.kinds import identifier as identifiers
from extractor.kinds import money as amounts
from extractor.kinds.text import compact, fold, repair
from models.doctype import DocumentType, FieldSpec, Kind

GERMAN = DocumentType(name="rechnung", label="Rechnung", decimal_mark=",", currency="EUR", fields=())
AMERICAN = DocumentType(name="invoice", label="Invoice", date_order="MDY", fields=())
TEXTS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs", "S")), max_size=30)


@pytest.mark.parametrize("kind", list(Kind))
@settings(deadline=None)
@given(text=TEXTS)
def test_normalising_twice_changes_nothing(kind: Kind, text: str) -> None:
    once = normalise(kind, text)
    assert once is None or normalise(kind, once) == once


@pytest.mark.parametrize("kind", list(Kind))
@settings(deadline=None)
@given(a=TEXTS, b=TEXTS)
def test_same_means_equal_keys(kind: Kind, a: str, b: str) -> None:
    assert same(kind, a, a)
    assert same(kind, a, b) == same(kind, b, a) == (key(kind, a) == key(kind, b))


@pytest.mark.parametrize("kind", list(Kind))
def test_no_value_equals_only_no_value(kind: Kind) -> None:
    assert same(kind, None, None)
    assert not same(kind, None, "2024-01-02")


def test_every_kind_has_rules() -> None:
    assert set(KINDS) == set(Kind)


@pytest.mark.parametrize(
    ("text", "order", "iso"),
    [
        ("19/05/18", "DMY", "2018-05-19"),
        ("05/19/2018", "MDY", "2018-05-19"),
        ("05/19/2018", "DMY", "2018-05-19"),  # no other reading is a date
        ("3/4/2020", "MDY", "2020-03-04"),
        ("3/4/2020", "DMY", "2020-04-03"),
        ("2019-12-31", "MDY", "2019-12-31"),
        ("Dec 31, 2019", "DMY", "2019-12-31"),
        ("31st December 2019", "MDY", "2019-12-31"),
        ("12-0CT-2017", "DMY", "2017-10-12"),
        ("this 18th day of April, 2001", "MDY", "2001-04-18"),
        ("made this 6th of February, 1999 by", "MDY", "1999-02-06"),
        ("20170312", "DMY", "2017-03-12"),
        ("31/02/2019", "DMY", None),
        ("1.234,56", "DMY", None),
    ],
)
def test_dates_are_read_in_the_order_of_the_type(text: str, order: str, iso: str | None) -> None:
    assert dates.normalise(text, Locale(date_order=order)) == iso


@pytest.mark.parametrize(
    ("text", "doctype", "value"),
    [
        ("$1,234.50", AMERICAN, "1234.50"),
        ("RM 52.8", AMERICAN, "52.80"),
        ("1.234,56 €", GERMAN, "1234.56"),
        ("-12,00", GERMAN, "-12.00"),
        (".50", AMERICAN, "0.50"),
        ("free", AMERICAN, None),
    ],
)
def test_amounts_are_read_with_the_decimal_mark_of_the_type(
    text: str, doctype: DocumentType, value: str | None
) -> None:
    assert normalise(Kind.MONEY, text, doctype) == value


def test_bare_whole_numbers_are_no_amounts_in_running_text() -> None:
    found = amounts.find("12 items at 3.50, total $47 of 1,200.00 on 03/04/20", Locale())
    assert [s.value for s in found] == ["3.50", "47.00", "1200.00"]


def test_identifiers_have_digits() -> None:
    found = [s.value for s in identifiers.find("Contract / Revision 416043 / 2 of Smith, ref AB-1234")]
    assert "416043" in found
    assert "416043 / 2" in found
    assert "AB-1234" in found
    assert "Smith" not in found


@pytest.mark.parametrize(
    ("kind", "a", "b", "equal"),
    [
        (Kind.MONEY, "52.8", "52.80", True),
        (Kind.MONEY, "52.80", "52.81", False),
        (Kind.DATE, "2020-01-02", "2020-01-03", False),
        (Kind.IDENTIFIER, "416043-1", "416043 1", True),
        (Kind.NAME, "Café Zoë, Inc.", "CAFE ZOE INC", True),
        (Kind.ADDRESS, "1 Main St. ", "1 MAIN ST", True),
        (Kind.CHECKBOX, "X", "true", True),
        (Kind.TABLE, "Tea | 1.00", "tea|1.00", True),
    ],
)
def test_equality_by_kind(kind: Kind, a: str, b: str, equal: bool) -> None:
    assert same(kind, a, b) is equal


def test_lists_are_equal_as_multisets() -> None:
    assert same(Kind.NAME, ["Nike Inc.", "Bob"], ["BOB", "Nike, Inc"])
    assert not same(Kind.NAME, ["Bob", "Bob"], ["Bob"])


def test_a_choice_is_one_of_those_listed() -> None:
    field = FieldSpec(name="status", kind=Kind.CHOICE, choices=("Paid", "Not paid"))
    assert normalise(Kind.CHOICE, "NOT  PAID", AMERICAN, field) == "Not paid"
    assert normalise(Kind.CHOICE, "maybe", AMERICAN, field) is None


def test_swapped_letters_and_digits_are_repaired_inside_a_token() -> None:
    assert repair("1O0.00") == "100.00"
    assert repair("JA1AN") == "JAIAN"
    assert repair("NO29O,") == "NO290,"
    assert repair("GARDEN!A") == "GARDENIA"
    assert repair("HELLO!") == "HELLO!"
    assert repair("G5B") == "G5B"  # could be either: left alone
    assert fold("ＡＢＣ é") == "ABC e"


@settings(deadline=None)
@given(text=TEXTS)
def test_compacting_twice_changes_nothing(text: str) -> None:
    assert compact(compact(text)) == compact(text)


def test_impossible_values_are_invalid() -> None:
    assert valid(Kind.DATE, "2020-02-29")
    assert not valid(Kind.DATE, "2021-02-29")
    assert not valid(Kind.MONEY, "twelve")


def test_accounts_in_groups_and_dotted_numbers_are_identifiers() -> None:
    from extractor.kinds import identifier

    found = {span.value for span in identifier.find("Invoice 863.863 to DE89 3704 0044 0532 0130 00, day 12.03.2020")}
    assert {"863.863", "DE89 3704 0044 0532 0130 00"} <= found
