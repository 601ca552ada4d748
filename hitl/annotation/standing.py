"""Standing: what must be known of a person before work is handed to them, in one look."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlmodel import Session

from models.tables import User

VETERAN = 300  # control tasks: more of them change nothing (hitl.annotation.qualification.gold_rate)

_STANDING = text(f"""
    SELECT w.settings, w.audit_key,
      (SELECT t.field FROM answer a JOIN task t ON t.id = a.task_id
        WHERE a.user_id = :user AND t.purpose <> 'training' ORDER BY a.created_at DESC LIMIT 1) AS field,
      (SELECT a.id FROM answer a WHERE a.user_id = :user ORDER BY a.created_at DESC LIMIT 1) AS last,
      (SELECT count(*) FROM (SELECT FROM task t
        WHERE t.for_user_id = :user AND t.purpose = 'gold' AND t.state = 'answered' LIMIT {VETERAN}) done) AS controls,
      EXISTS (SELECT FROM task t WHERE t.for_user_id = :user AND t.state = 'open' AND t.purpose = 'gold')
      OR EXISTS (SELECT FROM task t WHERE t.leased_to = :user AND t.state = 'leased' AND t.purpose = 'gold')
        AS has_control
    FROM workspace w WHERE w.id = :workspace
""")  # noqa: S608


@dataclass(frozen=True, slots=True)
class Standing:
    """`field`: of the person's last answer, so that the next task is of the same. `last_answer`: its id."""

    field: str | None
    last_answer: str
    controls_done: int  # at most VETERAN
    has_control: bool  # a control task waits for them
    exam_is_asked: bool
    exposure_cap: float
    audit_key: str


def standing_of(session: Session, user: User) -> Standing:
    row = session.execute(_STANDING, {"user": user.id, "workspace": user.workspace_id}).one()
    return Standing(
        field=row.field,
        last_answer=row.last or "",
        controls_done=row.controls,
        has_control=row.has_control,
        exam_is_asked=bool(row.settings.get("exam_required", False)),
        exposure_cap=float(row.settings.get("exposure_cap", 1.0)),
        audit_key=row.audit_key,
    )
