"""Charts of the pages: what they show is escaped, axes have round ticks, points can be clicked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import charts


@dataclass
class Row:
    document_type: str
    field: str
    released_wrong: bool
    machine_wrong: bool
    score: float
    probability: float


def test_charts_escape_what_they_show():
    row = charts.Row("<script>", 0.01, 0.0, 0.02, 0.02)
    svg = charts.whiskers(charts.Axis("Error", 0.0, 0.1, percent=True), [row], label='"><script>')
    assert "<script>" not in svg
    assert "&lt;script&gt;" in svg


def test_points_can_be_links():
    axis = charts.Axis("x", 0.0, 1.0)
    svg = charts.lines(axis, axis, [[charts.Point(0.5, 0.5, "half", "/quality?a=1&b=2")]], label="curve")
    assert 'href="/quality?a=1&amp;b=2"' in svg


def test_ticks_are_round_and_within_the_axis():
    assert charts.Axis("x", 0.0, 0.78).ticks() == pytest.approx([0.0, 0.2, 0.4, 0.6])
    assert charts.Axis("x", 0.824, 1.0).ticks() == pytest.approx([0.85, 0.9, 0.95, 1.0])


@given(st.floats(0, 1), st.floats(0.001, 1000))
def test_every_axis_has_some_ticks(low: float, span: float):
    ticks = charts.Axis("x", low, low + span).ticks()
    assert 2 <= len(ticks) <= 7
    assert all(low - 1e-6 * span <= tick <= low + span * (1 + 1e-6) for tick in ticks)


def test_a_click_on_a_point_is_not_taken_by_its_neighbour():
    axis = charts.Axis("x", 0.0, 1.0)
    points = [charts.Point(x, 0.5, href=f"/{x}") for x in (0.1, 0.11, 0.5, 0.9)]
    circles = re.findall(
        r'class="hit" cx="([\d.]+)" cy="[\d.]+" r="([\d.]+)"', charts.lines(axis, axis, [points], label="c")
    )
    edges = [(float(x) - float(r), float(x) + float(r)) for x, r in circles]
    assert all(right <= left + 0.2 for (_, right), (left, _) in pairwise(edges))
    assert [float(r) for _, r in circles][2:] == [11.0, 11.0]
