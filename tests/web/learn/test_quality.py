"""Figures of the quality page: shares with their intervals, calibration, the cost curve, the certificate shown."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from sqlmodel import Session

from api.web.learn.quality import calibration, frontier, measure, newest, share, thinned, totals
from hitl.aggregate.equality import TYPE_FIELD
from hitl.certificate.quality import quality
from hitl.people.figures import interval
from models.tables import ModelVersion, Workspace
from tests import factories


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


def test_fields_are_counted_as_fields_and_document_types_apart(session: Session, workspace: Workspace):
    for route in ("accept", "review"):
        document = factories.create_document(session, workspace, state="released")
        factories.create_verdict(session, document, TYPE_FIELD, route="accept", state="final")
        for field in ("vendor", "date"):
            factories.create_verdict(session, document, field, route="review", state="final")
        factories.create_verdict(session, document, "total", route=route, state="final")
    shown = totals(quality(session, workspace.id)["fields"], {})
    assert (shown["decisions"], shown["automation"]) == (6, pytest.approx(1 / 6))
    assert (shown["types"], shown["types_automation"]) == (2, 1.0)
