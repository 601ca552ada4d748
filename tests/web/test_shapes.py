"""Without a browser: which part of a page a crop shows, shares with their intervals, charts, and safe escaping."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from api import charts
from api.web.learn.drift import caught_by_budget, moving_shares
from api.web.learn.figures import interval
from api.web.learn.quality import calibration, frontier, measure, newest, share, thinned
from api.web.setup.policies import policy_of_form
from api.web.setup.types import spec_of_form
from api.web.visitor import Visitor, zone_of
from api.web.work.crops import LARGEST_SHARE, cut, is_crop, place_of
from hitl.workspace.policy import AuditRates, Policy
from models.tables import ModelVersion
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


def test_ticks_are_round_and_within_the_axis():
    assert charts.Axis("x", 0.0, 0.78).ticks() == pytest.approx([0.0, 0.2, 0.4, 0.6])
    assert charts.Axis("x", 0.824, 1.0).ticks() == pytest.approx([0.85, 0.9, 0.95, 1.0])


@given(st.floats(0, 1), st.floats(0.001, 1000))
def test_every_axis_has_some_ticks(low: float, span: float):
    ticks = charts.Axis("x", low, low + span).ticks()
    assert 2 <= len(ticks) <= 7
    assert all(low - 1e-6 * span <= tick <= low + span * (1 + 1e-6) for tick in ticks)


def test_the_curve_keeps_what_no_cheaper_threshold_beats():
    steps = [(0.0, 1.2, 0.99, True), (0.01, 1.3, 0.98, True), (0.02, 1.0, 0.9, False), (0.02, 1.1, 0.95, False)]
    assert [step[2] for step in frontier(sorted(steps))] == [0.99, 0.9]


def test_the_ends_of_a_curve_survive_its_thinning():
    steps = [(n / 100, 2 - n / 100, 0.5, False) for n in range(100)]
    thin = thinned(steps)
    assert len(thin) < 30
    assert (thin[0], thin[-1]) == (steps[0], steps[-1])


def test_of_each_pool_the_newest_certificate_of_the_model_that_serves_is_shown():
    rows = [
        {"document_type": "a", "pool": "*", "updated_at": when, "target": when, "model_version_id": model}
        for when, model in (("2", "serves"), ("4", "shadow"), ("3", "serves"), ("1", "before"))
    ]
    assert [one["target"] for one in newest(rows, ModelVersion(id="serves"))] == ["3"]
    assert [one["target"] for one in newest(rows, None)] == ["4"]


def test_a_grader_that_knows_finds_most_and_weighs_the_rarely_drawn():
    rows = [(0.9, 1.0, 1.0), (0.1, 0.0, 4.0), (0.2, 0.0, 4.0), (0.8, 1.0, 1.0)]
    curve = caught_by_budget(rows)
    assert curve[0] == (0.0, 0.0)
    assert curve[2] == pytest.approx((0.2, 1.0))
    assert curve[-1] == pytest.approx((1.0, 1.0))
    assert caught_by_budget([(0.5, 0.0, 1.0)]) == []


def test_drift_looks_back_on_a_window_of_checks():
    rows = [Row("receipt", "total", i >= 60, i >= 50, 0.9, 1.0) for i in range(100)]
    points = moving_shares(rows)  # type: ignore[arg-type]
    assert points[0] == (50, 0.0, 0.0)
    assert points[-1] == (100, 1.0, 0.8)
    assert moving_shares(rows[:49]) == ()  # type: ignore[arg-type]


def test_an_empty_share_in_the_policy_form_keeps_what_was():
    before = Policy(classification_threshold=0.8, review_budget=0.25, audit_rate=AuditRates(review=0.1, fresh=0.4))
    after = policy_of_form(
        before, {"fixed_threshold": "0", "audit_accept": "20", "audit_elsewhere": "3", "single_operator": "yes"}
    )
    assert (after.classification_threshold, after.review_budget, after.fixed_threshold) == (0.8, 0.25, 0.0)
    assert after.audit_rate == AuditRates(accept=0.2, review=0.1, fresh=0.4, elsewhere=0.03)
    assert after.single_operator


def test_a_click_on_a_point_is_not_taken_by_its_neighbour():
    axis = charts.Axis("x", 0.0, 1.0)
    points = [charts.Point(x, 0.5, href=f"/{x}") for x in (0.1, 0.11, 0.5, 0.9)]
    circles = re.findall(
        r'class="hit" cx="([\d.]+)" cy="[\d.]+" r="([\d.]+)"', charts.lines(axis, axis, [points], label="c")
    )
    edges = [(float(x) - float(r), float(x) + float(r)) for x, r in circles]
    assert all(right <= left + 0.2 for (_, right), (left, _) in pairwise(edges))
    assert [float(r) for _, r in circles][2:] == [11.0, 11.0]


@pytest.mark.parametrize(
    ("cookie", "midnight"),
    [
        ("Asia%2FTokyo", "2026-03-02T15:00:00+00:00"),
        ("America/New_York", "2026-03-02T05:00:00+00:00"),
        ("", "2026-03-02T00:00:00+00:00"),
        ("../../etc/passwd", "2026-03-02T00:00:00+00:00"),
        ("Europe", "2026-03-02T00:00:00+00:00"),
        ("\0", "2026-03-02T00:00:00+00:00"),
    ],
)
def test_a_day_begins_at_the_midnight_of_the_person(cookie: str, midnight: str):
    nobody: Any = None
    who = Visitor(nobody, nobody, datetime(2026, 3, 2, 20, 30, tzinfo=UTC), zone_of(cookie))
    assert who.midnight.astimezone(UTC).isoformat() == midnight
