"""Routing: each rule on its own, thresholds by where they come from, and what is stored."""

from __future__ import annotations

import pytest
from sqlmodel import Session, select

from extractor.checks import Failure
from hitl.certificate.thresholds import error_target, pick_threshold
from hitl.routing.route import route, route_type
from hitl.routing.rules import Claim, Context, reasons_for
from hitl.routing.sampling import draw_audits
from hitl.workspace.policy import AuditRates, FieldPolicy, Policy, current_policy
from models.doctype import DocumentType, FieldSpec, Kind
from models.states import Route
from models.tables import Audit, Certificate, Document, Event, Verdict, Workspace
from models.values import ValueState
from tests import factories
from tests.hitl.crowd import create_read_document, set_policy, start, verdict

TOTAL = FieldSpec(name="total", kind=Kind.MONEY)
NOTE = FieldSpec(name="note", kind=Kind.LINE, required=False)


def context(spec: FieldSpec = TOTAL, policy: Policy | None = None, threshold: float | None = 0.9, **more) -> Context:
    source = "certificate" if threshold is not None else "warm-up"
    return Context(spec, policy or Policy(), threshold, more.pop("source", source), **more)


def found(confidence: float = 0.95) -> Claim:
    return Claim(ValueState.FOUND, "12.50", confidence)


@pytest.mark.parametrize(
    ("claim", "where", "fired"),
    [
        (found(), context(), []),
        (found(0.9), context(), []),
        (found(0.89), context(), ["below_threshold"]),
        (found(), context(threshold=None), ["warm-up"]),
        (found(), context(threshold=None, source="suspended"), ["suspended"]),
        (Claim(ValueState.NOT_FOUND), context(), ["not_found", "below_threshold"]),
        (Claim(ValueState.NOT_FOUND, confidence=0.99), context(NOTE), ["not_found"]),
        (Claim(ValueState.ABSENT, confidence=0.99), context(), ["required_but_missing"]),
        (Claim(ValueState.ABSENT, confidence=0.99), context(NOTE), []),
        (found(), context(failures=(Failure("sum", ("net", "total")),)), ["failed_check"]),
        (found(), context(policy=Policy(fields={"total": FieldPolicy(always_review=True)})), ["always_review"]),
        (Claim(ValueState.NOT_FOUND), context(has_model=False), ["no_model", "not_found", "below_threshold"]),
    ],
)
def test_rules_and_all_their_reasons(claim: Claim, where: Context, fired: list[str]):
    assert [reason.rule for reason in reasons_for(claim, where)] == fired


def test_failed_checks_can_be_left_to_the_client():
    policy = Policy(failed_checks_reviewed=False)
    assert reasons_for(found(), context(policy=policy, failures=(Failure("sum", ("total",)),))) == ()


def certificate(pool: str, threshold: float | None, suspended: str | None = None) -> Certificate:
    return Certificate(
        workspace_id="ws", document_type="receipt", pool=pool, target=0.02, delta=0.05,
        threshold=threshold, suspended_reason=suspended, updated_at=factories.NOW,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "held", "expected"),
    [
        (Policy(), [], (None, "warm-up")),
        (Policy(), [certificate("*", 0.8)], (0.8, "certificate")),
        (Policy(), [certificate("total", 0.7), certificate("*", 0.8)], (0.7, "certificate")),
        (Policy(), [certificate("date", 0.7)], (None, "warm-up")),
        (Policy(), [certificate("total", None), certificate("*", 0.8)], (None, "warm-up")),
        (Policy(), [certificate("*", 0.8, "drift")], (None, "suspended")),
        (Policy(threshold_mode="fixed", fixed_threshold=0.6), [certificate("*", 0.8)], (0.6, "fixed")),
        (Policy(single_operator=True), [], (0.95, "fixed")),
        (Policy(threshold_mode="fixed", fields={"total": FieldPolicy(threshold=0.3)}), [], (0.3, "fixed")),
    ],
)
def test_where_the_threshold_comes_from(policy, held, expected):
    assert pick_threshold("total", policy, held) == expected


def test_the_nearest_error_target_wins():
    fields = (FieldSpec(name="total", kind=Kind.MONEY, error_target=0.01), FieldSpec(name="date", kind=Kind.DATE))
    spec = DocumentType(name="receipt", label="Receipt", fields=fields, error_target=0.05)
    assert error_target(Policy(fields={"total": FieldPolicy(error_target=0.003)}), spec, "total") == 0.003
    assert error_target(Policy(error_target=0.03), spec, "total") == 0.01
    assert error_target(Policy(error_target=0.03), spec, "date") == 0.03
    assert error_target(Policy(), spec, "date") == 0.05


def test_a_certificate_in_the_database_lets_sure_values_pass(session: Session, workspace: Workspace):
    set_policy(session, workspace)
    policy, _ = current_policy(session, workspace.id, "receipt", now=factories.NOW)
    held = certificate("*", 0.85)
    held.workspace_id, held.policy_version_id = workspace.id, policy.id
    session.add(held)
    document = create_read_document(
        session, workspace, {"vendor": ("ACME", 0.9), "date": ("2026-01-31", 0.8), "total": ("12.50", 0.86)}
    )
    start(session, document)
    assert {name: verdict(session, document, name).route for name in ("vendor", "date", "total")} == {
        "vendor": "accept",
        "date": "review",
        "total": "accept",
    }
    stored = verdict(session, document, "date")
    assert stored.threshold == 0.85
    assert stored.reasons == [
        {
            "rule": "below_threshold",
            "text": "The machine is not sure enough.",
            "numbers": {"confidence": 0.8, "threshold": 0.85},
        }
    ]
    assert document.policy_version_id == policy.id


def test_routing_twice_gives_the_same_verdicts_and_draws_once(session: Session, workspace: Workspace):
    set_policy(session, workspace, audit_rate=AuditRates(accept=1, review=1, elsewhere=1))
    document = create_read_document(session, workspace)
    for _ in range(2):
        _, draw = route_type(session, document, now=factories.NOW)
        draw_audits(session, document, draw, now=factories.NOW)
        draw_audits(session, document, route(session, document, now=factories.NOW), now=factories.NOW)
    assert len(session.exec(select(Verdict).where(Verdict.document_id == document.id)).all()) == 4
    assert len(session.exec(select(Audit)).all()) == 3
    routed = session.exec(select(Event).where(Event.action == "document.routed")).all()
    assert len(routed) == 2


def test_fields_without_a_reading_go_to_people(session: Session, workspace: Workspace):
    set_policy(session, workspace, threshold_mode="fixed", fixed_threshold=0.5)
    document = create_read_document(session, workspace, {"total": ("12.50", 0.9)})
    start(session, document)
    assert verdict(session, document, "total").route == Route.ACCEPT
    assert [reason["rule"] for reason in verdict(session, document, "date").reasons] == ["not_found", "below_threshold"]


def test_a_document_without_a_type_cannot_be_routed(session: Session, workspace: Workspace):
    document: Document = factories.create_document(session, workspace, document_type=None)
    with pytest.raises(ValueError, match="route_type"):
        route(session, document, now=factories.NOW)
