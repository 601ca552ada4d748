"""Descriptions over several lines: which lines belong to which item, and what is no line of any."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from extractor.doctypes import load_document_types
from extractor.fields import Label, TrainingDocument
from extractor.fields.layout import lay_out
from extractor.fields.tables.figures import find_columns, make_grid
from extractor.fields.tables.learn import learn_table
from extractor.fields.tables.lines import joined, lines_of_items, whole_column
from extractor.kinds import Locale
from extractor.measure.manifest import Entry, read_manifest, texts_of
from extractor.read import read_document
from fixtures.generate import generate
from models.values import Box, Page, ValueState, Word

WIDE, HIGH, TALL = 800, 600, 10
FIGURES = "2 4.00 8.00"


def page(rows: Sequence[tuple[float, str, str]]) -> Page:
    """Rows as (line of the page, description from x = 100, figures from x = 500); 14 pixels are a line."""
    words = []
    for line, (at, text, figures) in enumerate(rows):
        y = 40 + 14 * at
        x = 100.0
        for word in text.split():
            words.append(_word(word, x, y, line, 2 * line))
            x += 6 * len(word) + 4
        for k, figure in enumerate(figures.split()):
            words.append(_word(figure, 500 + 80 * k, y, line, 2 * line + 1))
    return Page(1, WIDE, HIGH, tuple(words), "fake/1")


def _word(text: str, x: float, y: float, line: int, segment: int) -> Word:
    box = Box(x / WIDE, y / HIGH, (x + 6 * len(text)) / WIDE, (y + TALL) / HIGH)
    return Word(text, box, 0.9, line, segment)


def items(rows: Sequence[tuple[float, str, str]]) -> list[str]:
    """The descriptions of the rows that have figures."""
    grid = make_grid(lay_out([page(rows)]), Locale())
    picked = [n for n, row in enumerate(grid.rows) if row.amounts and not grid.words(row.tokens).startswith("Sum")]
    columns = find_columns(grid, [grid.rows[n] for n in picked])
    lines = lines_of_items(grid, picked, columns, 0)
    return [grid.words(joined(grid, one, cell)) for one, cell in zip(lines, columns[0].cells, strict=True)]


HEAD = (0.0, "Description", "Count Price Amount")
SUM = (20.0, "Sum of all", "16.00")


def test_lines_below_the_figures_belong_to_the_item_above() -> None:
    rows = [HEAD, (2, "Office chair", FIGURES), (3, "colour grey", ""), (4.8, "Desk lamp", FIGURES), (5.8, "white", "")]
    assert items([*rows, SUM]) == ["Office chair colour grey", "Desk lamp white"]


def test_lines_above_the_figures_belong_to_the_item_below() -> None:
    rows = [HEAD, (2, "Office chair", ""), (3, "colour grey", FIGURES), (4.8, "Desk lamp", ""), (5.8, "white", FIGURES)]
    assert items([*rows, SUM]) == ["Office chair colour grey", "Desk lamp white"]


def test_figures_may_stand_beside_the_middle() -> None:
    chair = [(2, "Office", ""), (3, "chair", FIGURES), (4, "grey", "")]
    lamp = [(6, "Desk", ""), (7, "lamp", FIGURES), (8, "white", "")]
    assert items([HEAD, *chair, *lamp, SUM]) == ["Office chair grey", "Desk lamp white"]


@pytest.mark.parametrize("beside_last", [False, True])
def test_without_wider_gaps_the_ends_of_the_table_tell(beside_last: bool) -> None:
    one, other = (("", FIGURES), (FIGURES, ""))[1 - int(beside_last)]
    rows = [(2, "Office chair", one), (3, "grey", other), (4, "Desk lamp", one), (5, "white", other)]
    assert items([HEAD, *rows, SUM]) == ["Office chair grey", "Desk lamp white"]


def test_an_item_of_one_line_stays_one() -> None:
    rows = [HEAD, (2, "Office chair", FIGURES), (3.5, "Desk lamp", FIGURES), (5, "Delivery", FIGURES)]
    assert items([*rows, SUM]) == ["Office chair", "Desk lamp", "Delivery"]


def test_text_far_below_or_further_out_is_no_line_of_an_item() -> None:
    rows = [HEAD, (2, "Office chair", FIGURES), (3.5, "Desk lamp", FIGURES)]
    assert items([*rows, (7, "Thank you", "")]) == ["Office chair", "Desk lamp"]
    wide = "Thank you for the order that you placed with us and that we were glad to carry out"
    assert items([*rows, (4.5, wide, "")]) == ["Office chair", "Desk lamp"]


def test_the_last_item_takes_no_line_that_stands_farther_off_than_others_do() -> None:
    rows = [HEAD, (2, "Office chair", FIGURES), (3, "grey", ""), (4.6, "Desk lamp", FIGURES)]
    assert items([*rows, (6.1, "Pay soon", "")]) == ["Office chair grey", "Desk lamp"]


WIDE_SPACES = 12  # pixels between words of 10 in height


def column_of(texts: Sequence[str], x: float = 100) -> list[str]:
    """The texts of a table in one row, a word each with wide spaces, as the columns come out of it."""
    words = []
    for text in texts:
        words.append(_word(text, x, 40, 0, 0))
        x += 6 * len(text) + WIDE_SPACES
    words.append(_word("8.00", 700, 40, 0, 1))
    grid = make_grid(lay_out([Page(1, WIDE, HIGH, tuple(words), "fake/1")]), Locale())
    columns = find_columns(grid, grid.rows)
    text = max(range(len(columns)), key=lambda k: columns[k].right - columns[k].left if k < len(columns) - 1 else 0)
    return [
        grid.words(c.cells[0]) for c in whole_column(grid, columns, {"what": text, "sum": len(columns) - 1}, "what")
    ]


def test_a_text_parted_by_wide_spaces_is_one_column() -> None:
    assert "Cable electrical 25 m" in column_of(["Cable", "electrical", "25", "m"])


def test_dates_and_figures_beside_a_text_stay_columns_of_their_own() -> None:
    assert "electrical" in column_of(["12/09/2019", "electrical", "25"])


def test_wrapped_descriptions_of_invoices_are_learned_and_read(tmp_path: Path) -> None:
    layouts = ["workshop", "catalogue", "contractor", "agency", "haulier", "clinic", "classic"]
    manifest = generate("invoice", 18, 5, tmp_path, vendors=999, layouts=layouts, carriers=["pdf"])
    documents = [_document(entry) for entry in read_manifest(manifest)]
    assert sum(len(row) > 60 for d in documents for row in d.labels["line_items"].value) > 20  # type: ignore[union-attr]
    invoice = load_document_types(None)["invoice"]
    layouts_of = [lay_out(d.pages) for d in documents]
    found = learn_table(documents, layouts_of, [n % 3 for n in range(18)], invoice.field("line_items"), invoice)
    assert found is not None
    assert sum(decision.correct for decision in found[1]) >= 15


def _document(entry: Entry) -> TrainingDocument:
    pages = read_document(entry.path.read_bytes()).pages
    labels: dict[str, Label | None] = {"line_items": Label(ValueState.FOUND, texts_of(entry.labels["line_items"]))}
    return TrainingDocument(entry.file, entry.file, "invoice", pages, labels)
