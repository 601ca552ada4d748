"""Every kind: normalising twice changes nothing, and `same` is an equivalence that ignores what it should ignore."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.kinds import KINDS, AmbiguousValue, Canonical, Locale, key, label_value, normalise, readings, same, valid
from extractor.kinds import date as dates
from extractor.kinds import identifier as identifiers
from extractor.kinds import money as amounts
from extractor.kinds.table import cells_of, row_of
from extractor.kinds.text import compact, fold, repair
from models.doctype import DocumentType, FieldSpec, Kind

GERMAN = DocumentType(name="rechnung", label="Rechnung", decimal_mark=",", currency="EUR", fields=())
AMERICAN = DocumentType(name="invoice", label="Invoice", date_order="MDY", fields=())
TEXTS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs", "S")), max_size=30)


LOCALES = st.builds(
    Locale,
    date_order=st.sampled_from(["DMY", "MDY", "YMD"]),
    decimal_mark=st.sampled_from([".", ","]),
    currency=st.sampled_from(["", "EUR", "JPY", "KWD", "CHF"]),
    columns=st.just((Kind.LINE, Kind.MONEY, Kind.DATE)),
    knows_order=st.booleans(),
    knows_mark=st.booleans(),
)
AMOUNTS = st.from_regex(r"-?[1-9]\d{0,5}(\.\d{1,4})?", fullmatch=True)


@pytest.mark.parametrize("kind", list(Kind))
@settings(deadline=None)
@given(text=TEXTS | AMOUNTS, locale=LOCALES)
def test_normalising_twice_changes_nothing(kind: Kind, text: str, locale: Locale) -> None:
    for once in readings(kind, text, locale):
        assert readings(kind, once, locale) == (once,)


@settings(deadline=None)
@given(text=AMOUNTS, locale=LOCALES)
def test_an_amount_in_our_form_keeps_its_value_however_often_it_is_typed(text: str, locale: Locale) -> None:
    """Typed, 1.234 may be a thousand and more: then it is asked about, or the locale says so. Nothing else changes."""
    means = [value for value in readings(Kind.MONEY, text, locale) if not same(Kind.MONEY, value, text)]
    whole, _, decimals = text.lstrip("-").partition(".")
    assert not means or (len(decimals) == 3 and len(whole) <= 3)


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


POINT, COMMA = Locale(), Locale(decimal_mark=",", currency="EUR")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-£1,200.00", "-1200.00"), ("\u22121.200,00", "-1200.00"), ("\u2013 12,00", "-12.00"), ("12.00-", "-12.00"),
        ("(£1,200.00)", "-1200.00"), ("1.200,00- EUR", "-1200.00"), ("€ -12.00", "-12.00"),
        ("12.50 CR", "-12.50"), ("12.50 DR", "12.50"), ("25.-", "25.00"), ("25,\u2013 Kč", "25.00"),
        ("Rs. 500.00", "500.00"), ("Fr. 12.50", "12.50"), ("No. 5", "5.00"), ("Rs.1,500.00", "1500.00"),
        ("CHF 1'234.50", "1234.50"), ("CHF 1\u2019234.50", "1234.50"), ("13\u202f200.00", "13200.00"),
        ("1,23,456.00", "123456.00"), ("1.234,56", "1234.56"), ("12,50", "12.50"), ("12.3456", "12.3456"),
        ("KWD 1,234.500", "1234.500"), ("JPY 123,456", "123456"), ("१,२३,४५६.००", "123456.00"), ("$.50", "0.50"),
    ],
)  # fmt: skip
def test_spellings_that_have_one_meaning_have_it_everywhere(text: str, value: str) -> None:
    for locale in (POINT, COMMA, Locale(knows_mark=False)):
        assert readings(Kind.MONEY, text, locale) == (value,)
        printed = [span.value for span in amounts.find(text, locale)]
        assert value in printed or text == "No. 5"  # a bare whole number


@pytest.mark.parametrize(
    ("text", "locale", "values"),
    [
        ("1.234", COMMA, ("1234.00",)),
        ("1,234", POINT, ("1234.00",)),
        ("1.234", POINT, ("1.234", "1234.00")),  # an amount of two decimals has no three, yet no point parts thousands
        ("1.234", Locale(knows_mark=False), ("1.234", "1234.00")),
        ("1.234", Locale(currency="EUR", knows_mark=False), ("1234.00",)),
        ("KWD 1.234", POINT, ("1.234",)),
        ("KWD 1.234", Locale(decimal_mark=",", knows_mark=False), ("1234.000", "1.234")),
        ("JPY 1.234", COMMA, ("1234",)),
        ("2 x 12.50", POINT, ()),
    ],
)
def test_one_mark_with_three_digits_behind_it_is_decided_by_the_document_or_by_nobody(
    text: str, locale: Locale, values: tuple[str, ...]
) -> None:
    assert readings(Kind.MONEY, text, locale) == values


def test_a_value_in_our_form_is_never_parsed_again() -> None:
    assert readings(Kind.MONEY, Canonical("1.234"), COMMA) == ("1.234",)
    assert readings(Kind.DATE, Canonical("2026-04-03"), Locale(knows_order=False)) == ("2026-04-03",)


def test_a_label_that_would_mean_two_values_is_refused() -> None:
    field = FieldSpec(name="total", kind=Kind.MONEY)
    assert label_value(Kind.MONEY, "1234.50", GERMAN, field) == "1234.50"
    assert label_value(Kind.MONEY, "1.234,50", GERMAN, field) == "1234.50"
    with pytest.raises(AmbiguousValue, match=r"1234\.00 or 1\.234"):
        label_value(Kind.MONEY, "1.234", GERMAN, field)


def test_a_year_of_two_digits_is_of_one_century() -> None:
    assert readings(Kind.DATE, "12/03/55", Locale()) == ("1955-03-12",)
    assert readings(Kind.DATE, "12/03/40", Locale()) == ("2040-03-12",)
    assert readings(Kind.DATE, "120355", Locale()) == ("1955-03-12",)


def test_a_day_that_may_be_two_is_both_where_nothing_decides() -> None:
    assert readings(Kind.DATE, "03/04/2026", Locale(knows_order=False)) == ("2026-04-03", "2026-03-04")
    assert readings(Kind.DATE, "13/04/2026", Locale(knows_order=False)) == ("2026-04-13",)
    assert readings(Kind.DATE, "120326", Locale()) == ("2026-03-12",)


def test_cells_are_read_by_the_kind_of_their_column() -> None:
    german = Locale(decimal_mark=",", columns=(Kind.LINE, Kind.MONEY, Kind.MONEY))
    assert readings(Kind.TABLE, "Tee | 3 | 0,1234", german) == ("Tee | 3 | 0.1234",)


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


@pytest.mark.parametrize(
    ("cells", "row"),
    [
        (("Tea", "2", "3.20"), "Tea | 2 | 3.20"),
        (("Tray", None, "12.5"), "Tray |  | 12.5"),
        (("Tea | green", "2", ""), "Tea \u00a6 green | 2 | "),
    ],
)
def test_a_row_is_parted_into_the_cells_it_was_made_of(cells: tuple[str | None, ...], row: str) -> None:
    assert row_of(cells) == row
    parted = cells_of(row, ("what", "count", "price"))
    assert row_of(parted.values()) == row


def test_surplus_bars_of_an_old_row_belong_to_its_first_cell() -> None:
    assert cells_of("Tea | green | 2 | 3.20", ("what", "count", "price"))["what"] == "Tea | green"
