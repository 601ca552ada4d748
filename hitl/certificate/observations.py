"""Observations: what a decided audit, or a field that two blind people decided, says of the machine and of the release.

A row compares gold with the machine's value and with the value that was released first. `audit` rows have the
probability of their draw. `review` rows are fields that went to people and that two blind people, the machine
excluded, decided in any case: their probability is 1. Of a field with both, a certificate takes the `review` row for
the machine's error (the audit then adds nothing), and only `audit` rows for the error of people.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from hitl.aggregate.equality import same_answer
from hitl.certificate.eprocess import largest_loss
from hitl.certificate.evidence import is_evidence
from hitl.platform.jobs import enqueue
from hitl.work.document import is_about_type
from hitl.work.ground_truth import chance_of, is_decided, is_settled_by_people
from hitl.workspace.policy import ANY_TYPE, Policy, current_policy, pinned_policy
from models.ids import new_id
from models.states import Route
from models.tables import Audit, Certificate, Document, FieldReading, Observation, Verdict
from models.values import ValueState

Draw = tuple[float | None, float | None]  # the threshold in force and the probability of the draw, of one field
AUDIT, REVIEW = "audit", "review"
MANY, PACE = 500, timedelta(seconds=5)  # from so many documents on, one look waits so long for more of them
SILENT = (ValueState.ABSENT.value, ValueState.EMPTY.value)
# Reasons that hang on the threshold alone; any other keeps a value from being accepted at every threshold.
OF_THE_THRESHOLD = frozenset({"below_threshold", "warm-up", "suspended", "certificate", "amended"})


def write_observations(session: Session, document: Document, *, now: datetime, first: bool = False) -> int:
    """Write the observations that the released run of `document` gives; again harmless. Returns how many are new.

    `first`: the document is being released for the first time, so its verdicts are as people and machine made them.
    """
    if document.made_from_data:
        return 0
    session.flush()
    verdicts = session.exec(
        select(Verdict).where(
            Verdict.document_id == document.id,
            Verdict.run == document.run,
            col(Verdict.first_value_state).is_not(None),
        )
    ).all()
    ids = [verdict.id for verdict in verdicts]
    audits = {row.verdict_id: row for row in session.exec(select(Audit).where(col(Audit.verdict_id).in_(ids))).all()}
    fields = [verdict for verdict in verdicts if not is_about_type(verdict)]
    of_type = next((verdict for verdict in verdicts if is_about_type(verdict)), None)
    common = _common(session, document, fields, of_type, now)
    wrong_type = audits.get(of_type.id) if of_type else None
    if of_type and wrong_type and is_decided(wrong_type) and not _says(of_type, wrong_type):
        return _all_wrong(session, document, fields, wrong_type, common)
    rows = [row for verdict in fields for row in _rows(session, verdict, audits.get(verdict.id), first)]
    written = _write(session, [common | row for row in rows])
    if written:
        request_certifying(session, document, str(common["document_type"]), now=common["created_at"])
    return written


def request_certifying(session: Session, document: Document, document_type: str, *, now: datetime) -> None:
    """Have the certificates of the type looked at again, if the document is evidence for one.

    From MANY documents on it waits a little, so that many observations share one look.
    """
    if not is_evidence(session, document):
        return
    workspace_id = document.workspace_id
    known = session.exec(
        select(func.max(Certificate.documents)).where(
            Certificate.workspace_id == workspace_id, Certificate.document_type == document_type
        )
    ).one()
    at = now + PACE if known and known >= MANY else None
    enqueue_certify(session, workspace_id, document_type, at=at)


def enqueue_certify(session: Session, workspace_id: str, document_type: str, *, at: datetime | None = None) -> None:
    """Have the certificates of a type brought up to date, once however often it is asked."""
    name = f"certify:{workspace_id}:{document_type}"
    enqueue(session, "certify", at=at, once=name, workspace_id=workspace_id, document_type=document_type)


def is_acceptable(reasons: Sequence[dict[str, Any]]) -> bool:
    """Whether only the threshold decides if the value is accepted."""
    return all(reason["rule"] in OF_THE_THRESHOLD for reason in reasons)


def machine_errs(kind: str, claim: tuple[str, Any], gold: tuple[str | None, Any]) -> bool:
    """Whether the machine's value is wrong. Of what is absent or left blank, "not found" is right."""
    if claim[0] == ValueState.NOT_FOUND.value and gold[0] in SILENT:
        return False
    return not same_answer(kind, claim, gold)


def largest(
    policy: Policy, type_policy: Policy, fields: Sequence[Draw], of_type: float | None, *, pool: int | None = None
) -> float:
    """The largest loss that a document could have shown a certificate, as known before it came.

    `of_type`: the probability with which its type was drawn, None if it was given; a wrong type makes all fields wrong.
    `pool`: how many of the fields the certificate is about. Without a threshold all fields go to people, so that the
    rates of the draw did not depend on the document, nor do they where both routes have the same rate; else any route
    might have been taken. What certified nothing when it was drawn may have been drawn at less than any rate.
    """
    drawn = [probability for _, probability in fields if probability is not None]
    rates = [policy.rate(Route.ACCEPT), policy.rate(Route.REVIEW)]
    of_types = [type_policy.rate(Route.ACCEPT), type_policy.rate(Route.REVIEW)]
    expected = len(fields) * policy.highest_rate()
    if of_type is not None and of_types[0] == of_types[1]:
        of_types = [of_type]
    if drawn and all(threshold is None for threshold, _ in fields):
        rates, of_types, expected = drawn, [of_type or 1.0], sum(drawn)
    elif drawn and rates[0] == rates[1]:
        rates, expected = drawn, len(fields) * max(drawn)
    bound = largest_loss(len(fields) if pool is None else pool, expected, min([*rates, *drawn]))
    return bound if of_type is None else max(bound, largest_loss(1, 1.0, min([*of_types, of_type])))


def _common(
    session: Session, document: Document, fields: Sequence[Verdict], of_type: Verdict | None, now: datetime
) -> dict[str, Any]:
    name = str((of_type.first_value if of_type else None) or document.document_type or "")
    policy = pinned_policy(session, document.policy_version_id, document.workspace_id, name, now=now)
    type_policy = current_policy(session, document.workspace_id, ANY_TYPE, now=now)[1]
    return {
        "workspace_id": document.workspace_id,
        "document_id": document.id,
        "document_type": name,
        "policy_version_id": document.policy_version_id,
        "model_version_id": document.model_version_id,
        "fields": len(fields),
        "least_probability": 1
        / largest(
            policy,
            type_policy,
            [(verdict.threshold, verdict.audit_probability) for verdict in fields],
            of_type.audit_probability if of_type else None,
        ),
        "created_at": now,
    }


def _rows(session: Session, verdict: Verdict, audit: Audit | None, first: bool) -> list[dict[str, Any]]:
    released = (verdict.first_value_state or "", verdict.first_value)
    rows = []
    if first and verdict.route == Route.REVIEW.value and is_settled_by_people(session, verdict):
        rows.append(_row(session, verdict, released, REVIEW, 1.0))
    if audit is not None and is_decided(audit):
        rows.append(_row(session, verdict, (audit.gold_state or "", audit.gold), AUDIT, chance_of(audit)))
    return rows


def _row(session: Session, verdict: Verdict, gold: tuple[str, Any], source: str, probability: float) -> dict[str, Any]:
    reading = session.get(FieldReading, verdict.reading_id) if verdict.reading_id else None
    claim = (reading.value_state, reading.value) if reading else (ValueState.NOT_FOUND.value, None)
    released = (verdict.first_value_state, verdict.first_value)
    return {
        "id": new_id("obs"),
        "verdict_id": verdict.id,
        "field": verdict.field,
        "route": verdict.route,
        "score": reading.confidence if reading else 0.0,
        "machine_wrong": machine_errs(verdict.kind, claim, gold),
        "released_wrong": not same_answer(verdict.kind, released, gold),
        "probability": probability,
        "source": source,
        "acceptable": is_acceptable(verdict.reasons),
    }


def _says(verdict: Verdict, audit: Audit) -> bool:
    released = (verdict.first_value_state, verdict.first_value)
    return same_answer(verdict.kind, released, (audit.gold_state, audit.gold))


def _all_wrong(
    session: Session,
    document: Document,
    fields: Sequence[Verdict],
    audit: Audit,
    common: dict[str, Any],
) -> int:
    """A wrong document type makes all its fields wrong, with the probability of the audit that found it."""
    session.execute(delete(Observation).where(col(Observation.verdict_id).in_([verdict.id for verdict in fields])))
    gold = (audit.gold_state or "", audit.gold)
    wrong = {"machine_wrong": True, "released_wrong": True}
    rows = [common | _row(session, verdict, gold, AUDIT, audit.probability) | wrong for verdict in fields]
    written = _write(session, rows)
    request_certifying(session, document, str(common["document_type"]), now=common["created_at"])
    return written


def _write(session: Session, rows: list[dict[str, Any]]) -> int:
    if not rows:
        return 0
    statement = insert(Observation).values(rows).on_conflict_do_nothing().returning(col(Observation.id))
    return len(session.execute(statement).all())
