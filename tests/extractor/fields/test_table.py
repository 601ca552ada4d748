"""Line items: rows that bill something are told from sums, and columns get their names."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal

import pytest

from extractor import kinds
from extractor.fields import FieldModel, Label, TrainingDocument, learn_fields
from extractor.fields.layout import lay_out
from extractor.fields.tables.figures import find_columns, make_grid, parse_figure
from extractor.kinds import Locale
from extractor.kinds.table import row_of
from models.doctype import ColumnSpec, DocumentType, FieldSpec, Kind
from models.values import ValueState
from tests.extractor.fields.documents import page_of

COLUMNS = (
    ColumnSpec(name="what", kind=Kind.LINE),
    ColumnSpec(name="count", kind=Kind.MONEY),
    ColumnSpec(name="price", kind=Kind.MONEY),
    ColumnSpec(name="amount", kind=Kind.MONEY),
)
NOTE = DocumentType(
    name="note",
    label="Note",
    fields=(
        FieldSpec(name="total", kind=Kind.MONEY),
        FieldSpec(name="lines", kind=Kind.TABLE, columns=COLUMNS, required=False),
    ),
)
GOODS = ("Chair, grey", "Paper A4", "Desk lamp", "Cable 25 m", "Repair", "Delivery", "Paint white", "Gloves")


def note(number: int, goods: tuple[str, ...] = GOODS) -> TrainingDocument:
    """One delivery note; the columns of every second one stand in another order."""
    rng = random.Random(number)
    wide = number % 2 == 0
    rows = ["Old Mill Ltd", "12 High Street", f"Note 4{number:03d}", _line(wide, "Item", "Qty", "Price", "Amount")]
    truth, total = [], Decimal(0)
    for name in rng.sample(goods, rng.randint(1, 5)):
        count, price = rng.randint(1, 9), Decimal(rng.randint(100, 9000)) / 100
        rows.append(_line(wide, name, str(count), f"{price:.2f}", f"{count * price:.2f}"))
        truth.append(f"{name} | {count} | {price:.2f} | {count * price:.2f}")
        total += count * price
    tax = (total * Decimal("0.1")).quantize(Decimal("0.01"))
    rows += [_sum("Subtotal", total), _sum("Tax 10%", tax), _sum("Total", total + tax), "Thank you for your business"]
    labels: dict[str, Label | None] = {
        "total": Label(ValueState.FOUND, f"{total + tax:.2f}"),
        "lines": Label(ValueState.FOUND, truth),
    }
    return TrainingDocument(f"note{number}", f"note{number}", "note", (page_of(rows),), labels)


def _line(wide: bool, what: str, count: str, price: str, amount: str) -> str:
    if wide:
        return f"{what:<22}   {count:>6}   {price:>10}   {amount:>12}"
    return f"{count:>6}   {what:<22}   {price:>10}   {amount:>12}"


def _sum(label: str, value: Decimal) -> str:
    return f"{'':<25}{label:<18}   {value:>14.2f}"


@pytest.fixture(scope="module")
def model() -> FieldModel:
    return learn_fields([note(n) for n in range(24)], NOTE, 1, lambda _what, _share: None)


def right(model: FieldModel, document: TrainingDocument) -> bool:
    label = document.labels["lines"]
    assert label is not None
    reading = next(r for r in model.read(document.pages) if r.field == "lines")
    return kinds.same(Kind.TABLE, reading.value, label.value)


def test_the_lines_of_new_documents_are_read(model: FieldModel) -> None:
    assert sum(right(model, note(n)) for n in range(100, 110)) >= 9


def test_goods_never_seen_are_read_as_well(model: FieldModel) -> None:
    other = ("Oak plank", "Roof tile", "Nails", "Glue", "Door hinge")
    assert sum(right(model, note(n, other)) for n in range(200, 210)) >= 9


def test_a_line_says_where_it_stands_and_how_sure_the_table_is(model: FieldModel) -> None:
    reading = next(r for r in model.read(note(101).pages) if r.field == "lines")
    assert reading.state is ValueState.FOUND
    assert isinstance(reading.value, list)
    assert len(reading.items) == len(reading.value)
    assert reading.items[0].box is not None
    assert reading.items[0].page == 1


def test_a_row_is_cells_by_name_with_what_is_printed_and_its_place(model: FieldModel) -> None:
    reading = next(r for r in model.read(note(101).pages) if r.field == "lines")
    cells = reading.items[0].cells
    assert list(cells) == [column.name for column in NOTE.field("lines").columns]
    assert row_of(cell.value for cell in cells.values()) == reading.items[0].value
    printed = reading.items[0].text
    for cell in cells.values():
        assert cell.text is not None
        assert cell.box is not None
        assert cell.text in printed
        assert reading.items[0].box is not None
        assert reading.items[0].box.contains(*cell.box.centre)
    assert 0.5 < reading.confidence < 1


def test_decisions_out_of_fold_are_part_of_the_model(model: FieldModel) -> None:
    mine = [row for row in model.oof if row.field == "lines"]
    assert len(mine) == 24
    assert sum(row.correct for row in mine) >= 20


def test_a_document_without_a_table_has_none(model: FieldModel) -> None:
    reading = next(r for r in model.read([page_of(["Dear friend,", "all is well here."])]) if r.field == "lines")
    assert reading.state is ValueState.NOT_FOUND
    assert reading.confidence == 0


def test_parts_rebuild_the_same_reader(model: FieldModel) -> None:
    again = FieldModel.from_parts(*model.to_parts())
    one, other = (next(r for r in m.read(note(105).pages) if r.field == "lines") for m in (model, again))
    assert one.value == other.value
    assert one.confidence == pytest.approx(other.confidence, abs=0.01)


def test_words_of_goods_are_not_learned(model: FieldModel) -> None:
    from extractor.fields.tables.features import ROW_NUMBERS

    assert model.tables["lines"].reader.row.weights[1 + ROW_NUMBERS :].max() <= 0


@pytest.mark.parametrize(
    ("text", "mark", "value"),
    [("1.234,56", ",", "1234.56"), ("$1,234.56", ".", "1234.56"), ("121.18", ",", "121.18"), ("3", ".", "3")],
)
def test_figures(text: str, mark: str, value: str) -> None:
    found = parse_figure(text, mark)
    assert found is not None
    assert found[0] == Decimal(value)


def test_what_is_more_than_a_number_is_no_figure() -> None:
    assert parse_figure("A4", ".") is None
    assert parse_figure("12/05/2020", ".") is None


def test_a_number_close_before_its_text_is_a_column_of_its_own() -> None:
    grid = make_grid(lay_out([page_of(["40 Paper A4   64.47   2578.80", "40 Advice      16.85    674.00"])]), Locale())
    assert [[grid.words(cell) for cell in column.cells] for column in find_columns(grid, grid.rows)] == [
        ["40", "40"],
        ["Paper A4", "Advice"],
        ["64.47", "16.85"],
        ["2578.80", "674.00"],
    ]


def test_rows_of_tables_are_the_same_whatever_the_zeros() -> None:
    assert kinds.same(Kind.TABLE, ["Nails | 1.50 | 2.00"], ["nails | 1.5 | 2"])
    assert not kinds.same(Kind.TABLE, ["Nails | 1.50"], ["Nails | 150"])


def test_a_table_of_which_no_row_is_found_teaches_nothing_and_breaks_nothing() -> None:
    """Labels that say what does not stand on the page, or words that were misread: there are no columns to learn."""
    nowhere: dict[str, Label | None] = {"lines": Label(ValueState.FOUND, ["Elsewhere | 7 | 7.77 | 54.39"])}
    documents = [note(n) for n in range(6)]
    documents = [replace(one, labels=one.labels | nowhere) for one in documents]
    model = learn_fields(documents, NOTE, 1, lambda _what, _share: None)
    reading = next(r for r in model.read(note(100).pages) if r.field == "lines")
    assert 0 <= reading.confidence < 0.5
