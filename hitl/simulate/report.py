"""From traces to figures: per window of documents and policy, the mean over seeds with an interval; CSV, JSON, SVG."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from extractor.measure import charts
from hitl.simulate.desk import Spent
from hitl.simulate.replay import Trace

Floats = NDArray[np.float64]


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
    error = chart(series, "error", "Released error by documents seen", about.get("target"))
    answers = chart(series, "answers", "Answers per field by documents seen", None)
    (folder / "error.svg").write_text(error, encoding="utf-8")
    (folder / "answers.svg").write_text(answers, encoding="utf-8")


def chart(series: Sequence[Point], name: str, title: str, target: float | None) -> str:
    """One line a policy over the documents, with its interval as a band."""
    low, high = f"{name}_low", f"{name}_high"
    top = max([*(getattr(point, high) for point in series), target or 0.0, 1e-6]) * 1.08
    shown = [
        charts.Line(
            [charts.Point(p.last, getattr(p, name)) for p in series if p.policy == policy],
            policy,
            [(p.last, getattr(p, low), getattr(p, high)) for p in series if p.policy == policy],
        )
        for policy in dict.fromkeys(point.policy for point in series)
    ]
    across = charts.Axis("Documents seen", 0.0, max(point.last for point in series))
    marks = [] if target is None else [target]
    up = charts.Axis(name.capitalize() + " a field", 0.0, top)
    return charts.lines(across, up, shown, label=title, y_marks=marks, marks=False, title=title)
