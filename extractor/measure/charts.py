"""Charts as SVG: reliability diagram and risk-coverage curve. The numbers stand in the picture as text for readers."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from extractor.measure.axes import Axes
from extractor.measure.measures import Bin, Coverage

WIDTH, HEIGHT, MARGIN = 420, 320, 48
AXES = Axes(WIDTH, HEIGHT, MARGIN)
INK, LINE, MUTED = "#1d2733", "#0b6bcb", "#9aa7b4"


def reliability_svg(bars: Sequence[Bin], title: str) -> str:
    """Mean confidence against accuracy, one dot a bin of equal mass; on the diagonal the confidence is honest."""
    dots = "".join(
        f'<circle cx="{AXES.x(b.confidence):.1f}" cy="{AXES.y(b.accuracy):.1f}" r="5" fill="{LINE}">'
        f"<title>{b.count} values: confidence {b.confidence:.3f}, right {b.accuracy:.3f}</title></circle>"
        for b in bars
    )
    path = " ".join(f"{AXES.x(b.confidence):.1f},{AXES.y(b.accuracy):.1f}" for b in bars)
    corners = f"M{AXES.x(0)} {AXES.y(0)}L{AXES.x(1)} {AXES.y(1)}"
    diagonal = f'<path d="{corners}" stroke="{MUTED}" stroke-dasharray="4 4" fill="none"/>'
    line = f'<polyline points="{path}" fill="none" stroke="{LINE}"/>'
    return _frame(title, "confidence", "share right", 1.0, diagonal + line + dots)


def risk_coverage_svg(points: Sequence[Coverage], title: str, targets: Sequence[float] = (0.01, 0.02, 0.05)) -> str:
    """Error among the accepted against the share accepted, with the error targets as dashed lines."""
    top = max([p.error for p in points] + [*targets, 0.01]) * 1.1
    path = " ".join(f"{AXES.x(p.accepted):.1f},{AXES.y(p.error / top):.1f}" for p in points)
    dashes = "".join(
        f'<path d="M{AXES.x(0)} {AXES.y(t / top):.1f}H{AXES.x(1)}" stroke="{MUTED}" stroke-dasharray="4 4"/>'
        f'<text x="{AXES.x(1) + 4}" y="{AXES.y(t / top) + 4:.1f}" font-size="10" fill="{INK}">{t:.0%}</text>'
        for t in targets
    )
    line = f'<polyline points="{path}" fill="none" stroke="{LINE}" stroke-width="2"/>'
    return _frame(title, "share accepted", "error among accepted", top, dashes + line)


def _frame(title: str, across: str, up: str, top: float, inside: str) -> str:
    ticks = "".join(
        f'<text x="{AXES.x(v):.1f}" y="{AXES.y(0) + 16}" text-anchor="middle">{v:.0%}</text>'
        f'<text x="{AXES.x(0) - 6}" y="{AXES.y(v) + 4:.1f}" text-anchor="end">{_percent(v * top)}</text>'
        for v in (0, 0.25, 0.5, 0.75, 1)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="sans-serif">'
        f"<title>{escape(title)}</title>"
        f'<text x="{WIDTH / 2}" y="20" text-anchor="middle" font-size="14" fill="{INK}">{escape(title)}</text>'
        f'<path d="M{AXES.x(0)} {AXES.y(1)}V{AXES.y(0)}H{AXES.x(1)}" stroke="{INK}" fill="none"/>'
        f'<g font-size="10" fill="{INK}">{ticks}'
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 8}" text-anchor="middle">{escape(across)}</text>'
        f'<text x="12" y="{HEIGHT / 2}" transform="rotate(-90 12 {HEIGHT / 2})" text-anchor="middle">'
        f"{escape(up)}</text>"
        f"</g>{inside}</svg>\n"
    )


def _percent(value: float) -> str:
    return f"{value:.0%}" if value >= 0.1 or value == 0 else f"{value:.1%}"
