"""The shadow: a model that passed is certified beside the one that serves, and replaces it when nothing is lost by it.

A promotion costs what the reigning certificate is worth: until the new model has one of its own, people check every
value. So the newest model that passed reads the labelled documents too, as they come, and is certified on the gold they
have, with the probabilities with which it was drawn. Whoever promotes it sees what it would accept, and may have it
promoted once that is no less than what is accepted now. One model at a time stands in the shadow, and what it uses of
delta is what it would have used in service.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from hitl.certificate.evidence import is_evidence_on
from hitl.certificate.thresholds import certificates
from hitl.platform.moves import record
from hitl.workspace import deployment, registry
from hitl.workspace.policy import current_policy
from models.tables import Certificate, Document, ModelVersion

WAITS = "promote_when_ready"  # in the progress of a model: who asked for it


class NotInShadow(Exception):
    """Only the newest model that passed the gate can wait to be promoted."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the two models accept of the fields of one certificate: the one that serves, and the one in the shadow."""

    document_type: str
    pool: str
    serving: float
    shadow: float
    documents: int  # that the model in the shadow was certified on
    documents_needed: int | None  # without an error, until it has a threshold


def shadow_model(session: Session, workspace_id: str) -> ModelVersion | None:
    """The newest model that passed the gate, if it is newer than the one that serves."""
    newest = registry.newest_passed(session, workspace_id)
    serving = registry.find_serving(session, workspace_id) if newest else None
    return newest if newest and serving and newest.created_at > serving.created_at else None


def request_scoring(session: Session, document: Document) -> None:
    """New labels of `document`: the model in the shadow is judged by them too, if such documents certify it."""
    model = shadow_model(session, document.workspace_id)
    if model is not None and is_evidence_on(model, document):
        registry.recertify(session, document.workspace_id, model.id, document_id=document.id)


def outlooks(session: Session, model: ModelVersion, *, now: datetime) -> list[Outlook]:
    """One for each certificate of the workspace under the policy in force, of either model."""
    assert model.workspace_id is not None
    serving = registry.serving_model(session, model.workspace_id)
    types = session.exec(
        select(Certificate.document_type)
        .where(Certificate.workspace_id == model.workspace_id)
        .where(col(Certificate.model_version_id).in_([serving.id, model.id]))
        .distinct()
    ).all()
    found = []
    for name in sorted(types):
        policy, _ = current_policy(session, model.workspace_id, name, now=now)
        held = {
            one.id: {row.pool: row for row in certificates(session, model.workspace_id, name, policy, one.id)}
            for one in (serving, model)
        }
        for pool in sorted(held[serving.id].keys() | held[model.id].keys()):
            row = held[model.id].get(pool)
            found.append(
                Outlook(
                    name,
                    pool,
                    _accepted(held[serving.id].get(pool)),
                    _accepted(row),
                    row.documents if row else 0,
                    row.audits_needed if row else None,
                )
            )
    return found


def _accepted(row: Certificate | None) -> float:
    """The share of the fields that a certificate has the machine decide."""
    return float(row.report["accepted"]) if row and row.threshold is not None and not row.suspended_reason else 0.0


def is_no_loss(shares: Iterable[tuple[float, float]]) -> bool:
    """Whether a model accepts at least as much of everything: pairs of what is accepted now and what would be."""
    return all(then >= now for now, then in shares)


def promote_when_ready(session: Session, model: ModelVersion, *, actor: str, now: datetime) -> bool:
    """Promote `model` as soon as nothing is lost by it: at once, or later. Returns whether it serves now.

    Raises NotInShadow.
    """
    assert model.workspace_id is not None
    if shadow_model(session, model.workspace_id) is not model:
        raise NotInShadow("Only the newest model that passed the gate can wait. Promote this one at once, or train.")
    model.progress = model.progress | {WAITS: actor}
    session.add(model)
    record(
        session,
        action="modelversion.waits",
        subject=model.id,
        stream=model.id,
        workspace_id=model.workspace_id,
        actor=actor,
        now=now,
    )
    return promote_if_ready(session, model, now=now)


def promote_if_ready(session: Session, model: ModelVersion, *, now: datetime) -> bool:
    """Promote a model that waits, if it accepts no less than the one that serves. Returns whether it did."""
    actor = model.progress.get(WAITS)
    if actor is None or not is_no_loss((one.serving, one.shadow) for one in outlooks(session, model, now=now)):
        return False
    reason = "it accepts as much as the model that served"
    deployment.promote(session, model, actor=actor, now=now, reason=reason)
    return True
