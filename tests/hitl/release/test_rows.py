"""Rows of tables are told as named cells: as read, as keyed, and where a document was stored without cells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from extractor.kinds import Locale
from hitl.learning.examples import write_examples
from hitl.learning.exporting import export
from hitl.release.payload import payload
from hitl.work.typed import Unparseable, understood
from models.doctype import ColumnSpec, DocumentType, FieldSpec, Kind
from models.tables import Document, FieldReading, Release, User, Workspace
from models.values import Box, Cell, Item, Reading, ValueState
from tests import factories
from tests.hitl.crowd import create_people, create_read_document, set_policy, start, work_off

LINES = FieldSpec(
    name="lines",
    kind=Kind.TABLE,
    columns=(
        ColumnSpec(name="what", kind=Kind.LINE),
        ColumnSpec(name="count", kind=Kind.MONEY),
        ColumnSpec(name="price", kind=Kind.MONEY),
    ),
)
BILL = DocumentType(name="bill", label="Bill", fields=(LINES,))
ROWS = ["Tea, green | 2 | 3.20", "Tray |  | 12.5"]
WHAT, PRICE = Box(0.1, 0.2, 0.3, 0.25), Box(0.7, 0.2, 0.8, 0.25)


def as_read() -> tuple[Item, ...]:
    first = {"what": Cell("Tea, green", "Tea, green", 0.9, WHAT), "count": Cell("2", "2 ea", 0.9, None)}
    cells = (first | {"price": Cell("3.20", "3,20", 0.9, PRICE)}, {"what": Cell("Tray", "Tray", 0.9, WHAT)})
    return tuple(Item(row, row, 0.9, 1, WHAT, its) for row, its in zip(ROWS, cells, strict=True))


@pytest.fixture
def people(session: Session, workspace: Workspace) -> list[User]:
    set_policy(session, workspace)
    return create_people(session, workspace, 3)


def document_with(session: Session, workspace: Workspace, items: list[dict[str, Any]]) -> Document:
    document = create_read_document(session, workspace, {"lines": (ROWS, 0.9)}, BILL)
    session.exec(select(FieldReading)).one().items = items
    session.flush()
    return document


def released(session: Session) -> dict[str, Any]:
    told = session.exec(select(Release)).one().payload
    assert told is not None
    return dict(told["fields"]["lines"])


def cells(entry: dict[str, Any]) -> list[list[tuple[str, Any]]]:
    return [[(name, cell["value"]) for name, cell in item["cells"].items()] for item in entry["items"]]


def test_a_reading_with_cells_passes_between_processes_unchanged():
    reading = Reading("lines", ValueState.FOUND, ROWS, None, 0.9, items=as_read())
    assert Reading.from_json(json.loads(json.dumps(reading.to_json()))) == reading


def test_less_confidence_in_a_table_is_less_in_its_cells():
    item = (
        Reading("lines", ValueState.FOUND, ROWS, None, 0.9, items=as_read()).with_confidence(lambda p: p / 2).items[0]
    )
    assert (item.confidence, item.cells["price"].confidence) == (0.45, 0.45)


def test_a_row_is_told_with_its_cells_as_printed_and_where_they_stand(session: Session, workspace: Workspace):
    document = document_with(session, workspace, [item.as_dict() for item in as_read()])
    row = payload(session, document)["lines"]["items"][0]
    assert row["value"] == ROWS[0]
    assert row["cells"]["price"] == {"value": "3.20", "text": "3,20", "confidence": 0.9, "box": PRICE.as_list()}


def test_rows_stored_before_there_were_cells_are_told_with_them(session: Session, workspace: Workspace):
    old = [{"value": row, "text": "as it stood", "confidence": 0.8, "page": 1, "box": None} for row in ROWS]
    entry = payload(session, document_with(session, workspace, old))["lines"]
    assert entry["items"][0]["cells"]["count"] == {"value": "2", "text": "2", "confidence": 0.8, "box": None}
    assert cells(entry)[1] == [("what", "Tray"), ("count", None), ("price", "12.5")]


def test_rows_that_people_keyed_are_released_as_cells(session: Session, workspace: Workspace, people: list[User]):
    document = document_with(session, workspace, [item.as_dict() for item in as_read()])
    start(session, document)
    keyed = [{"price": "4.00", "what": "Tea | green", "count": "2"}]
    for person in people[:2]:
        work_off(session, person, {"lines": keyed})
    entry = released(session)
    assert entry["value"] == ["Tea \u00a6 green | 2 | 4.00"]
    assert cells(entry) == [[("what", "Tea \u00a6 green"), ("count", "2"), ("price", "4.00")]]


def test_the_spelling_of_people_goes_into_the_cells_and_the_places_stay(
    session: Session, workspace: Workspace, people: list[User]
):
    document = document_with(session, workspace, [item.as_dict() for item in as_read()])
    start(session, document)
    work_off(session, people[0], {"lines": ["TEA GREEN | 2 | 3.20", ROWS[1]]})
    first = released(session)["items"][0]["cells"]["what"]
    assert first == {"value": "TEA GREEN", "text": "TEA GREEN", "confidence": 0.9, "box": WHAT.as_list()}


@pytest.mark.parametrize(
    "given",
    [
        "Tea | 2 | 3,20",
        {"what": "Tea", "count": 2, "price": "3,20"},
        {"price": "3,20", "what": "Tea", "count": 2},
        {"value": "x", "cells": {"price": {"value": "3.20"}, "count": {"value": "2"}, "what": {"value": "Tea"}}},
    ],
)
def test_a_row_may_be_given_as_text_or_as_its_cells_in_any_order(given: Any):
    german = Locale(decimal_mark=",", columns=(Kind.LINE, Kind.MONEY, Kind.MONEY))
    assert understood("table", [given], LINES, german) == ["Tea | 2 | 3.20"]


def test_a_cell_of_no_column_is_refused():
    with pytest.raises(Unparseable, match="no column colour; the columns are what, count, price"):
        understood("table", [{"what": "Tea", "colour": "green"}], LINES, Locale())


def test_an_export_has_rows_of_named_cells(session: Session, workspace: Workspace, tmp_path: Path):
    document = create_read_document(session, workspace, {"lines": (ROWS, 0.9)}, BILL, state="released")
    decided = {"state": "final", "decided_by": "people", "value_state": "found", "value": ROWS}
    factories.create_verdict(session, document, field="lines", kind="table", **decided)
    write_examples(session, document, now=factories.NOW)
    assert export(session, workspace.id, tmp_path, with_files=False) == 1
    line = json.loads((tmp_path / "manifest.jsonl").read_text(encoding="utf-8"))
    assert line["fields"]["lines"] == [
        {"what": "Tea, green", "count": "2", "price": "3.20"},
        {"what": "Tray", "count": "", "price": "12.5"},
    ]
