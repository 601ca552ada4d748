"""Certificates in production: the evidence there is, counted in the order in which documents were routed.

Evidence on a model are the documents of the certify fold and, where the settings say so, those that came after it was
trained, whatever their fold: no model is certified on what it was trained on. A certificate goes on from where it
stopped (`hitl.certificate.steps`); only what it hangs on as a whole, the model, the promise or what evidence costs,
has it count from the beginning.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, select

from hitl.certificate.courses import catch_up
from hitl.certificate.eprocess import EProcess, delta_of_model
from hitl.certificate.replay import FORMAT, Course
from hitl.certificate.steps import Asked, advance
from hitl.certificate.thresholds import error_target
from hitl.platform.moves import record
from hitl.settings import settings
from hitl.workspace import registry
from hitl.workspace.policy import ANY_TYPE, Policy, current_policy
from hitl.workspace.workspaces import current_type
from models.doctype import DocumentType
from models.ids import new_id
from models.states import ModelState, Route
from models.tables import Certificate, ModelVersion, PolicyVersion

POOLED = "*"


def refresh(
    session: Session, workspace_id: str, document_type: str, *, now: datetime, model: ModelVersion | None = None
) -> list[Certificate]:
    """Bring the certificates of a type up to date, under `model`, by default the one that serves, and today's policy.

    One pool takes all fields without an error target of their own; each of the others is a pool of its own.
    """
    model = model or registry.serving_model(session, workspace_id)
    while not catch_up(session, workspace_id, model):
        pass
    policy_row, policy = current_policy(session, workspace_id, document_type, now=now)
    if policy.single_operator or min(policy.rate(Route.ACCEPT), policy.rate(Route.REVIEW)) <= 0:
        return []  # what is never checked cannot be certified
    _, spec = current_type(session, workspace_id, document_type)
    return [
        _refresh_pool(session, workspace_id, spec, pool, fields, model, policy_row, policy, now)
        for pool, fields in pools(policy, spec).items()
    ]


def pools(policy: Policy, spec: DocumentType) -> dict[str, frozenset[str]]:
    """The fields of each pool."""
    own = {f.name for f in spec.fields if f.error_target is not None or policy.field(f.name).error_target is not None}
    shared = frozenset(field.name for field in spec.fields) - own
    return ({POOLED: shared} if shared else {}) | {name: frozenset({name}) for name in sorted(own)}


def _refresh_pool(
    session: Session,
    workspace_id: str,
    spec: DocumentType,
    pool: str,
    fields: frozenset[str],
    model: ModelVersion,
    policy_row: PolicyVersion,
    policy: Policy,
    now: datetime,
) -> Certificate:
    target = error_target(policy, spec, min(fields))
    promised, type_policy = promise(policy, target), current_policy(session, workspace_id, ANY_TYPE, now=now)[1]
    policies = _policies_of(session, workspace_id, spec, min(fields), promised)
    asked = Asked(
        workspace_id, model.id, spec.name, pool, fields, policies, type_policy, newer=settings().certify_newer
    )
    row = _row(session, workspace_id, spec.name, pool, model.id, policy_row.id, target, policy.delta, now)
    in_shadow = model.state == ModelState.PASSED.value
    first, machine_target = _index(session, row, promised, in_shadow=in_shadow), policy.machine_target(target)
    delta = policy.delta * policy.machine_share
    course = Course(machine_target, delta, first, policy.delta * (1 - policy.machine_share))
    advance(session, asked, course, _basis(asked, spec, promised, first))
    report = _report(course, policy, target) | {"promise": promised, "fields": sorted(fields)}
    if course.claimed >= (EProcess(machine_target, delta_of_model(delta, first)).documents_needed(1.0) or 0):
        report["first"] = first  # with fewer nothing could be certified, so nothing of delta was used
    _update(session, row, course, report, now)
    return row


def _basis(asked: Asked, spec: DocumentType, promised: list[float], first: int) -> dict[str, Any]:
    """What a state hangs on beside its documents. A version of the policy that promises the same changes nothing."""
    rates = [asked.type_policy.rate(Route.ACCEPT), asked.type_policy.rate(Route.REVIEW)]
    targets = [spec.error_target, *(field.error_target for field in spec.fields if field.name == min(asked.fields))]
    said = [FORMAT, sorted(asked.fields), asked.newer, rates, targets]
    return {"promise": promised, "first": first, "digest": hashlib.sha256(repr(said).encode()).hexdigest()}


def promise(policy: Policy, target: float) -> list[float]:
    """What a certificate promises. Policies that promise the same share their labels; another promise starts anew."""
    return [target, policy.delta, policy.machine_share, policy.people_most]


def _policies_of(
    session: Session, workspace_id: str, spec: DocumentType, field: str, promised: list[float]
) -> dict[str, Policy]:
    rows = session.exec(
        select(PolicyVersion).where(
            PolicyVersion.workspace_id == workspace_id, PolicyVersion.document_type == spec.name
        )
    ).all()
    parsed = {row.id: Policy.model_validate(row.policy) for row in rows}
    return {name: one for name, one in parsed.items() if promise(one, error_target(one, spec, field)) == promised}


def _row(
    session: Session,
    workspace_id: str,
    document_type: str,
    pool: str,
    model_id: str,
    policy_id: str,
    target: float,
    delta: float,
    now: datetime,
) -> Certificate:
    key = {
        "workspace_id": workspace_id,
        "document_type": document_type,
        "pool": pool,
        "model_version_id": model_id,
        "policy_version_id": policy_id,
    }
    fresh = {"id": new_id("crt"), "target": target, "delta": delta, "documents": 0, "report": {}, "updated_at": now}
    session.execute(insert(Certificate).values(**key, **fresh).on_conflict_do_nothing())
    return session.exec(
        select(Certificate).filter_by(**key).with_for_update(key_share=True).execution_options(populate_existing=True)
    ).one()


def _index(session: Session, row: Certificate, promised: list[float], *, in_shadow: bool) -> int:
    """Which certificate of this pool it is, from 1: models, promises and alarms before it have had their share.

    A model that was replaced before anything could have been certified has had none. One in the shadow comes after all
    others, for the model that serves may still have an alarm.
    """
    if "first" in row.report and not in_shadow:
        return int(row.report["first"])
    others = session.exec(
        select(Certificate).where(
            Certificate.workspace_id == row.workspace_id,
            Certificate.document_type == row.document_type,
            Certificate.pool == row.pool,
            Certificate.id != row.id,
        )
    ).all()
    spent: dict[int, int] = {}
    for other in others:
        if "first" not in other.report or (in_shadow and other.model_version_id == row.model_version_id):
            continue
        if other.model_version_id == row.model_version_id and other.report["promise"] == promised:
            return int(other.report["first"])  # the same e-process under another version of the policy
        spent[other.report["first"]] = max(
            spent.get(other.report["first"], 0), 1 + len(other.report["drift"]["alarms"])
        )
    return 1 + sum(spent.values())


def _report(course: Course, policy: Policy, target: float) -> dict[str, Any]:
    result = course.result()
    found = result.certification
    return {
        **{name: value for name, value in asdict(found).items() if name != "curve"},
        "curve": [list(point) for point in found.curve],
        "machine_target": policy.machine_target(target),
        "human": {
            "target": target - policy.machine_target(target),
            "estimate": course.human_loss / course.counted if course.counted else None,
            "bound": course.bound.value(),
            "delta": course.bound.delta,
        },
        "drift": {
            "alarms": list(result.alarms),
            "disagreement_at": course.doubts.risen_at,
            "labelled": course.doubts.seen,
        },
        "audit_raised": course.doubts.is_fresh(),
    }


def _update(session: Session, row: Certificate, course: Course, report: dict[str, Any], now: datetime) -> None:
    before = (row.threshold, row.suspended_reason)
    result = course.result()
    found = result.certification
    row.documents, row.threshold, row.audits_needed = found.documents, found.threshold, found.documents_needed
    is_suspended = bool(result.alarms) and found.threshold is None
    row.suspended_reason = "the released error rose above its target; to be certified again" if is_suspended else None
    row.report, row.updated_at = report, now
    session.add(row)
    session.flush()
    if before != (row.threshold, row.suspended_reason):
        record(
            session,
            action="certificate.changed",
            subject=row.id,
            stream=row.id,
            workspace_id=row.workspace_id,
            actor="system:certify",
            now=now,
            data={
                "document_type": row.document_type,
                "pool": row.pool,
                "threshold": row.threshold,
                "before": before[0],
                "suspended": row.suspended_reason,
            },
        )
