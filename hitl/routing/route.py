"""Routing: which readings are accepted, which go to people, and why. A rule is a pure function and a line in RULES.

Every field has its chance of an audit (`sampling.draw_audits`), wherever it goes. Every rule is asked and every reason
is kept with its numbers, so that a route can be replayed from the stored row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlmodel import Session, select

from extractor.checks import find_failures
from hitl.aggregate.equality import TYPE_FIELD
from hitl.certificate.eprocess import largest_loss
from hitl.certificate.evidence import is_evidence
from hitl.certificate.thresholds import UNCERTIFIED, certificates, least_rate, pick_threshold
from hitl.platform.moves import record
from hitl.routing.rules import Claim, Context, Reason, claim_of, reasons_for
from hitl.routing.sampling import Draw
from hitl.work.document import is_about_type
from hitl.workspace.policy import ANY_TYPE, current_policy
from models.doctype import DocumentType, Kind
from models.states import Route, VerdictState
from models.tables import (
    Document,
    DocumentTypeVersion,
    FieldReading,
    Verdict,
)
from models.values import ValueState

UNKNOWN = "unknown"


def route_type(session: Session, document: Document, *, now: datetime) -> tuple[Verdict, Draw | None]:
    """The verdict on the document's class: given by the client, sure enough, or for people. Idempotent per run.

    With it the draw of its audit, if there is one to be made.
    """
    if held := _verdict(session, document, TYPE_FIELD):
        return held, None
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
    _record(session, document, [verdict], version.id, now)
    if is_given:
        verdict.decided_by = "client"
        return verdict, None
    certifying = is_evidence(session, document)
    is_warm_up, at_least = _checked_types(session, document, now) if certifying else (False, 0.0)
    return verdict, Draw([verdict], policy, {TYPE_FIELD} if is_warm_up else set(), at_least, certifying)


def route(session: Session, document: Document, *, now: datetime) -> Draw | None:
    """One verdict a field of the document's type: accepted by the machine, or pending for people. Idempotent per run.

    Pins the policy version on the document. Returns the draw of audits among the new verdicts; None where they were
    routed before.
    """
    if not all(is_about_type(verdict) for verdict in _verdicts(session, document)):
        return None
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
        context = Context(field_spec, policy, threshold, source, broken, has_model=bool(readings),
            made_from_data=document.made_from_data)  # fmt: skip
        reasons = reasons_for(claim, context)
        verdict = _open_verdict(session, document, field_spec.name, field_spec.kind, claim, reasons, threshold, now)
        if certifying and source in UNCERTIFIED:
            warm_up.add(field_spec.name)
        verdicts.append(verdict)
    _record(session, document, verdicts, policy_row.id, now)
    return Draw(verdicts, policy, warm_up, at_least, certifying)


def _checked_types(session: Session, document: Document, now: datetime) -> tuple[bool, float]:
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
