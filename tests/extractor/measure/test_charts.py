"""Charts are well-formed SVG that carries its numbers."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np

from extractor.measure import measures
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
        assert all(f">{t}</text>" in text for t in ("1%", "2%", "5%"))
