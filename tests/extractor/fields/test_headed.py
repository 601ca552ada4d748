"""Tables of layouts nobody was taught: columns by their titles and by arithmetic, rows, signs, descriptions."""

from __future__ import annotations

from decimal import Decimal

import pytest

from extractor.doctypes import load_document_types
from extractor.fields.anchors.phrases import anchors_of
from extractor.fields.layout import lay_out
from extractor.fields.tables.figures import Grid, make_grid, parse_figure
from extractor.fields.tables.headed import headed_lines
from extractor.fields.tables.heads import find_heads
from extractor.kinds import Locale
from models.doctype import ColumnSpec, FieldSpec, Kind
from models.values import Page
from tests.extractor.fields.documents import page_of

INVOICE = load_document_types(None)["invoice"]
LINES = INVOICE.field("line_items")
POINT, COMMA = Locale(decimal_mark="."), Locale(decimal_mark=",")


def grid_of(*pages: Page, locale: Locale = POINT) -> Grid:
    return make_grid(anchors_of(INVOICE).mark(lay_out(pages)), locale)


def read(*pages: Page, locale: Locale = POINT, field: FieldSpec = LINES) -> list[list[str]]:
    grid = grid_of(*pages, locale=locale)
    names = [column.name for column in field.columns]
    return [[grid.words(line.cells.get(name, ())) for name in names] for line in headed_lines(grid, field)]


def row(*cells: str, widths: tuple[int, ...] = (22, 14, 14, 14)) -> str:
    first, *rest = zip(cells, widths, strict=True)
    return f"{first[0]:<{first[1]}}" + "".join(f"{cell:>{width}}" for cell, width in rest)


ENGLISH = [
    row("Description", "Quantity", "Unit price", "Amount"),
    row("Tea, green", "2", "3.20", "6.40"),
    row("Tray", "1", "12.50", "12.50"),
]
WANTED = [["Tea, green", "2", "3.20", "6.40"], ["Tray", "1", "12.50", "12.50"]]


def test_columns_are_known_by_their_titles() -> None:
    assert read(page_of(["Old Mill Ltd", *ENGLISH])) == WANTED


@pytest.mark.parametrize(
    ("titles", "locale"),
    [
        (("Bezeichnung", "Menge", "Einzelpreis", "Nettobetrag"), COMMA),
        (("Désignation", "Quantité", "Prix unitaire", "Montant"), COMMA),
        (("Omschrijving", "Aantal", "Stukprijs", "Bedrag"), COMMA),
        (("Nazwa towaru", "Ilość", "Cena netto", "Wartość"), COMMA),
    ],
)
def test_titles_are_known_in_many_languages(titles: tuple[str, ...], locale: Locale) -> None:
    page = page_of([row(*titles), row("Tee", "2", "3,20", "6,40"), row("Tablett", "1", "12,50", "12,50")])
    assert read(page, locale=locale) == [["Tee", "2", "3,20", "6,40"], ["Tablett", "1", "12,50", "12,50"]]


def test_the_order_of_columns_is_free() -> None:
    page = page_of([
        f"{'Description':<22}{'Unit price':>14}{'Quantity':>14}{'Amount':>14}",
        f"{'Tea, green':<22}{'3.20':>14}{'2':>14}{'6.40':>14}",
        f"{'Tray':<22}{'12.50':>14}{'1':>14}{'12.50':>14}",
    ])  # fmt: skip
    assert read(page) == WANTED


def test_arithmetic_tells_an_amount_that_counts_from_one_that_is_owed() -> None:
    page = page_of([
        f"{'Amount':<14}{'Product':<22}{'Price':>14}{'Total':>14}",
        f"{'2.00':<14}{'Tea, green':<22}{'3.20':>14}{'6.40':>14}",
        f"{'4.00':<14}{'Tray':<22}{'12.50':>14}{'50.00':>14}",
    ])  # fmt: skip
    assert read(page) == [["Tea, green", "2.00", "3.20", "6.40"], ["Tray", "4.00", "12.50", "50.00"]]


def test_sums_discounts_and_the_table_of_taxes_bill_nothing() -> None:
    rest = [
        row("Subtotal", "", "", "18.90"),
        row("Discount", "", "", "-1.90"),
        row("VAT rate", "Taxable", "VAT", "Total"),
        row("20%", "17.00", "3.40", "20.40"),
        row("Total", "", "", "20.40"),
    ]
    assert read(page_of([*ENGLISH, *rest])) == WANTED


def test_credits_keep_their_signs() -> None:
    page = page_of([ENGLISH[0], row("Tea, green", "-2", "3.20", "-6.40"), row("Tray", "-1", "12.50", "(12.50)")])
    assert [cells[1:] for cells in read(page)] == [["-2", "3.20", "-6.40"], ["-1", "12.50", "(12.50)"]]


def test_a_description_runs_on_until_another_thing_is_said() -> None:
    page = page_of([
        ENGLISH[0],
        row("Tea, green, in", "2", "3.20", "6.40"),
        "boxes of ten",
        "Order no: 4711",
        row("Tray", "1", "12.50", "12.50"),
        "Delivered on 03.02.2026",
    ])  # fmt: skip
    assert [cells[0] for cells in read(page)] == ["Tea, green, in boxes of ten", "Tray"]


def test_a_table_goes_on_over_pages_with_and_without_its_head() -> None:
    first, second = page_of(["Old Mill Ltd", *ENGLISH]), page_of(["Page 2", *ENGLISH])
    assert read(first, second) == [*WANTED, *WANTED]
    assert read(first, page_of(ENGLISH[1:])) == [*WANTED, *WANTED]


def test_words_without_a_head_are_no_table() -> None:
    assert read(page_of(["Dear friend,", "we have 2 trays of 12.50 and", "all is well here."])) == []


def test_labels_beside_their_values_are_no_head() -> None:
    assert not find_heads(grid_of(page_of(["Quantity: 2   Price: 3.20   Amount: 6.40"])), LINES)


def test_a_type_may_say_what_heads_its_columns() -> None:
    own = FieldSpec(
        name="rows",
        kind=Kind.TABLE,
        columns=(
            ColumnSpec(name="what", kind=Kind.LINE, titles=("zaza",)),
            ColumnSpec(name="quantity", kind=Kind.MONEY, titles=("zozo",)),
            ColumnSpec(name="amount", kind=Kind.MONEY, titles=("zuzu",)),
        ),
    )
    widths = (22, 14, 14)
    page = page_of([row("zaza", "zozo", "zuzu", widths=widths), row("Tea", "2", "6.40", widths=widths)])
    assert read(page, field=own) == [["Tea", "2", "6.40"]]
    assert read(page) == []


@pytest.mark.parametrize(
    ("text", "mark", "value"),
    [
        ("-1.200,00", ",", "-1200.00"),
        ("\u22125.00", ".", "-5.00"),
        ("(12.50)", ".", "-12.50"),
        ("12,50-", ",", "-12.50"),
        ("£-3.20", ".", "-3.20"),
        ("7.50CR", ".", "-7.50"),
    ],
)
def test_figures_keep_their_signs(text: str, mark: str, value: str) -> None:
    found = parse_figure(text, mark)
    assert found is not None
    assert found[0] == Decimal(value)
