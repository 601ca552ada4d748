"""Dry run of a changed policy: past documents routed again by the production rules, without a row being written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlmodel import Session, col, func, select

from extractor.checks import find_failures
from hitl.aggregate.equality import same_answer
from hitl.certificate.evidence import is_evidence
from hitl.certificate.thresholds import certificates, pick_threshold
from hitl.routing.rules import Claim, Context, claim_of, reasons_for
from hitl.workspace.policy import Policy, current_policy
from models.doctype import DocumentType
from models.states import DONE, Route, TaskPurpose
from models.tables import (
    Answer,
    Certificate,
    Document,
    DocumentTypeVersion,
    Example,
    FieldReading,
    Task,
    Verdict,
)

ANSWERS_A_REVIEW = 1.22  # simulated, until the workspace has answers of its own
ANSWERS_AN_AUDIT = 2.05


@dataclass(frozen=True, slots=True)
class Past:
    """One field of a past document: what the machine said, how it was routed, and the truth where it is known."""

    document_id: str
    field: str
    claim: Claim
    was_accepted: bool
    context: Context
    is_right: bool | None = None  # None: nobody has checked it
    weight: float = 1.0  # 1 / probability with which it was checked
    certifying: bool = True  # whether its document is evidence


@dataclass(frozen=True, slots=True)
class DryRun:
    """What the policy would have done. Errors are shares of all fields: accepted and wrong."""

    documents: int
    fields: int
    accepted: int
    was_accepted: int
    reviews: int
    expected_audits: float
    expected_answers: float
    claimed_error: float  # by the machine's own calibrated confidences
    measured_error: float | None  # by audits and blind answers, each weighted with 1 / probability; None: none known
    checked: int
    reasons: dict[str, int] = field(default_factory=dict)
    by_field: dict[str, float] = field(default_factory=dict)  # accepted share


def dry_run(
    session: Session, workspace_id: str, document_type: str, policy: Policy, *, now: datetime, limit: int = 1000
) -> DryRun:
    """Route the latest documents of a type again under `policy`.

    In certified mode the thresholds of the present certificate are used; a new policy has to earn its own.
    """
    past = past_fields(session, workspace_id, document_type, policy, now=now, limit=limit)
    return judge(past, policy, answers_a_review(session, workspace_id, document_type))


def judge(past: Sequence[Past], policy: Policy, answers_each: float = ANSWERS_A_REVIEW) -> DryRun:
    """The numbers of a dry run, from fields as they were read."""
    reasons = [reasons_for(one.claim, one.context) for one in past]
    accepted = [one for one, why in zip(past, reasons, strict=True) if not why]
    reviews = len(past) - len(accepted)
    audits = sum(
        policy.audit_probability(Route.REVIEW if why else Route.ACCEPT, certifying=one.certifying)
        for one, why in zip(past, reasons, strict=True)
    )
    each = 1.0 if policy.single_operator else answers_each
    fields = Counter(one.field for one in past)
    let_through = Counter(one.field for one in accepted)
    return DryRun(
        documents=len({one.document_id for one in past}),
        fields=len(past),
        accepted=len(accepted),
        was_accepted=sum(one.was_accepted for one in past),
        reviews=reviews,
        expected_audits=audits,
        expected_answers=reviews * each + audits * ANSWERS_AN_AUDIT,
        claimed_error=sum(1 - one.claim.confidence for one in accepted) / max(len(past), 1),
        measured_error=measured_error(past, accepted),
        checked=sum(one.is_right is not None for one in past),
        reasons=dict(Counter(reason.rule for why in reasons for reason in why)),
        by_field={name: let_through[name] / count for name, count in fields.items()},
    )


def measured_error(past: Sequence[Past], accepted: Sequence[Past]) -> float | None:
    """Horvitz-Thompson (self-normalised) share of fields that would be accepted and are known to be wrong."""
    total = sum(one.weight for one in past if one.is_right is not None)
    wrong = sum(one.weight for one in accepted if one.is_right is False)
    return wrong / total if total else None


def past_fields(
    session: Session, workspace_id: str, document_type: str, policy: Policy, *, now: datetime, limit: int
) -> list[Past]:
    """The fields of the latest finished documents of a type, ready to be routed under `policy`."""
    held = session.exec(
        select(Document)
        .where(
            Document.workspace_id == workspace_id,
            Document.document_type == document_type,
            col(Document.state).in_([state.value for state in DONE]),
            col(Document.type_version_id).is_not(None),
        )
        .order_by(col(Document.created_at).desc(), col(Document.id))
        .limit(limit)
    ).all()
    documents = {document.id: document for document in held}
    row, _ = current_policy(session, workspace_id, document_type, now=now)
    readings: dict[str, dict[str, FieldReading]] = {}
    for reading in session.exec(select(FieldReading).where(col(FieldReading.document_id).in_(documents))).all():
        if reading.run == documents[reading.document_id].run:
            readings.setdefault(reading.document_id, {})[reading.field] = reading
    truth = _truth(session, documents)
    specs = _specs(session, held)
    certifying = {document.id: is_evidence(session, document) for document in held}
    models = {document.model_version_id for document in held}
    thresholds = {m: certificates(session, workspace_id, document_type, row, m) for m in models}
    past: list[Past] = []
    for verdict in session.exec(select(Verdict).where(col(Verdict.document_id).in_(documents))).all():
        document = documents[verdict.document_id]
        spec = specs[document.type_version_id or ""]
        if verdict.run == document.run and verdict.field in {f.name for f in spec.fields}:
            own = readings.get(document.id, {})
            held_by = thresholds[document.model_version_id]
            one = _past(verdict, document, spec, own, policy, held_by, truth)
            past.append(replace(one, certifying=certifying[document.id]))
    return past


def answers_a_review(session: Session, workspace_id: str, document_type: str) -> float:
    """Answers that a reviewed field of this type took so far; the simulated figure before 50 fields are known."""
    answers, fields = session.exec(
        select(func.count(col(Answer.id)), func.count(func.distinct(col(Task.verdict_id))))
        .select_from(Answer)
        .join(Task, col(Task.id) == col(Answer.task_id))
        .join(Document, col(Document.id) == col(Answer.document_id))
        .where(
            Answer.workspace_id == workspace_id,
            Document.document_type == document_type,
            Task.purpose == TaskPurpose.REVIEW.value,
            col(Answer.undone_at).is_(None),
        )
    ).one()
    return answers / fields if fields >= 50 else ANSWERS_A_REVIEW


def _past(
    verdict: Verdict,
    document: Document,
    spec: DocumentType,
    readings: Mapping[str, FieldReading],
    policy: Policy,
    held_by: Sequence[Certificate],
    truth: Mapping[tuple[str, str], tuple[str, object, float]],
) -> Past:
    claim = claim_of(readings.get(verdict.field))
    values = {name: reading.value for name, reading in readings.items()}
    failures = find_failures(values, spec, document.created_at.date())
    threshold, source = pick_threshold(verdict.field, policy, held_by)
    broken = tuple(failure for failure in failures if verdict.field in failure.fields)
    context = Context(spec.field(verdict.field), policy, threshold, source, broken, has_model=bool(readings))
    known = truth.get((document.id, verdict.field))
    right = same_answer(verdict.kind, known[:2], (claim.state.value, claim.value)) if known else None
    was_accepted = verdict.route == Route.ACCEPT.value
    return Past(document.id, verdict.field, claim, was_accepted, context, right, 1 / known[2] if known else 1.0)


def _truth(session: Session, documents: Mapping[str, Document]) -> dict[tuple[str, str], tuple[str, object, float]]:
    """(state, value, probability) by document and field: audits' gold, and what was decided for sure by people.

    A field that people decided was looked at with certainty; an accepted one with the probability of its audit. Those
    that only a client corrected are left out: nobody knows how many they did not look at.
    """
    rows = session.exec(
        select(Example).where(
            col(Example.document_id).in_(documents), col(Example.source).in_(["review", "reviewer", "audit"])
        )
    ).all()
    truth: dict[tuple[str, str], tuple[str, object, float]] = {}
    for row in sorted(rows, key=lambda example: example.source == "audit"):  # audits last: their word stands
        truth[row.document_id, row.field] = (row.value_state, row.value, row.probability)
    return truth


def _specs(session: Session, documents: Sequence[Document]) -> dict[str, DocumentType]:
    ids = {document.type_version_id for document in documents}
    rows = session.exec(select(DocumentTypeVersion).where(col(DocumentTypeVersion.id).in_(ids))).all()
    return {row.id: DocumentType.model_validate(row.spec) for row in rows}
