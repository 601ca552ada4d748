"""The numbers of `GET /v1/quality`: per field what the machine decided alone, what audits found, the cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlmodel import Session, col, select

from hitl.platform.ownership import rows_of
from hitl.workspace.registry import find_serving
from models.tables import Certificate, Document, Observation

OBSERVATIONS = 50_000

# One row per type and field of what was released. `wrong` compares the first released value with the audit's gold by
# the stored observation, so that later corrections do not flatter the number; each counts 1 / its probability. An audit
# whose first keyer agreed with the machine may end without gold: it is done, and those with gold stand for it.
_FIELDS = text("""
    SELECT d.document_type, v.field,
           count(*) AS decisions,
           count(*) FILTER (WHERE v.route = 'accept') AS accepted,
           count(*) FILTER (WHERE v.value_state = 'illegible') AS illegible,
           count(a.id) AS audits,
           count(*) FILTER (WHERE o.id IS NOT NULL OR (a.first_agreed AND a.state = 'final')) AS audited,
           sum(1 / o.probability) AS weight,
           sum(CASE WHEN o.released_wrong THEN 1 / o.probability ELSE 0 END) AS wrong,
           sum(CASE WHEN o.machine_wrong THEN 1 / o.probability ELSE 0 END) AS machine_wrong
    FROM verdict v
    JOIN document d ON d.id = v.document_id AND d.run = v.run
    LEFT JOIN audit a ON a.verdict_id = v.id
    LEFT JOIN observation o ON o.verdict_id = v.id AND o.source = 'audit' AND o.model_version_id = d.model_version_id
    WHERE v.workspace_id = :workspace AND d.state IN ('released', 'amended')
      AND (CAST(:type AS text) IS NULL OR d.document_type = :type)
    GROUP BY d.document_type, v.field ORDER BY d.document_type, v.field
""")

_ANSWERS = text("""
    SELECT d.document_type, t.field, count(*) AS answers, sum(w.seconds) AS seconds
    FROM answer w
    JOIN task t ON t.id = w.task_id
    JOIN document d ON d.id = w.document_id
    WHERE w.workspace_id = :workspace AND w.undone_at IS NULL AND w.skip_reason IS NULL
      AND t.purpose IN ('review', 'audit') AND d.state IN ('released', 'amended')
      AND (CAST(:type AS text) IS NULL OR d.document_type = :type)
    GROUP BY d.document_type, t.field
""")

_CORRECTIONS = text("""
    SELECT d.document_type, c.field, count(*) AS corrections
    FROM correction c JOIN document d ON d.id = c.document_id
    WHERE d.workspace_id = :workspace AND (CAST(:type AS text) IS NULL OR d.document_type = :type)
    GROUP BY d.document_type, c.field
""")


def quality(session: Session, workspace_id: str, document_type: str | None = None) -> dict[str, Any]:
    """{"fields": [...], "certificates": [...]}; shares are 0 to 1, and null where nothing was measured yet."""
    asked = {"workspace": workspace_id, "type": document_type}
    cost = {(row.document_type, row.field): row for row in session.execute(_ANSWERS, asked)}
    corrections = {(row.document_type, row.field): row.corrections for row in session.execute(_CORRECTIONS, asked)}
    fields = [
        _field(row, cost.get((row.document_type, row.field)), corrections.get((row.document_type, row.field), 0))
        for row in session.execute(_FIELDS, asked)
    ]
    return {"fields": fields, "certificates": _certificates(session, workspace_id, document_type)}


def suspended(session: Session, workspace_id: str) -> Sequence[Certificate]:
    """Certificates of the serving model that are suspended: the error rose above its target."""
    serving = find_serving(session, workspace_id)
    wanted = rows_of(Certificate, workspace_id).where(col(Certificate.suspended_reason).is_not(None))
    return session.exec(wanted.where(Certificate.model_version_id == (serving.id if serving else None))).all()


def blind_checks(session: Session, workspace_id: str, document_type: str = "") -> Sequence[Observation]:
    """Blind checks, newest first, as the model saw them that read the document: others may have scored it since."""
    wanted = (
        rows_of(Observation, workspace_id)
        .join(Document, col(Document.id) == col(Observation.document_id))
        .where(Observation.source == "audit")
        .where(col(Observation.model_version_id).is_not_distinct_from(col(Document.model_version_id)))
    )
    if document_type:
        wanted = wanted.where(Observation.document_type == document_type)
    return session.exec(wanted.order_by(col(Observation.created_at).desc()).limit(OBSERVATIONS)).all()


def _field(row: Any, cost: Any, corrections: int) -> dict[str, Any]:
    answers = cost.answers if cost else 0
    return {
        "document_type": row.document_type,
        "field": row.field,
        "decisions": row.decisions,
        "accepted_share": row.accepted / row.decisions,
        "illegible": row.illegible,
        "audits": row.audits,
        "audited": row.audited,
        "released_error": row.wrong / row.weight if row.weight else None,
        "machine_error": row.machine_wrong / row.weight if row.weight else None,
        "answers_per_decision": answers / row.decisions,
        "seconds_per_decision": (cost.seconds or 0.0) / row.decisions if cost else 0.0,
        "corrections": corrections,
    }


def _certificates(session: Session, workspace_id: str, document_type: str | None) -> list[dict[str, Any]]:
    wanted = select(Certificate).where(Certificate.workspace_id == workspace_id)
    if document_type is not None:
        wanted = wanted.where(Certificate.document_type == document_type)
    rows = session.exec(wanted.order_by(col(Certificate.document_type), col(Certificate.pool)))
    told = {"id", "workspace_id"}
    return [row.model_dump(mode="json", exclude=told) for row in rows.all()]
