"""The quality page: released error with its interval, certificates, automation, cost, the curve, calibration."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from api.web.learn import drift
from api.web.rendering import go, render
from api.web.visitor import Manager, Operator, Visitor
from extractor.measure import charts
from hitl.aggregate.equality import TYPE_FIELD
from hitl.certificate import quality
from hitl.certificate.thresholds import error_target
from hitl.people.figures import clopper_pearson
from hitl.platform.locks import ROW
from hitl.settings import settings
from hitl.workspace import registry
from hitl.workspace.policy import Policy, current_policy, save_policy
from hitl.workspace.workspaces import current_type, current_types
from models.states import Role, Route
from models.tables import ModelVersion, Observation, Workspace

router = APIRouter(prefix="/quality")

BINS = 10
DOUBLE_KEYING = 2.0  # answers per field
BLIND_CHECK = 2.05  # answers per blind check: two keyers and now and then a third opinion
REVIEWED = 1.22  # answers per field that goes to people, measured in simulation


@dataclass(frozen=True, slots=True)
class Measured:
    """The released error of one field as blind checks found it, with a 95 % interval."""

    document_type: str
    field: str
    checks: int
    error: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Bin:
    """Of one stretch of confidence: what the machine said and how often it was right."""

    confidence: float
    right: float
    low: float
    high: float
    count: int


@router.get("")
def quality_page(
    request: Request,
    who: Manager,
    document_type: Annotated[str, Query(alias="type", max_length=63)] = "",
    target: Annotated[float | None, Query(gt=0, lt=1)] = None,
) -> Response:
    types = current_types(who.session, who.workspace_id)
    chosen = document_type if document_type in types else ""
    observed = quality.blind_checks(who.session, who.workspace_id, chosen)
    numbers = quality.quality(who.session, who.workspace_id, chosen or None)
    measured = measure(observed)
    bins = calibration(observed)
    workspace = who.session.get_one(Workspace, who.workspace_id)
    certificates = newest(numbers["certificates"], registry.find_serving(who.session, who.workspace_id))
    curves = [_curve(one, _policy(who, one["document_type"])) for one in certificates]
    return render(
        request, who, "learn/quality.html", section="/quality", title="Quality", types=types, chosen=chosen,
        fields=numbers["fields"], certificates=certificates, measured=measured, bins=bins,
        error_chart=_error_chart(measured, types, who), calibration_chart=_calibration_chart(bins),
        curves=[curve for curve in curves if curve], target=target, overall=_overall(observed),
        drift=drift.drift(observed, certificates), grader=drift.grader(who.session, who.workspace_id),
        can_operate=who.is_at_least(Role.OPERATOR),
        totals=totals(numbers["fields"], workspace.settings), money=_cost(workspace.settings),
        single=[name for name in types if _policy(who, name).single_operator],
    )  # fmt: skip


def newest(certificates: Sequence[dict[str, Any]], serving: ModelVersion | None) -> list[dict[str, Any]]:
    """Of each type and pool the certificate in use: that of the serving model, and the one kept up to date.

    Earlier models and policies had their own, and so has the model in the shadow.
    """
    model_id = serving.id if serving else None
    ordered = sorted(certificates, key=lambda one: (one["model_version_id"] == model_id, one["updated_at"]))
    kept = {(one["document_type"], one["pool"]): one for one in ordered}
    return [kept[key] for key in sorted(kept)]


def _overall(observed: Sequence[Observation]) -> tuple[float, float, float] | None:
    """The released error over all fields, with its 95 % interval."""
    if not observed:
        return None
    return share([1 / row.probability for row in observed], [row.released_wrong for row in observed])


def _policy(who: Visitor, document_type: str) -> Policy:
    return current_policy(who.session, who.workspace_id, document_type, now=who.now)[1]


def share(weights: Sequence[float], hits: Sequence[bool]) -> tuple[float, float, float]:
    """A weighted share with its 95 % interval: Clopper-Pearson at the effective number of observations (Kish)."""
    total = sum(weights)
    value = sum(w for w, hit in zip(weights, hits, strict=True) if hit) / total
    effective = total**2 / sum(w * w for w in weights)
    low, high = clopper_pearson(value * effective, (1 - value) * effective)
    return value, low, high


def measure(rows: Iterable[Observation]) -> list[Measured]:
    """Released error by type and field. A blind check counts 1 over the probability of its draw."""
    by_field: dict[tuple[str, str], list[Observation]] = {}
    for row in rows:
        by_field.setdefault((row.document_type, row.field), []).append(row)
    return [
        Measured(*key, len(some), *share([1 / r.probability for r in some], [r.released_wrong for r in some]))
        for key, some in sorted(by_field.items())
    ]


def calibration(rows: Sequence[Observation]) -> list[Bin]:
    """Ten bins of equal count by confidence; fewer when there is little to see."""
    ordered = sorted(rows, key=lambda row: row.score)
    size = max(10, -(-len(ordered) // BINS)) if ordered else 1
    found = []
    for start in range(0, len(ordered), size):
        some = ordered[start : start + size]
        right, low, high = share([1 / r.probability for r in some], [not r.machine_wrong for r in some])
        found.append(Bin(sum(r.score for r in some) / len(some), right, low, high, len(some)))
    return found


def _error_chart(measured: list[Measured], types: dict[str, Any], who: Visitor) -> Any:
    if not measured:
        return None
    rows = [charts.Row(_name(one), one.error, one.low, one.high, _target(one, types, who)) for one in measured]
    top = min(1.0, max([row.high for row in rows] + [row.target or 0 for row in rows]) * 1.1)
    axis = charts.Axis("Released error", 0.0, max(top, 0.02), percent=True)
    return charts.whiskers(axis, rows, label="Released error by field with its 95 % interval; dashed: the target")


def _name(one: Measured) -> str:
    return f"{one.document_type}: {one.field}".replace("_", " ")


def _target(one: Measured, types: dict[str, Any], who: Visitor) -> float | None:
    if one.document_type not in types:
        return None
    return error_target(_policy(who, one.document_type), types[one.document_type][1], one.field)


def _calibration_chart(bins: list[Bin]) -> Any:
    if not bins:
        return None
    points = [
        charts.Point(b.confidence, b.right, f"said {b.confidence:.1%}, right {b.right:.1%} of {b.count}") for b in bins
    ]
    low = min(0.95, *(min(b.confidence, b.right) for b in bins))
    axes = (
        charts.Axis("Confidence of the machine", low, 1.0, percent=True),
        charts.Axis("Right", low, 1.0, percent=True),
    )
    return charts.lines(
        *axes, [charts.Line(points)], label="How often the machine is right, by its confidence", diagonal=True
    )


def _curve(certificate: dict[str, Any], policy: Policy) -> dict[str, Any] | None:
    """Released error against answers per field, from the certificate's own curve; a click picks the target."""
    steps = [step for step in (certificate.get("report") or {}).get("curve", []) if step[2] is not None]
    share = 1.0 if settings().certify_newer else settings().certify_share
    rates = (policy.audit_probability(Route.ACCEPT, certifying=certifying) for certifying in (True, False))
    checks = BLIND_CHECK * sum(part * rate for part, rate in zip((share, 1 - share), rates, strict=True))
    found = {
        (float(error), REVIEWED * (1 - accepted) + checks * accepted, float(threshold), bool(certified))
        for threshold, accepted, error, certified in steps
    }
    points = thinned(frontier(sorted(found)))
    if len(points) < 2:
        return None
    name = certificate["document_type"]
    top = max(point[0] for point in points) or 0.01
    marks = [
        charts.Point(
            error,
            cost,
            f"error {error:.2%}, {cost:.2f} answers a field, threshold {threshold:.3f}",
            f"/quality?type={name}&target={max(error, 0.001):.4f}#target",
        )
        for error, cost, threshold, _ in points
    ]
    chart = charts.lines(
        charts.Axis("Estimated released error", 0.0, top, percent=True),
        charts.Axis("Human answers a field", 0.0, DOUBLE_KEYING),
        [charts.Line(marks)], label=f"Cost against error, {name}", x_mark=certificate["target"],
    )  # fmt: skip
    return {
        "name": name,
        "pool": certificate["pool"],
        "chart": chart,
        "points": points,
        "target": certificate["target"],
    }


Step = tuple[float, float, float, bool]  # error, answers a field, threshold, certified


def frontier(steps: Sequence[Step]) -> list[Step]:
    """Of steps by rising error those that no cheaper one with less error makes pointless."""
    kept: list[Step] = []
    for step in steps:
        if not kept or step[1] < kept[-1][1]:
            kept.append(step)
    return kept


def thinned(steps: Sequence[Step], most: int = 24) -> list[Step]:
    """About `most` of them, the last among them."""
    every = max(1, len(steps) // most)
    return [step for number, step in enumerate(steps) if number % every == 0 or number == len(steps) - 1]


def _cost(settings: dict[str, Any]) -> dict[str, Any]:
    """What an hour of keying costs; 0 until somebody said so."""
    given: dict[str, Any] = settings.get("cost", {})
    return {"hourly": 0, "currency": "EUR"} | given


def totals(fields: list[dict[str, Any]], settings: dict[str, Any]) -> dict[str, Any]:
    """Over all released fields: automation, answers and seconds a field, and money against double keying.

    The document types are no fields: they are counted apart. Their answers are part of what a field costs.
    """
    of_fields = [one for one in fields if one["field"] != TYPE_FIELD]
    of_types = [one for one in fields if one["field"] == TYPE_FIELD]
    decisions = sum(one["decisions"] for one in of_fields)
    if not decisions:
        return {"decisions": 0}

    def total(name: str, rows: list[dict[str, Any]]) -> float:
        return float(sum(one[name] * one["decisions"] for one in rows))

    answers = total("answers_per_decision", fields) / decisions
    seconds = total("seconds_per_decision", fields) / decisions
    types = sum(one["decisions"] for one in of_types)
    hourly = float(_cost(settings)["hourly"])
    per_answer = seconds / answers if answers else 0.0
    return {
        "decisions": decisions, "automation": total("accepted_share", of_fields) / decisions,
        "types": types, "types_automation": total("accepted_share", of_types) / types if types else None,
        "answers": answers, "seconds": seconds,
        "money": seconds * hourly / 3600, "double": per_answer * DOUBLE_KEYING * hourly / 3600,
        "saved": 1 - answers / DOUBLE_KEYING,
    }  # fmt: skip


@router.post("/target")
def pick_target(
    who: Operator, document_type: Annotated[str, Form()], target: Annotated[float, Form(gt=0, lt=100)]
) -> Response:
    """The chosen point of the curve becomes the type's error target, as a new policy version."""
    current_type(who.session, who.workspace_id, document_type)
    policy = _policy(who, document_type).model_copy(update={"error_target": target / 100})
    save_policy(who.session, who.workspace_id, document_type, policy, actor=who.actor, now=who.now)
    return go(f"/quality?type={document_type}", "saved")


@router.post("/cost")
def keep_cost(
    who: Operator, hourly: Annotated[float, Form(ge=0, le=10_000)], currency: Annotated[str, Form(max_length=3)] = "EUR"
) -> Response:
    workspace = who.session.get_one(Workspace, who.workspace_id, with_for_update=ROW)
    workspace.settings = workspace.settings | {"cost": {"hourly": hourly, "currency": currency.strip().upper()}}
    who.session.add(workspace)
    return go("/quality", "saved")
