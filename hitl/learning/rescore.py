"""Documents that have gold are scored by a model that did not read them: one that was promoted, or is in the shadow."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime

from sqlalchemy import exists
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from extractor.checks import find_failures
from extractor.processes import sandbox
from hitl.aggregate.equality import TYPE_FIELD
from hitl.certificate.evidence import evidence_after
from hitl.certificate.observations import enqueue_certify, machine_errs, request_certifying
from hitl.intake import recognition
from hitl.platform.children import cpu
from hitl.platform.db import transaction
from hitl.platform.locks import lock_document
from hitl.routing.rules import Claim, Context, reasons_for
from hitl.settings import settings
from hitl.work.document import spec_of
from hitl.workspace import registry
from hitl.workspace.policy import pinned_policy
from models.doctype import DocumentType
from models.ids import new_id
from models.states import RELEASED, Fold, ModelState
from models.tables import Audit, Document, ModelVersion, Observation, Verdict
from models.values import Recognition

BATCH = 20
log = logging.getLogger(__name__)


def reader(session: Session, workspace_id: str, model_id: str | None) -> ModelVersion | None:
    """The model to score with: the one that serves, or the named one while it may still do so."""
    if model_id is None:
        return registry.serving_model(session, workspace_id)
    model = session.get(ModelVersion, model_id)
    return model if model is not None and model.state in (ModelState.PASSED.value, ModelState.SERVING.value) else None


def waiting(session: Session, model: ModelVersion, workspace_id: str, after: str = "") -> list[str]:
    """Ids of the next documents that certify `model` and that only others have scored; at most a batch."""
    by_it = aliased(Observation)
    done = exists().where(col(by_it.verdict_id) == col(Verdict.id), col(by_it.model_version_id) == model.id)
    rows = session.exec(
        select(Document.id)
        .join(Verdict, col(Verdict.document_id) == col(Document.id))
        .join(Observation, col(Observation.verdict_id) == col(Verdict.id))
        .where(
            Document.workspace_id == workspace_id,
            (col(Document.fold) == Fold.CERTIFY.value) | (col(Document.created_at) > evidence_after(model)),
            col(Document.state).in_([state.value for state in RELEASED]),
            Verdict.run == Document.run,
            Verdict.field != TYPE_FIELD,
            col(Document.id) > after,
            ~done,
        )
        .distinct()
        .order_by(col(Document.id))
        .limit(BATCH)
    ).all()
    return list(rows)


def score(document_id: str, model_id: str, *, now: datetime) -> None:
    """Read one document by the model and keep what that says of its labels, which count as wrong where it fails."""
    with transaction() as session:
        work = plan(session, document_id, model_id)
    if work is None:
        return
    try:
        with cpu():
            result = recognition.recognise(work, seconds=settings().recognise_seconds, today=now.date())
    except sandbox.SandboxFailed as error:
        log.warning("document %s cannot be scored anew: %s", document_id, error)
        return
    with transaction() as session:
        store(session, document_id, result, work, now=now)


def plan(session: Session, document_id: str, model_id: str) -> recognition.Work | None:
    """What reading the document by a model needs, under the type it was released as; None if it is gone meanwhile."""
    document = session.get(Document, document_id)
    if document is None or document.state not in RELEASED:
        return None
    model = session.get_one(ModelVersion, model_id)
    return replace(recognition.gather(session, document, model), document_type=document.document_type)


def store(session: Session, document_id: str, result: Recognition, work: recognition.Work, *, now: datetime) -> int:
    """Write the observations of the document for the model that read it now, with the probabilities as drawn."""
    document = lock_document(session, document_id)
    if document is None or document.state not in RELEASED:
        return 0
    spec = spec_of(session, document)
    rows = session.exec(
        select(Observation, Verdict, Audit)
        .join(Verdict, col(Verdict.id) == col(Observation.verdict_id))
        .outerjoin(Audit, col(Audit.verdict_id) == col(Verdict.id))
        .where(
            Verdict.document_id == document_id,
            Verdict.run == document.run,
            Verdict.field != TYPE_FIELD,
            Observation.model_version_id == document.model_version_id,
        )
    ).all()
    claims = {r.field: Claim(r.state, r.value, r.confidence) for r in result.readings}
    open_to = acceptable(session, document, spec, claims, now=now) if spec else {}
    fresh = []
    for seen, verdict, audit in rows:
        claim = claims.get(verdict.field)
        if claim is None:
            continue
        gold = (verdict.first_value_state, verdict.first_value)
        if seen.source == "audit":
            if audit is None or audit.gold_state is None:
                continue  # a wrong type, which no model's fields mend
            gold = (audit.gold_state, audit.gold)
        copied = seen.model_dump(exclude={"id", "created_at"})
        fresh.append(
            copied
            | {
                "id": new_id("obs"),
                "model_version_id": work.model_version_id,
                "score": claim.confidence,
                "machine_wrong": machine_errs(verdict.kind, (claim.state.value, claim.value), gold),
                "acceptable": open_to.get(verdict.field, False),
                "created_at": now,
            }
        )
    if fresh:
        session.execute(insert(Observation).values(fresh).on_conflict_do_nothing())
        request_certifying(session, document, str(fresh[0]["document_type"]), now=now)
    return len(fresh)


def acceptable(
    session: Session, document: Document, spec: DocumentType, claims: dict[str, Claim], *, now: datetime
) -> dict[str, bool]:
    """By field, whether only the threshold would keep the value from being accepted."""
    policy = pinned_policy(session, document.policy_version_id, document.workspace_id, spec.name, now=now)
    failures = find_failures({name: c.value for name, c in claims.items()}, spec, document.created_at.date())
    found: dict[str, bool] = {}
    for field in spec.fields:
        if (claim := claims.get(field.name)) is None:
            continue
        broken = tuple(failure for failure in failures if field.name in failure.fields)
        context = Context(field, policy, 0.0, "certificate", broken)
        found[field.name] = not reasons_for(claim, context)
    return found


def request_certifying_all(session: Session, workspace_id: str) -> None:
    """Have the certificates of every observed type looked at, of the model that serves and of the one in the shadow."""
    named = select(Observation.document_type).where(Observation.workspace_id == workspace_id).distinct()
    for document_type in session.exec(named).all():
        enqueue_certify(session, workspace_id, document_type)
