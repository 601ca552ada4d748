"""What certificates see of a document: scores, losses and probabilities of its fields, of each run under one model.

The order of documents is that of routing, which is known before any label is. What is not known yet counts as wrong: a
document whose audit is under way can only keep a certificate back, never grant it, and nothing is gained by errors
taking longer to find.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import Row, text
from sqlmodel import Session

from hitl.certificate.eprocess import Decision
from hitl.certificate.observations import is_acceptable, largest
from hitl.certificate.replay import Unit
from hitl.workspace.policy import Policy
from models.states import Route, VerdictState
from models.tables import Evidence, ModelVersion

NEVER = -1.0  # the score of a value that no threshold accepts
EARLY = timedelta(days=7)  # until so long after its routing an erased document may have had checks under way

# A field of a run of a document that is evidence: of the certify fold; or younger than the model, and no copy of what
# it may have been trained on. `told`: its run was released.
_FIELDS = text("""
    SELECT v.document_id, v.run, v.field, v.route, v.threshold, v.reasons, v.audit_probability, v.reading_id,
           v.first_value_state IS NOT NULL AS told, min(v.created_at) OVER (PARTITION BY v.document_id, v.run) AS at,
           d.group_id, d.policy_version_id, t.audit_probability AS type_probability, r.confidence,
           coalesce(r.model_version_id, d.model_version_id) = :model AS native,
           a.state AS audit_state, a.gold_state, a.probability AS pi, a.id AS audit_id, a.first_agreed,
           ta.state = 'final' AND ta.gold_state <> 'illegible'
           AND (ta.gold_state, ta.gold) IS DISTINCT FROM (t.first_value_state, t.first_value) AS type_wrong,
           ta.probability AS type_pi,
           oa.score, oa.machine_wrong, oa.released_wrong, oa.probability, oa.acceptable,
           ob.score AS review_score, ob.machine_wrong AS review_wrong, ob.acceptable AS review_acceptable,
           d.fold <> 'certify' AS newer, coalesce(t.first_value #>> '{}', d.document_type) AS document_type
    FROM verdict v
    JOIN document d ON d.id = v.document_id
    JOIN verdict t ON t.document_id = v.document_id AND t.run = v.run AND t.field = 'document_type'
    LEFT JOIN field_reading r ON r.id = v.reading_id
    LEFT JOIN audit a ON a.verdict_id = v.id
    LEFT JOIN audit ta ON ta.verdict_id = t.id
    LEFT JOIN observation oa ON oa.verdict_id = v.id AND oa.model_version_id = :model AND oa.source = 'audit'
    LEFT JOIN observation ob ON ob.verdict_id = v.id AND ob.model_version_id = :model AND ob.source = 'review'
    WHERE v.workspace_id = :workspace AND v.document_id = ANY (:documents) AND v.field <> 'document_type'
      AND d.policy_version_id IS NOT NULL AND d.media_type <> 'application/xml'
      AND (d.fold = 'certify' OR (d.created_at > :trained AND NOT EXISTS (
        SELECT FROM document e WHERE e.workspace_id = d.workspace_id AND e.created_at <= :trained
        AND e.group_id = d.group_id AND d.group_id <> '')))
      AND (v.first_value_state IS NOT NULL
           OR (v.run = d.run AND d.held_reason IS NULL AND d.state NOT IN ('failed', 'refused', 'cancelled')))
    ORDER BY v.document_id, v.run, v.id
""")


def seen(session: Session, workspace_id: str, model: ModelVersion, documents: Collection[str]) -> list[Evidence]:
    """The evidence on `model` that these documents are now, not stored. An erased document has none."""
    return [_evidence(workspace_id, model, group) for group in _runs(session, workspace_id, model, documents)]


def seen_when_erased(
    session: Session, workspace_id: str, model: ModelVersion, document_id: str, *, now: datetime
) -> list[Evidence]:
    """What stays of a document that is about to be erased: what it is now, with what is not known wrong for good.

    Erased early, while checks may be under way, only what was observed stays; and one of which nothing was observed
    stays out, which hangs on the draw alone. One that was never released stays out as one that was cancelled does.
    """
    kept = []
    for group in _runs(session, workspace_id, model, [document_id]):
        evidence = _evidence(workspace_id, model, group)
        if now - evidence.at < EARLY:
            known = {row.field for row in group if row.machine_wrong is not None or row.review_wrong is not None}
            unknown = [NEVER, None, 1.0, 1.0, False, 0.0, None]
            fields = evidence.fields.items()
            evidence.fields = {name: said if name in known else unknown + said[7:] for name, said in fields}
            if not known:
                continue
        if any(row.told for row in group):
            evidence.final = True
            kept.append(evidence)
    return kept


def _runs(
    session: Session, workspace_id: str, model: ModelVersion, documents: Collection[str]
) -> list[Sequence[Row[Any]]]:
    asked = {"workspace": workspace_id, "documents": list(documents), "model": model.id, "trained": model.created_at}
    rows = session.execute(_FIELDS, asked).all()
    return [list(group) for _, group in groupby(rows, key=lambda row: (row.document_id, row.run))]


def _evidence(workspace_id: str, model: ModelVersion, rows: Sequence[Row[Any]]) -> Evidence:
    one = rows[0]
    return Evidence(
        document_id=one.document_id,
        run=one.run,
        model_version_id=model.id,
        workspace_id=workspace_id,
        document_type=one.document_type or "",
        policy_version_id=one.policy_version_id,
        group_key=one.group_id or one.document_id,
        at=one.at,
        newer=one.newer,
        fields={row.field: _field(row) for row in rows},
        type_probability=one.type_probability,
    )


def _field(row: Row[Any]) -> list[Any]:
    decision, is_open = _decision(row)
    said = [decision.score, decision.wrong, decision.probability, decision.weight, is_open]
    return [*said, _human_loss(row), _disagreed(row), row.threshold, row.audit_probability]


def unit_of(evidence: Evidence, pool: frozenset[str], policies: dict[str, Policy], type_policy: Policy) -> Unit:
    """One document as the certificate of `pool` sees it. `policies`: by id, the one it was routed under among them."""
    mine = [said for name, said in evidence.fields.items() if name in pool]
    decisions = [Decision(*said[:4]) for said in mine]
    known = [Decision(d.score, None, 1.0, d.weight) if s[4] else d for d, s in zip(decisions, mine, strict=True)]
    unseen = min(len(pool), evidence.unseen_of or 0) - len(mine)
    padding = [Decision(NEVER, None, 1.0)] * unseen
    bound = evidence.largest
    if bound is None:
        drawn = [(said[7], said[8]) for said in evidence.fields.values()]
        policy = policies[evidence.policy_version_id]
        bound = largest(policy, type_policy, drawn, evidence.type_probability, pool=len(mine))
    return Unit(
        at=evidence.at,
        group=evidence.group_key,
        decisions=(*decisions, *padding),
        known=(*known, *padding),
        human_loss=sum(said[5] for said in mine) / max(len(mine) + len(padding), 1),
        largest=bound,
        disagreed=tuple(said[6] for said in mine if said[6] is not None),
    )


def _decision(row: Row[Any]) -> tuple[Decision, bool]:
    """What a certificate counts of one field, and whether that is open: counted as wrong while it is not known.

    Of what another model read, the fields with gold alone have a score: each stands for those that had no draw.
    """
    unscored = 1.0 if row.native else 0.0
    if row.type_wrong:  # whichever model reads the fields
        return Decision(_score(row), True, row.type_pi, unscored), False
    if row.review_wrong is not None:
        return Decision(row.review_score if row.review_acceptable else NEVER, row.review_wrong, 1.0), False
    if row.machine_wrong is not None:
        weight = 1.0 if row.native else 1 / row.probability
        score = row.score if row.acceptable else NEVER
        return Decision(score, row.machine_wrong, row.probability, weight), False
    score = _score(row)
    if row.audit_id is not None:
        is_void = row.audit_state == VerdictState.FINAL.value and row.gold_state in (None, "illegible")
        return Decision(score, None if is_void else True, 1.0 if is_void else row.pi, unscored), not is_void
    is_open = row.route == Route.REVIEW.value and not row.told
    return Decision(score, True if is_open else None, 1.0, unscored), is_open


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


def _disagreed(row: Row[Any]) -> bool | None:
    """Of the audited fields alone: those that two people settled are mostly the machine's errors."""
    if not row.native:
        return None
    if row.machine_wrong is not None:
        return bool(row.machine_wrong)
    is_done = row.first_agreed and row.audit_state == VerdictState.FINAL.value and row.gold_state is None
    return False if is_done else None  # the first keyer agreed, and no second was drawn


def same(one: Evidence, other: Evidence) -> bool:
    """Whether both count alike."""
    return all(getattr(one, name) == getattr(other, name) for name in SAID)


SAID: Iterable[str] = (
    "document_type", "policy_version_id", "group_key", "at", "newer", "fields", "type_probability",
)  # fmt: skip
