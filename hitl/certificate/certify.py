"""Certificates in production: labels replayed in the order in which documents were routed.

Evidence on a model are the documents of the certify fold and, where the settings say so, those that came after it was
trained, whatever their fold: no model is certified on what it was trained on.

That order is known before any label is. What is not known yet counts as wrong: a document whose audit is under way
can only keep a certificate back, never grant it, and nothing is gained by errors taking longer to find.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from hitl.certificate.drift import Doubts
from hitl.certificate.eprocess import (
    Decision,
    EProcess,
    delta_of_model,
    largest_loss,
    upper_bound,
)
from hitl.certificate.evidence import evidence_after
from hitl.certificate.observations import is_acceptable, largest
from hitl.certificate.replay import Replay, Unit, from_first_claim, replay
from hitl.certificate.thresholds import error_target
from hitl.platform.moves import record
from hitl.workspace import registry
from hitl.workspace.policy import ANY_TYPE, Policy, current_policy
from hitl.workspace.workspaces import current_type
from models.doctype import DocumentType
from models.ids import new_id
from models.states import ModelState, Route, VerdictState
from models.tables import Certificate, ModelVersion, PolicyVersion

POOLED = "*"
NEVER = -1.0  # the score of a value that no threshold accepts

# Of the certify fold; or younger than the model, and no copy of what it may have been trained on.
_IS_EVIDENCE = """(d.fold = 'certify' OR (d.created_at > :trained AND NOT EXISTS (
    SELECT FROM document e WHERE e.workspace_id = d.workspace_id AND e.created_at <= :trained
    AND e.group_id = d.group_id AND d.group_id <> '')))"""

# A field of a run of a document that is evidence, in the order of routing. `told`: its run was released.
_FIELDS = text(f"""
    SELECT v.document_id, v.run, v.field, v.route, v.threshold, v.reasons, v.audit_probability, v.reading_id,
           v.first_value_state IS NOT NULL AS told, min(v.created_at) OVER (PARTITION BY v.document_id, v.run) AS at,
           d.group_id, d.policy_version_id, t.audit_probability AS type_probability, r.confidence,
           coalesce(r.model_version_id, d.model_version_id) = :model AS native,
           a.state AS audit_state, a.gold_state, a.probability AS pi, a.id AS audit_id, a.first_agreed,
           ta.state = 'final' AND ta.gold_state <> 'illegible'
           AND (ta.gold_state, ta.gold) IS DISTINCT FROM (t.first_value_state, t.first_value) AS type_wrong,
           ta.probability AS type_pi,
           oa.score, oa.machine_wrong, oa.released_wrong, oa.probability, oa.acceptable,
           ob.score AS review_score, ob.machine_wrong AS review_wrong, ob.acceptable AS review_acceptable
    FROM verdict v
    JOIN document d ON d.id = v.document_id
    JOIN verdict t ON t.document_id = v.document_id AND t.run = v.run AND t.field = 'document_type'
    LEFT JOIN field_reading r ON r.id = v.reading_id
    LEFT JOIN audit a ON a.verdict_id = v.id
    LEFT JOIN audit ta ON ta.verdict_id = t.id
    LEFT JOIN observation oa ON oa.verdict_id = v.id AND oa.model_version_id = :model AND oa.source = 'audit'
    LEFT JOIN observation ob ON ob.verdict_id = v.id AND ob.model_version_id = :model AND ob.source = 'review'
    WHERE v.workspace_id = :workspace AND v.field <> 'document_type'
      AND {_IS_EVIDENCE}
      AND coalesce(t.first_value #>> '{{}}', d.document_type) = :type
      AND d.policy_version_id = ANY (:policies)
      AND (v.first_value_state IS NOT NULL
           OR (v.run = d.run AND d.held_reason IS NULL AND d.state NOT IN ('failed', 'refused', 'cancelled')))
    ORDER BY at, v.document_id, v.run, v.id
""")  # noqa: S608 - our own words only

# Erased documents: the values are gone, scores and losses are not. Those of which nothing was observed stay out, which
# hangs on the draw alone.
_ERASED = text(f"""
    SELECT o.document_id, d.group_id, o.field, o.score, o.machine_wrong, o.released_wrong, o.probability, o.acceptable,
           o.source, o.route, o.fields, o.least_probability, min(o.created_at) OVER (PARTITION BY o.document_id) AS at
    FROM observation o JOIN document d ON d.id = o.document_id
    WHERE o.workspace_id = :workspace AND d.state = 'erased' AND o.document_type = :type
      AND {_IS_EVIDENCE}
      AND o.model_version_id = :model AND o.policy_version_id = ANY (:policies)
    ORDER BY at, o.document_id, o.verdict_id, o.source DESC
""")  # noqa: S608 - our own words only


def refresh(
    session: Session, workspace_id: str, document_type: str, *, now: datetime, model: ModelVersion | None = None
) -> list[Certificate]:
    """Bring the certificates of a type up to date, under `model`, by default the one that serves, and today's policy.

    One pool takes all fields without an error target of their own; each of the others is a pool of its own.
    """
    policy_row, policy = current_policy(session, workspace_id, document_type, now=now)
    if policy.single_operator or min(policy.rate(Route.ACCEPT), policy.rate(Route.REVIEW)) <= 0:
        return []  # what is never checked cannot be certified
    model = model or registry.serving_model(session, workspace_id)
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
    target = error_target(policy, spec, next(iter(fields)))
    promised = promise(policy, target)
    asked = {
        "workspace": workspace_id,
        "type": spec.name,
        "model": model.id,
        "trained": evidence_after(model),
        "policies": _policies_of(session, workspace_id, spec, next(iter(fields)), promised),
    }
    units = units_of(session, asked, fields, now=now)
    row = _row(session, workspace_id, spec.name, pool, model.id, policy_row.id, target, policy.delta, now)
    in_shadow = model.state == ModelState.PASSED.value
    first, machine_target = _index(session, row, promised, in_shadow=in_shadow), policy.machine_target(target)
    delta = policy.delta * policy.machine_share
    claimed = from_first_claim(units)
    result = replay(claimed, machine_target, delta, first)
    report = _report(result, units, policy, target) | {"promise": promised, "fields": sorted(fields)}
    if len(claimed) >= (EProcess(machine_target, delta_of_model(delta, first)).documents_needed(1.0) or 0):
        report["first"] = first  # with fewer nothing could be certified, so nothing of delta was used
    _update(session, row, result, report, now)
    return row


def promise(policy: Policy, target: float) -> list[float]:
    """What a certificate promises. Policies that promise the same share their labels; another promise starts anew."""
    return [target, policy.delta, policy.machine_share, policy.people_most]


def _policies_of(
    session: Session, workspace_id: str, spec: DocumentType, field: str, promised: list[float]
) -> list[str]:
    rows = session.exec(
        select(PolicyVersion).where(
            PolicyVersion.workspace_id == workspace_id, PolicyVersion.document_type == spec.name
        )
    ).all()
    parsed = [(row.id, Policy.model_validate(row.policy)) for row in rows]
    return [row_id for row_id, policy in parsed if promise(policy, error_target(policy, spec, field)) == promised]


def units_of(session: Session, asked: dict[str, Any], fields: frozenset[str], *, now: datetime) -> list[Unit]:
    """One unit a group of documents, in the order of routing, erased documents among them.

    Of copies of one picture, and of several runs of one document, the first counts: the others are no new evidence.
    """
    type_policy = current_policy(session, asked["workspace"], ANY_TYPE, now=now)[1]
    rows = session.execute(_FIELDS, asked).all()
    pinned = {row.policy_version_id for row in rows}
    known = {
        version.id: Policy.model_validate(version.policy)
        for version in session.exec(select(PolicyVersion).where(col(PolicyVersion.id).in_(pinned))).all()
    }
    units = []
    for _, group in groupby(rows, key=lambda row: (row.document_id, row.run)):
        units.append(_unit(list(group), known, type_policy, fields))
    units += _erased(session.execute(_ERASED, asked).all(), fields)
    first: dict[str, Unit] = {}
    for unit in sorted((unit for unit in units if unit.decisions), key=lambda unit: unit.at):
        first.setdefault(unit.group, unit)
    return list(first.values())


def _unit(rows: Sequence[Row[Any]], policies: dict[str, Policy], type_policy: Policy, fields: frozenset[str]) -> Unit:
    drawn = [(row.threshold, row.audit_probability) for row in rows]
    mine = [row for row in rows if row.field in fields]
    pairs = [_decision(row) for row in mine]
    return Unit(
        at=rows[0].at,
        group=rows[0].group_id or rows[0].document_id,
        decisions=tuple(pair[0] for pair in pairs),
        known=tuple(pair[1] for pair in pairs),
        human_loss=sum(_human_loss(row) for row in mine) / max(len(mine), 1),
        largest=largest(
            policies[rows[0].policy_version_id], type_policy, drawn, rows[0].type_probability, pool=len(mine)
        ),
        disagreed=tuple(_disagreements(mine)),
    )


def _decision(row: Row[Any]) -> tuple[Decision, Decision]:
    """What a certificate counts of one field: what is not known yet as wrong, and as nothing.

    Of what another model read, the fields with gold alone have a score: each stands for those that had no draw.
    """
    unscored = 1.0 if row.native else 0.0
    if row.type_wrong:  # whichever model reads the fields
        found = Decision(_score(row), True, row.type_pi, unscored)
        return found, found
    if row.review_wrong is not None:
        found = Decision(row.review_score if row.review_acceptable else NEVER, row.review_wrong, 1.0)
        return found, found
    if row.machine_wrong is not None:
        weight = 1.0 if row.native else 1 / row.probability
        found = Decision(row.score if row.acceptable else NEVER, row.machine_wrong, row.probability, weight)
        return found, found
    score = _score(row)
    nothing = Decision(score, None, 1.0, unscored)
    if row.audit_id is not None:
        is_void = row.audit_state == VerdictState.FINAL.value and row.gold_state in (None, "illegible")
        return (nothing if is_void else Decision(score, True, row.pi, unscored)), nothing
    is_open = row.route == Route.REVIEW.value and not row.told
    return (Decision(score, True, 1.0, unscored) if is_open else nothing), nothing


def _score(row: Row[Any]) -> float:
    """The machine's confidence if this model read it; another model's might have been anything."""
    if not row.native:
        return 1.0
    return row.confidence if row.reading_id is not None and is_acceptable(row.reasons) else NEVER


def _human_loss(row: Row[Any]) -> float:
    if row.route != Route.REVIEW.value or row.audit_id is None:
        return 0.0
    if row.machine_wrong is not None:
        return 1.0 / (row.pi if row.type_wrong else row.probability) if row.released_wrong else 0.0
    return 0.0 if row.audit_state == VerdictState.FINAL.value else 1.0 / row.pi


def _disagreements(rows: Iterable[Row[Any]]) -> Iterator[bool]:
    """Of the audited fields alone: those that two people settled are mostly the machine's errors."""
    for row in rows:
        if row.native and row.machine_wrong is not None:
            yield row.machine_wrong
        elif row.native and row.first_agreed and row.audit_state == VerdictState.FINAL.value and row.gold_state is None:
            yield False  # the first keyer agreed, and no second was drawn


def _erased(rows: Sequence[Row[Any]], fields: frozenset[str]) -> Iterator[Unit]:
    for _, group in groupby(rows, key=lambda row: row.document_id):
        held = list(group)
        some: dict[str, Row[Any]] = {}
        for row in held:  # review rows come first
            some.setdefault(row.field, row)
        mine = [row for name, row in some.items() if name in fields]
        decisions = [Decision(r.score if r.acceptable else NEVER, r.machine_wrong, r.probability) for r in mine]
        unseen = max(min(len(fields), held[0].fields) - len(mine), 0)
        decisions += [Decision(NEVER, None, 1.0)] * unseen
        people = [r for r in held if r.field in fields and r.source == "audit" and r.route == Route.REVIEW.value]
        loss = sum(1 / r.probability for r in people if r.released_wrong) / max(len(decisions), 1)
        group_id = held[0].group_id or held[0].document_id
        yield Unit(
            held[0].at,
            group_id,
            tuple(decisions),
            tuple(decisions),
            loss,
            largest_loss(1, 1.0, held[0].least_probability),
            (),
        )


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


def _report(result: Replay, units: Sequence[Unit], policy: Policy, target: float) -> dict[str, Any]:
    found = result.certification
    human_delta = policy.delta * (1 - policy.machine_share)
    doubts = Doubts()
    for disagreed in (disagreed for unit in units for disagreed in unit.disagreed):
        doubts.update(disagreed)
    return {
        **{name: value for name, value in asdict(found).items() if name != "curve"},
        "curve": [list(point) for point in found.curve],
        "machine_target": policy.machine_target(target),
        "human": {
            "target": target - policy.machine_target(target),
            "estimate": sum(unit.human_loss for unit in units) / len(units) if units else None,
            "bound": upper_bound([(unit.human_loss, unit.largest) for unit in units], human_delta),
            "delta": human_delta,
        },
        "drift": {"alarms": list(result.alarms), "disagreement_at": doubts.risen_at, "labelled": doubts.seen},
        "audit_raised": doubts.is_fresh(),
    }


def _update(session: Session, row: Certificate, result: Replay, report: dict[str, Any], now: datetime) -> None:
    before = (row.threshold, row.suspended_reason)
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
