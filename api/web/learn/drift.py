"""What the quality page watches over time: drift of the machine's error, and what the grader of documents catches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from markupsafe import Markup
from sqlmodel import Session

from extractor.measure import charts
from hitl.grader import sampling as review_sampling
from models.tables import Observation

WINDOW = 50  # checked fields that one point of the drift chart looks back on
POINTS = 60
BUDGETS = (0.1, 0.2, 0.3, 0.5)


@dataclass(frozen=True, slots=True)
class Watched:
    """The alarms of one certificate."""

    document_type: str
    pool: str
    suspended: str | None
    alarms: int
    labelled: int  # fields by which the fast alarm can tell
    disagreement_at: int | None
    audits_raised: bool


@dataclass(frozen=True, slots=True)
class Drift:
    certificates: tuple[Watched, ...]
    chart: Markup | None
    points: tuple[tuple[int, float, float], ...]  # checks so far, machine wrong, released wrong


@dataclass(frozen=True, slots=True)
class Caught:
    """Reviewing this share of documents, this share of what reviewers change is found."""

    budget: float
    caught: float


@dataclass(frozen=True, slots=True)
class GraderShown:
    reviews: int
    chart: Markup | None
    caught: tuple[Caught, ...]
    held_out: int
    lift: dict[str, float]


def drift(observed: Sequence[Observation], certificates: Sequence[dict[str, Any]]) -> Drift:
    """Alarms of the certificates, and the share of wrong values in the latest checks, over time."""
    points = moving_shares(list(reversed(observed)))
    return Drift(tuple(_watched(one) for one in certificates), _drift_chart(points), points)


def _watched(certificate: dict[str, Any]) -> Watched:
    report = certificate.get("report") or {}
    alarms = report.get("drift") or {}
    return Watched(
        certificate["document_type"],
        certificate["pool"],
        certificate["suspended_reason"],
        len(alarms.get("alarms", [])),
        alarms.get("labelled", 0),
        alarms.get("disagreement_at"),
        bool(report.get("audit_raised")),
    )


def moving_shares(observed: Sequence[Observation]) -> tuple[tuple[int, float, float], ...]:
    """(checks so far, machine wrong, released wrong) over the last `WINDOW` checks each; oldest first."""
    if len(observed) < WINDOW:
        return ()
    every = max(1, (len(observed) - WINDOW) // POINTS)
    ends = [*range(WINDOW, len(observed), every), len(observed)]
    return tuple((end, *_shares(observed[end - WINDOW : end])) for end in ends)


def _shares(some: Sequence[Observation]) -> tuple[float, float]:
    total = sum(1 / row.probability for row in some)
    machine = sum(1 / row.probability for row in some if row.machine_wrong)
    released = sum(1 / row.probability for row in some if row.released_wrong)
    return machine / total, released / total


def _drift_chart(points: Sequence[tuple[int, float, float]]) -> Markup | None:
    if len(points) < 2:
        return None
    top = max(0.05, 1.1 * max(max(machine, released) for _, machine, released in points))
    machine = [charts.Point(at, wrong, f"after {at} checks: machine wrong in {wrong:.1%}") for at, wrong, _ in points]
    released = [charts.Point(at, wrong, f"after {at} checks: released wrong in {wrong:.1%}") for at, _, wrong in points]
    return charts.lines(
        charts.Axis("Blind checks so far", points[0][0], points[-1][0]),
        charts.Axis("Wrong", 0.0, top, percent=True),
        [charts.Line(machine), charts.Line(released)],
        label=f"Share wrong in the last {WINDOW} blind checks: the machine (line), what was released (dashed)",
        marks=False,
    )


def grader(session: Session, workspace_id: str) -> GraderShown | None:
    """What the grader in use catches, by the reviews of documents that it scored; None before there is one."""
    row = review_sampling.current(session, workspace_id)
    if row is None:
        return None
    curve = caught_by_budget(review_sampling.scored_reviews(session, workspace_id))
    shares = tuple(Caught(budget, _at(curve, budget)) for budget in BUDGETS) if curve else ()
    lift = {budget: value for budget, value in row.report.get("lift", {}).items() if isinstance(value, float)}
    return GraderShown(row.report["reviews"], _grader_chart(curve), shares, row.report.get("held_out", 0), lift)


def caught_by_budget(rows: Sequence[tuple[float, float, float]]) -> list[tuple[float, float]]:
    """(share of documents reviewed by falling score, share of the changes found); empty where nothing was changed.

    A review counts 1 over the probability of its draw, so that the curve speaks of all documents, not of those picked.
    """
    total = sum(weight for *_, weight in rows)
    found = sum(changed * weight for _, changed, weight in rows)
    if not found:
        return []
    curve, reviewed, caught = [(0.0, 0.0)], 0.0, 0.0
    for _, changed, weight in sorted(rows, reverse=True):
        reviewed, caught = reviewed + weight, caught + changed * weight
        curve.append((reviewed / total, caught / found))
    return curve


def _at(curve: Sequence[tuple[float, float]], budget: float) -> float:
    """The share found at a budget, on the straight line between its neighbours."""
    for (x0, y0), (x1, y1) in pairwise(curve):
        if x0 <= budget <= x1:
            return y0 + (y1 - y0) * (budget - x0) / (x1 - x0)
    return 1.0


def _grader_chart(curve: Sequence[tuple[float, float]]) -> Markup | None:
    if not curve:
        return None
    every = max(1, len(curve) // 30)
    shown = [point for number, point in enumerate(curve) if number % every == 0 or number == len(curve) - 1]
    points = [charts.Point(x, y, f"reviewing {x:.0%} finds {y:.0%}") for x, y in shown]
    return charts.lines(
        charts.Axis("Documents reviewed", 0.0, 1.0, percent=True),
        charts.Axis("Changes found", 0.0, 1.0, percent=True),
        [charts.Line(points)],
        label="What reviewing the documents that the grader puts first finds; dashed: documents drawn at random",
        diagonal=True,
    )
