"""Without a browser: which part of a page a crop shows, shares with their intervals, charts, and safe escaping."""

from __future__ import annotations

import io
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from api import charts
from api.web.crops import LARGEST_SHARE, cut, is_crop, place_of
from api.web.figures import interval
from api.web.quality import calibration, measure, share
from api.web.types import spec_of_form
from models.values import Box
from tests.web import paper

sides = st.floats(0, 1)


@given(sides, sides, sides, sides)
def test_a_crop_holds_its_value_and_stays_on_the_page(a: float, b: float, c: float, d: float):
    box = Box(min(a, b), min(c, d), max(a, b), max(c, d))
    place = place_of([box])
    assert place.x0 <= box.x0 <= box.x1 <= place.x1
    assert place.y0 <= box.y0 <= box.y1 <= place.y1
    assert place.x0 >= 0
    assert place.y0 >= 0
    assert place.x1 <= 1
    assert place.y1 <= 1


def test_a_crop_of_a_line_is_a_small_part_of_the_page():
    place = place_of([Box(0.6, 0.4, 0.7, 0.42)])
    assert is_crop(place)
    assert place.width * place.height < 0.1


def test_a_value_over_most_of_the_page_is_no_crop():
    assert not is_crop(place_of([Box(0.0, 0.0, 1.0, LARGEST_SHARE + 0.1)]))


def test_cutting_keeps_the_pixels_of_the_page():
    png, _, _ = paper.draw()
    with Image.open(io.BytesIO(cut(png, Box(0.0, 0.0, 0.5, 0.1)))) as crop:
        assert crop.size == (paper.WIDTH // 2, paper.HEIGHT // 10)


def test_intervals_hold_the_share_and_shrink_with_the_number():
    low, high = interval(9, 1)
    assert low is not None
    assert high is not None
    assert low < 0.9 < high
    closer = interval(900, 100)
    assert closer[0] is not None
    assert closer[0] > low
    assert interval(0, 0) == (None, None)


def test_a_rare_draw_weighs_more():
    value, low, high = share([10.0, 1.0], [True, False])
    assert value == pytest.approx(10 / 11)
    assert low < value < high


@dataclass
class Row:
    document_type: str
    field: str
    released_wrong: bool
    machine_wrong: bool
    score: float
    probability: float


def test_calibration_bins_hold_every_check_once():
    rows = [Row("receipt", "total", False, i % 5 == 0, i / 100, 0.1) for i in range(100)]
    bins = calibration(rows)  # type: ignore[arg-type]
    assert sum(one.count for one in bins) == 100
    assert all(one.low <= one.right <= one.high for one in bins)
    assert [one.checks for one in measure(rows)] == [100]  # type: ignore[arg-type]
    assert calibration([]) == []


def test_charts_escape_what_they_show():
    row = charts.Row("<script>", 0.01, 0.0, 0.02, 0.02)
    svg = charts.whiskers(charts.Axis("Error", 0.0, 0.1, percent=True), [row], label='"><script>')
    assert "<script>" not in svg
    assert "&lt;script&gt;" in svg


def test_points_can_be_links():
    axis = charts.Axis("x", 0.0, 1.0)
    svg = charts.lines(axis, axis, [[charts.Point(0.5, 0.5, "half", "/quality?a=1&b=2")]], label="curve")
    assert 'href="/quality?a=1&amp;b=2"' in svg


def test_a_form_becomes_a_document_type():
    form = {
        "name": "note", "label": "Note", "error_target": "1,5 %", "f0.name": "total", "f0.kind": "money",
        "f0.required": "yes", "f1.name": "",
        "f2.name": "lines", "f2.kind": "table", "f2.columns": "what: line, price: money",
        "f3.name": "gone", "f3.kind": "line", "f3.remove": "yes", "c0.kind": "order", "c0.fields": "a, b",
    }  # fmt: skip
    spec = spec_of_form(form)
    assert spec["error_target"] == pytest.approx(0.015)
    assert [field["name"] for field in spec["fields"]] == ["total", "lines"]
    assert spec["fields"][1]["columns"] == [{"name": "what", "kind": "line"}, {"name": "price", "kind": "money"}]
    assert spec["checks"] == [{"kind": "order", "fields": ["a", "b"]}]
