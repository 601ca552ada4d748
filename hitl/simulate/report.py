"""From traces to figures: per window of documents and policy, the mean over seeds with an interval; CSV, JSON, SVG."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from extractor.measure.axes import Axes
from hitl.simulate.desk import Spent
from hitl.simulate.replay import Trace

Floats = NDArray[np.float64]

WIDTH, HEIGHT, MARGIN = 640, 320, 56
AXES = Axes(WIDTH, HEIGHT, MARGIN)
COLOURS = ("#0b6bcb", "#c2410c", "#15803d", "#7c3aed", "#475569", "#be185d")


@dataclass(frozen=True)
class Point:
    """One policy in one window of documents: means over the seeds, with 95 % intervals of the mean."""

    policy: str
    first: int
    last: int
    error: float  # released wrong, a field
    error_low: float
    error_high: float
    answers: float  # a field, audits and all
    answers_low: float
    answers_high: float
    seconds: float  # a field
    automation: float  # share of fields accepted without people
    reviews: float  # a field, of level 2
    threshold: float | None  # median over seeds that had one
    certified: float  # share of seeds that had one


def points(policy: str, traces: Sequence[Trace], window: int) -> list[Point]:
    """One point a window; the last may be shorter."""
    length = len(traces[0].documents)
    return [
        _point(policy, [trace.documents[at : at + window] for trace in traces], at, min(at + window, length))
        for at in range(0, length, window)
    ]


def overall(policy: str, traces: Sequence[Trace]) -> Point:
    """The whole stream as one window."""
    return points(policy, traces, len(traces[0].documents))[0]


def _point(policy: str, seeds: Sequence[Sequence[Spent]], first: int, last: int) -> Point:
    fields = np.array([sum(s.fields for s in some) for some in seeds], dtype=float)

    def per_field(name: str) -> Floats:
        found: Floats = np.array([sum(getattr(s, name) for s in some) for some in seeds], dtype=float) / fields
        return found

    error, answers = per_field("wrong"), per_field("answers")
    held = [some[-1].threshold for some in seeds if some[-1].threshold is not None]
    return Point(
        policy, first, last, *_interval(error), *_interval(answers), float(per_field("seconds").mean()),
        float(per_field("accepted").mean()), float(per_field("reviews").mean()),
        float(np.median(held)) if held else None, len(held) / len(seeds),
    )  # fmt: skip


def _interval(values: Floats) -> tuple[float, float, float]:
    mean = float(values.mean())
    half = 1.96 * float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return mean, max(mean - half, 0.0), mean + half


def write(folder: Path, series: Sequence[Point], totals: Sequence[Point], about: Mapping[str, Any]) -> None:
    """series.csv, summary.json and two charts."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "series.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, fieldnames=list(asdict(series[0])))
        table.writeheader()
        table.writerows(asdict(point) for point in series)
    summary = dict(about) | {"totals": [asdict(p) for p in totals], "series": [asdict(p) for p in series]}
    (folder / "summary.json").write_text(json.dumps(summary, indent=1), encoding="utf-8")
    target = about.get("target")
    (folder / "error.svg").write_text(
        chart(series, "error", "Released error by documents seen", target), encoding="utf-8"
    )
    (folder / "answers.svg").write_text(
        chart(series, "answers", "Answers per field by documents seen", None), encoding="utf-8"
    )


def chart(series: Sequence[Point], name: str, title: str, line: float | None) -> str:
    """One line a policy over the documents, the interval as a band where there is one."""
    names = list(dict.fromkeys(point.policy for point in series))
    right = max(point.last for point in series)
    highs = [getattr(point, f"{name}_high", getattr(point, name)) for point in series]
    top = max([*highs, line or 0.0, 1e-6]) * 1.08
    drawn = "".join(
        _curve([p for p in series if p.policy == policy], name, COLOURS[i % len(COLOURS)], right, top, i)
        for i, policy in enumerate(names)
    )
    if line is not None:
        y = AXES.y(line / top)
        drawn += f'<path d="M{MARGIN} {y:.1f}H{WIDTH - MARGIN}" stroke="#1d2733" stroke-dasharray="4 4"/>'
    ticks = "".join(
        f'<text x="{AXES.x(v):.1f}" y="{HEIGHT - MARGIN + 16}" text-anchor="middle">{round(v * right)}</text>'
        f'<text x="{MARGIN - 6}" y="{AXES.y(v) + 4:.1f}" text-anchor="end">{_number(v * top)}</text>'
        for v in (0, 0.25, 0.5, 0.75, 1)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT + 20 * len(names)}" role="img" '
        f'font-family="sans-serif" font-size="11"><title>{escape(title)}</title>'
        f'<text x="{WIDTH / 2}" y="20" text-anchor="middle" font-size="14">{escape(title)}</text>'
        f'<path d="M{MARGIN} {AXES.y(1):.1f}V{AXES.y(0):.1f}H{WIDTH - MARGIN}" stroke="#1d2733" fill="none"/>'
        f"{ticks}{drawn}</svg>\n"
    )


def _curve(points_: Sequence[Point], name: str, colour: str, right: int, top: float, row: int) -> str:
    def at(values: Sequence[float]) -> list[str]:
        return [f"{AXES.x(p.last / right):.1f},{AXES.y(v / top):.1f}" for p, v in zip(points_, values, strict=True)]

    mean = at([getattr(p, name) for p in points_])
    band = at([getattr(p, f"{name}_high") for p in points_]) + at([getattr(p, f"{name}_low") for p in points_])[::-1]
    y = HEIGHT + 20 * row
    return (
        f'<polygon points="{" ".join(band)}" fill="{colour}" opacity="0.15"/>'
        f'<polyline points="{" ".join(mean)}" fill="none" stroke="{colour}" stroke-width="2"/>'
        f'<rect x="{MARGIN}" y="{y}" width="12" height="12" fill="{colour}"/>'
        f'<text x="{MARGIN + 20}" y="{y + 10}">{escape(points_[0].policy)}</text>'
    )


def _number(value: float) -> str:
    return f"{value:.2f}" if value >= 0.1 or value == 0 else f"{value:.3f}"
