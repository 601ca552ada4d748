"""What the scorers see: the stretches around a candidate, and how dates bear on each other."""

from __future__ import annotations

import numpy as np
import pytest

from extractor.fields.layout import Layout
from extractor.fields.scoring.features import NUMBERS, Table, make_scene
from models.doctype import DocumentType, FieldSpec, Kind
from tests.extractor.fields.documents import page_of

RELATIONS = slice(43, 47)  # columns of `Table.numbers`


def _table(rows: list[str], kind: Kind) -> tuple[Layout, Table]:
    spec = DocumentType(name="t", label="T", fields=(FieldSpec(name="f", kind=kind),))
    scene = make_scene([page_of(rows)], spec)
    assert scene.tables[kind].numbers.shape[1] == NUMBERS
    return scene.layout, scene.tables[kind]


def _around(rows: list[str], value: str) -> tuple[str, str]:
    layout, table = _table(rows, Kind.NAME)
    number = next(n for n, s in enumerate(table.spans) if s.value == value)
    low, high, start, end = table.around[number]
    return layout.join(range(low, high)), layout.join(range(start, end))


def test_the_rest_of_the_segment_stands_around_a_part_of_it() -> None:
    assert _around(["ACME TRADING CO (M) LTD"], "ACME TRADING CO") == ("", "(M) LTD")


def test_the_segments_over_and_under_stand_around_a_whole_one() -> None:
    rows = ["WELCOME", "GREEN LEAF", "12 High Street"]
    assert _around(rows, "GREEN LEAF") == ("WELCOME", "12 High Street")


def test_nothing_stands_around_the_only_words() -> None:
    assert _around(["GREEN LEAF"], "GREEN LEAF") == ("", "")


def test_the_candidates_that_are_kept_keep_their_surroundings() -> None:
    _, table = _table(["WELCOME", "GREEN LEAF", "12 High Street"], Kind.NAME)
    kept = np.array([len(table) - 1, 0])
    assert (table.only(kept).around == table.around[kept]).all()


@pytest.mark.parametrize("text", ["01/02/20 - 08/02/20", "01/02/20-08/02/20"])
def test_two_dates_beside_each_other_are_a_range(text: str) -> None:
    _, table = _table([f"Flight   {text}", "Printed   05/01/20"], Kind.DATE)
    of = {s.value: n for s, n in zip(table.spans, table.numbers[:, RELATIONS].tolist(), strict=True)}
    assert of["2020-02-01"][:3] == [1, 0, pytest.approx(np.log(8))]
    assert of["2020-02-08"][:3] == [0, 1, pytest.approx(np.log(8))]
    assert of["2020-01-05"][:3] == [0, 0, 0]


def test_the_earliest_date_of_a_column_is_marked() -> None:
    _, table = _table(["03/02/20", "01/02/20", "02/02/20"], Kind.DATE)
    of = {s.value: n for s, n in zip(table.spans, table.numbers[:, RELATIONS][:, 3].tolist(), strict=True)}
    assert of == {"2020-02-03": 0, "2020-02-01": 1, "2020-02-02": 0}
