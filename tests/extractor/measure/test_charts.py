"""Charts are well-formed SVG that carries its numbers, escapes its words, and can be clicked where points are links."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.measure import charts, measures
from extractor.measure.charts import reliability_svg, risk_coverage_svg

CONFIDENCE = np.linspace(0.1, 0.99, 40)
RIGHT = np.arange(40) % 4 != 0


def test_reliability_has_a_dot_with_numbers_for_each_bin() -> None:
    root = ET.fromstring(reliability_svg(measures.bins(CONFIDENCE, RIGHT), "a <b> & c"))
    dots = [node for node in root.iter() if node.tag.endswith("circle")]
    assert len(dots) == measures.BINS
    assert "4 values: confidence" in (dots[0][0].text or "")
    assert root[0].text == "a <b> & c"


def test_risk_coverage_shows_the_targets_even_without_points() -> None:
    for points in ([], measures.curve(CONFIDENCE, RIGHT)):
        text = risk_coverage_svg(points, "risk")
        ET.fromstring(text)
        assert all(re.search(rf">{target}(\.0)? %</text>", text) for target in (1, 2, 5))


def test_a_file_has_its_colours_and_a_legend_and_a_chart_of_a_page_has_neither():
    series = [
        charts.Line([charts.Point(0, number), charts.Point(1, 1)], f"<{number}>", [(0, 0, 1), (1, 0.5, 1)])
        for number in range(3)
    ]
    axis = charts.Axis("x", 0.0, 1.0)
    root = ET.fromstring(charts.lines(axis, axis, series, label="l", y_marks=[0.5], marks=False, title="t"))
    tags = [node.tag.rpartition("}")[2] for node in root.iter()]
    assert (tags.count("polygon"), tags.count("polyline"), tags.count("style")) == (3, 3, 1)
    said = [node.text for node in root.iter() if node.tag.endswith("}text")]
    assert [text for text in said if text in ("<0>", "<1>", "<2>")] == ["<0>", "<1>", "<2>"]
    colours = re.findall(
        r"\.line(?:\.\w+)?{stroke:(#\w+)}", next(n.text for n in root.iter() if n.text and "{" in n.text)
    )
    assert colours == list(charts.COLOURS)
    assert "<style>" not in charts.lines(axis, axis, series[:1], label="l")


def test_charts_escape_what_they_show():
    row = charts.Row("<script>", 0.01, 0.0, 0.02, 0.02)
    svg = charts.whiskers(charts.Axis("Error", 0.0, 0.1, percent=True), [row], label='"><script>')
    assert "<script>" not in svg
    assert "&lt;script&gt;" in svg


def test_points_can_be_links():
    axis = charts.Axis("x", 0.0, 1.0)
    svg = charts.lines(axis, axis, [charts.Line([charts.Point(0.5, 0.5, "half", "/quality?a=1&b=2")])], label="curve")
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
        r'class="hit" cx="([\d.]+)" cy="[\d.]+" r="([\d.]+)"',
        charts.lines(axis, axis, [charts.Line(points)], label="c"),
    )
    edges = [(float(x) - float(r), float(x) + float(r)) for x, r in circles]
    assert all(right <= left + 0.2 for (_, right), (left, _) in pairwise(edges))
    assert [float(r) for _, r in circles][2:] == [11.0, 11.0]
