"""Line items that a file states, beside those that were read: the one place that knows how stated rows are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from extractor import kinds
from extractor.kinds.table import cells_of, row_of
from extractor.stated.printed import Place, Print
from models.doctype import FieldSpec, Kind
from models.values import Box, Cell, Item, Reading, ValueState

Row = Mapping[str, Sequence[str]]  # spellings of each cell by column: with and without the longer text, net and gross
Cells = Mapping[str, str]


@dataclass(frozen=True)
class PrintedCell:
    """A stated cell in the spelling that is printed."""

    value: str
    place: Place


@dataclass(frozen=True)
class PrintedRow:
    """A stated row as far as it is printed. `is_whole`: every cell is, but for figures that may be implied."""

    cells: dict[str, PrintedCell]
    is_whole: bool


def rows_of(reading: Reading, field: FieldSpec) -> list[dict[str, str]]:
    """The cells of every row that was read, by column."""
    values = reading.value if isinstance(reading.value, list) else []
    return [cells_of(value, [column.name for column in field.columns]) for value in values]


def row_values(rows: Sequence[Row], field: FieldSpec) -> list[str]:
    """Stated rows in their usual spelling, as a table's values are written."""
    return [row_of(next(iter(row.get(column.name, ())), "") for column in field.columns) for row in rows]


def with_rows(reading: Reading, rows: Sequence[PrintedRow], field: FieldSpec, notes: Mapping[str, str]) -> Reading:
    """The reading with these rows in place of its own."""
    items = tuple(_item(row, field, reading.confidence) for row in rows)
    first = next((item.page for item in items if item.page), None)
    boxes = [item.box for item in items if item.box and item.page == first]
    return replace(
        reading, state=ValueState.FOUND, value=[item.value for item in items],
        text="; ".join(item.text for item in items), items=items, lines=(), page=first,
        box=Box.union(boxes) if boxes else None, provenance=reading.provenance | dict(notes),
    )  # fmt: skip


def _item(row: PrintedRow, field: FieldSpec, sure: float) -> Item:
    """A row on the page of its first cell: places of the others on other pages are chance."""
    page = next((cell.place.page for cell in row.cells.values()), None)
    found = [row.cells.get(column.name) for column in field.columns]
    cells = {
        column.name: Cell(cell.value, cell.place.text, sure, cell.place.box if cell.place.page == page else None)
        if cell
        else Cell(None, None, sure)
        for column, cell in zip(field.columns, found, strict=True)
    }
    value = row_of(cell.value for cell in cells.values())
    text = row_of(cell.text for cell in cells.values())
    named = next((cell.box for cell in cells.values() if cell.box), None)
    return Item(value, text, sure, page, named, cells)


def agreeing_rows(read: Sequence[Cells], rows: Sequence[Row], field: FieldSpec) -> bool:
    """Whether the rows that were read are those stated, in this order; an empty cell on either side decides nothing."""
    return len(read) == len(rows) and all(_same_row(one, row, field) for one, row in zip(read, rows, strict=True))


def _same_row(cells: Cells, row: Row, field: FieldSpec) -> bool:
    for column in field.columns:
        said, stated = cells[column.name], row.get(column.name, ())
        if said and stated and not any(kinds.same(column.kind, said, one) for one in stated):
            return False
    return any(cells.values())


def unstated_figures(read: Sequence[Cells], field: FieldSpec, known: frozenset[str]) -> bool:
    """Whether a figure of a row that was read is nowhere in the file."""
    figures = [column.name for column in field.columns if column.kind is Kind.MONEY]
    return any(cells[name] and kinds.key(Kind.MONEY, cells[name]) not in known for cells in read for name in figures)


def printed_row(row: Row, field: FieldSpec, seen: Print) -> PrintedRow:
    """The spelling of each cell that is printed somewhere. The last figure of a row, its amount, is never implied."""
    cells: dict[str, PrintedCell] = {}
    for column in field.columns:
        spec = FieldSpec(name=column.name, kind=column.kind)
        for spelling in row.get(column.name, ()):
            if places := seen.places(spec, spelling):
                cells[column.name] = PrintedCell(spelling, places[0])
                break
    figures = [column.name for column in field.columns if column.kind is Kind.MONEY and row.get(column.name)]
    needed = {column.name for column in field.columns if column.kind is not Kind.MONEY and row.get(column.name)}
    return PrintedRow(cells, cells.keys() >= needed | set(figures[-1:]))
