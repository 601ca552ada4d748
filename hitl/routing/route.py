"""Routing: which readings are accepted, which go to people, and why. A rule is a pure function and a line in RULES.

Every rule is asked and every reason is kept with its numbers, so that a route can be replayed from the stored row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlmodel import Session, select

from extractor.checks import Failure, find_failures
from hitl.aggregate.equality import TYPE_FIELD
from hitl.annotation import audit
from hitl.certificate.eprocess import largest_loss
from hitl.platform.moves import record
from hitl.settings import settings
from hitl.workspace.policy import ANY_TYPE, Policy, current_policy
from models.doctype import DocumentType, FieldSpec, Kind
from models.states import Fold, Route, VerdictState
from models.tables import (
    Certificate,
    Document,
    DocumentTypeVersion,
    FieldReading,
    ModelVersion,
    PolicyVersion,
    Verdict,
)
from models.values import ValueState

UNKNOWN = "unknown"
NEVER = datetime.max.replace(tzinfo=UTC)
UNCERTIFIED = ("warm-up", "suspended")  # sources of a threshold that is not there


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a reading goes to people: the rule, a sentence, and the numbers it saw."""

    rule: str
    text: str
    numbers: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Claim:
    """What the machine says of one field; what it did not say at all is `not_found` with confidence 0."""

    state: ValueState
    value: Any = None
    confidence: float = 0.0
    reading_id: str | None = None
    page: int | None = None
    box: list[float] | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """All that a rule may look at beside the claim."""

    spec: FieldSpec
    policy: Policy
    threshold: float | None  # None: nothing is certified yet
    threshold_source: str  # certificate | fixed | warm-up | suspended
    failures: tuple[Failure, ...] = ()
    has_model: bool = True


Rule = Callable[[Claim, Context], Reason | None]


def below_threshold(claim: Claim, context: Context) -> Reason | None:
    """The confidence does not reach the threshold in force, or there is none yet."""
    if context.threshold is None:
        text = "No threshold is certified yet, so people check every value."
        if context.threshold_source == "suspended":
            text = "The certificate is suspended after an alarm, so people check every value."
        return Reason(context.threshold_source, text, {"confidence": claim.confidence})
    if claim.confidence >= context.threshold:
        return None
    numbers = {"confidence": claim.confidence, "threshold": context.threshold}
    return Reason("below_threshold", "The machine is not sure enough.", numbers)


def not_found(claim: Claim, context: Context) -> Reason | None:
    """The machine found no value: its silence is never accepted as absence."""
    if claim.state is not ValueState.NOT_FOUND:
        return None
    text = "A required value was not found." if context.spec.required else "No value was found."
    return Reason("not_found", text, {"required": context.spec.required})


def required_but_missing(claim: Claim, context: Context) -> Reason | None:
    """A required field is said to be absent, empty or illegible."""
    missing = claim.state in (ValueState.ABSENT, ValueState.EMPTY, ValueState.ILLEGIBLE)
    if not (missing and context.spec.required and context.policy.required_fields_reviewed):
        return None
    return Reason("required_but_missing", f"The value is required and the machine says it is {claim.state.value}.")


def failed_check(_claim: Claim, context: Context) -> Reason | None:
    """A business rule over this value fails: a checksum, a sum, the order of dates."""
    if not (context.failures and context.policy.failed_checks_reviewed):
        return None
    broken = [{"rule": failure.rule, "fields": list(failure.fields)} for failure in context.failures]
    return Reason("failed_check", "; ".join(str(failure) for failure in context.failures), {"checks": broken})


def no_model(_claim: Claim, context: Context) -> Reason | None:
    """The type is new: no model has learnt it."""
    return None if context.has_model else Reason("no_model", "No model has learnt this document type yet.")


def always_review(_claim: Claim, context: Context) -> Reason | None:
    """The policy sends this field to people, whatever the machine says."""
    if not context.policy.field(context.spec.name).always_review:
        return None
    return Reason("always_review", "The policy has people check this field always.")


RULES: tuple[Rule, ...] = (no_model, not_found, required_but_missing, below_threshold, failed_check, always_review)


def reasons_for(claim: Claim, context: Context) -> tuple[Reason, ...]:
    """Every reason to ask people; none means accept."""
    return tuple(reason for rule in RULES if (reason := rule(claim, context)))


def error_target(policy: Policy, spec: DocumentType, name: str) -> float:
    """The target of one field: its policy, else its specification, else the type's policy, else the type's."""
    declared = next((f.error_target for f in spec.fields if f.name == name), None)
    return policy.field(name).error_target or declared or policy.error_target or spec.error_target


def threshold_for(
    session: Session, *, workspace_id: str, document_type: str, field: str, policy: PolicyVersion, model_id: str | None
) -> tuple[float | None, str]:
    """The threshold in force for a field, and where it comes from: fixed, certificate, suspended or warm-up."""
    held = certificates(session, workspace_id, document_type, policy, model_id)
    return pick_threshold(field, Policy.model_validate(policy.policy), held)


def certificates(
    session: Session, workspace_id: str, document_type: str, policy: PolicyVersion, model_id: str | None
) -> list[Certificate]:
    """The certificates of one model under one policy; those of single fields before the pools."""
    rows = session.exec(
        select(Certificate).where(
            Certificate.workspace_id == workspace_id,
            Certificate.document_type == document_type,
            Certificate.model_version_id == model_id,
            Certificate.policy_version_id == policy.id,
        )
    ).all()
    return sorted(rows, key=lambda row: row.pool == "*")


def pick_threshold(field: str, policy: Policy, held: Sequence[Certificate]) -> tuple[float | None, str]:
    """A fixed threshold if the policy sets one, else the certified one of the field or its pool, else none yet."""
    if policy.threshold_mode == "fixed" or policy.single_operator:
        own = policy.field(field).threshold
        return (policy.fixed_threshold if own is None else own), "fixed"
    certificate = next((row for row in held if row.pool in (field, "*")), None)  # the field's own comes first
    if certificate is None:
        return None, "warm-up"
    if certificate.suspended_reason:
        return None, "suspended"
    return certificate.threshold, "warm-up" if certificate.threshold is None else "certificate"


def route_type(session: Session, document: Document, *, now: datetime) -> Verdict:
    """The verdict on the document's class: given by the client, sure enough, or for people. Idempotent per run."""
    if held := _verdict(session, document, TYPE_FIELD):
        return held
    version, policy = current_policy(session, document.workspace_id, ANY_TYPE, now=now)
    confidence, named = document.document_type_confidence or 0.0, document.document_type
    is_given = document.requested_type is not None
    reasons: list[Reason] = []
    if not is_given and named in (None, UNKNOWN):
        reasons.append(Reason("unknown_type", "The machine does not know this kind of document."))
    elif not is_given and confidence < policy.classification_threshold:
        numbers = {"confidence": confidence, "threshold": policy.classification_threshold}
        reasons.append(Reason("below_threshold", "The machine is not sure of the document type.", numbers))
    value = document.requested_type or (None if named == UNKNOWN else named)
    claim = Claim(ValueState.FOUND if value else ValueState.NOT_FOUND, value, 1.0 if is_given else confidence)
    verdict = _open_verdict(
        session, document, TYPE_FIELD, Kind.CHOICE, claim, reasons, policy.classification_threshold, now
    )
    if is_given:
        verdict.decided_by = "client"
    else:
        certifying = is_evidence(session, document)
        is_warm_up, at_least = _draw_of_type(session, document, now) if certifying else (False, 0.0)
        warm_up = {TYPE_FIELD} if is_warm_up else set()
        audit.draw(
            session, document, [verdict], policy, warm_up=warm_up, at_least=at_least, certifying=certifying, now=now
        )
    _record(session, document, [verdict], version.id, now)
    return verdict


def route(session: Session, document: Document, *, now: datetime) -> list[Verdict]:
    """One verdict a field of the document's type: accepted by the machine, or pending for people. Idempotent per run.

    Pins the policy version on the document. Every field is drawn for audit before it is known where it goes.
    """
    held = _verdicts(session, document)
    if any(verdict.field != TYPE_FIELD for verdict in held):
        return held
    version = session.get(DocumentTypeVersion, document.type_version_id) if document.type_version_id else None
    if version is None or document.document_type is None:
        raise ValueError(f"document {document.id} has no type yet; route_type comes first")
    spec = DocumentType.model_validate(version.spec)
    policy_row, policy = current_policy(session, document.workspace_id, spec.name, now=now)
    document.policy_version_id = policy_row.id
    session.add(document)
    readings = _readings(session, document)
    failures = find_failures({name: r.value for name, r in readings.items()}, spec, document.created_at.date())
    held_by = certificates(session, document.workspace_id, spec.name, policy_row, document.model_version_id)
    certifying = is_evidence(session, document)
    at_least = least_rate(policy, held_by, certifying=certifying)
    verdicts, warm_up = [], set()
    for field_spec in spec.fields:
        claim = claim_of(readings.get(field_spec.name))
        threshold, source = pick_threshold(field_spec.name, policy, held_by)
        broken = tuple(failure for failure in failures if field_spec.name in failure.fields)
        context = Context(field_spec, policy, threshold, source, broken, has_model=bool(readings))
        reasons = reasons_for(claim, context)
        verdict = _open_verdict(session, document, field_spec.name, field_spec.kind, claim, reasons, threshold, now)
        if certifying and source in UNCERTIFIED:
            warm_up.add(field_spec.name)
        verdicts.append(verdict)
    audit.draw(session, document, verdicts, policy, warm_up=warm_up, at_least=at_least, certifying=certifying, now=now)
    _record(session, document, verdicts, policy_row.id, now)
    return held + verdicts


def is_evidence(session: Session, document: Document) -> bool:
    """Whether the model that read the document is certified on it."""
    model = session.get(ModelVersion, document.model_version_id) if document.model_version_id else None
    return is_evidence_on(model, document)


def is_evidence_on(model: ModelVersion | None, document: Document) -> bool:
    """Whether `model` is certified on the document."""
    is_younger = model is not None and document.created_at > model.created_at
    return certifies(document.fold, is_younger=is_younger, newer=settings().certify_newer)


def certifies(fold: str | None, *, is_younger: bool, newer: bool) -> bool:
    """Whether a document certifies a model: those of the certify fold do; with `newer` also those younger than it."""
    return fold == Fold.CERTIFY.value or (newer and is_younger)


def evidence_after(model: ModelVersion) -> datetime:
    """Documents that came later certify the model whatever their fold: none, unless the settings say so."""
    return model.created_at if settings().certify_newer else NEVER


def least_rate(policy: Policy, held: Sequence[Certificate], *, certifying: bool = True) -> float:
    """The least audit rate of a document under these certificates, known before it came: fresh ones, early alarms.

    What a fresh certificate asks for is asked of the documents alone that certify: elsewhere it would buy nothing.
    """
    fresh = [
        (int(row.report["in_force"]), row.target)
        for row in held
        if certifying and row.threshold is not None and row.report.get("in_force") is not None
    ]
    return policy.least_rate(fresh, in_doubt=any(row.report.get("audit_raised") for row in held))


def _draw_of_type(session: Session, document: Document, now: datetime) -> tuple[bool, float]:
    """Of a document that certifies: whether nothing is certified yet of the type that the machine names, and the least
    rate of its audit.

    A wrong type makes all fields wrong. So a document that certifies has its type checked while nothing is certified,
    and from then on so often that a wrong type is no larger a loss than wrong fields, which is what evidence costs.
    """
    version = session.get(DocumentTypeVersion, document.type_version_id) if document.type_version_id else None
    if version is None:
        return False, 0.0
    row, policy = current_policy(session, document.workspace_id, version.name, now=now)
    held = certificates(session, document.workspace_id, version.name, row, document.model_version_id)
    source = pick_threshold("*", policy, held)[1]
    if source != "certificate":
        return source in UNCERTIFIED, 0.0
    fields = len(version.spec["fields"])
    rate = max(least_rate(policy, held), min(policy.rate(Route.ACCEPT), policy.rate(Route.REVIEW)))
    return False, min(1.0, 1 / largest_loss(fields, fields * rate, rate))


def claim_of(reading: FieldReading | None) -> Claim:
    """A stored reading as the rules see it."""
    if reading is None:
        return Claim(ValueState.NOT_FOUND)
    state = ValueState(reading.value_state)
    return Claim(state, reading.value, reading.confidence, reading.id, reading.page, reading.box)


def _open_verdict(
    session: Session,
    document: Document,
    name: str,
    kind: Kind,
    claim: Claim,
    reasons: Sequence[Reason],
    threshold: float | None,
    now: datetime,
) -> Verdict:
    accepted = not reasons
    verdict = Verdict(
        workspace_id=document.workspace_id,
        document_id=document.id,
        run=document.run,
        field=name,
        kind=kind.value,
        reading_id=claim.reading_id,
        route=(Route.ACCEPT if accepted else Route.REVIEW).value,
        reasons=[asdict(reason) for reason in reasons],
        threshold=threshold,
        state=(VerdictState.AGREED if accepted else VerdictState.PENDING).value,
        value_state=claim.state.value if accepted else None,
        value=claim.value if accepted else None,
        page=claim.page if accepted else None,
        box=claim.box if accepted else None,
        posterior=claim.confidence if accepted else None,
        decided_by="machine" if accepted else None,
        decided_at=now if accepted else None,
        created_at=now,
    )
    session.add(verdict)
    session.flush()
    return verdict


def _record(session: Session, document: Document, verdicts: list[Verdict], policy_id: str, now: datetime) -> None:
    record(
        session,
        action="document.routed",
        subject=document.id,
        stream=document.id,
        workspace_id=document.workspace_id,
        actor="system:route",
        now=now,
        data={"policy": policy_id, "run": document.run, "routes": {v.field: v.route for v in verdicts}},
    )


def _readings(session: Session, document: Document) -> dict[str, FieldReading]:
    rows = session.exec(
        select(FieldReading).where(FieldReading.document_id == document.id, FieldReading.run == document.run)
    ).all()
    return {row.field: row for row in rows}


def _verdicts(session: Session, document: Document) -> list[Verdict]:
    return list(
        session.exec(select(Verdict).where(Verdict.document_id == document.id, Verdict.run == document.run)).all()
    )


def _verdict(session: Session, document: Document, name: str) -> Verdict | None:
    return next((verdict for verdict in _verdicts(session, document) if verdict.field == name), None)
