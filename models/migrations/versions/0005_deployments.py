"""What served each workspace, change by change, read back from the event log; and one model at a time."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from models.ids import new_id

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BASE_MODEL = "mdl_base"


def upgrade() -> None:
    op.create_table(
        "deployment",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("model_version_id", sa.String(), nullable=False),
        sa.Column("goes_back_to", sa.String(), nullable=True),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("action IN ('promoted', 'rolled_back')", name="deployment_action_known"),
        sa.ForeignKeyConstraint(["goes_back_to"], ["deployment.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["model_version_id"], ["model_version.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "number"),
    )
    for column in ("workspace_id", "model_version_id", "goes_back_to"):
        op.create_index(op.f(f"ix_deployment_{column}"), "deployment", [column], unique=False)
    # Two promotions at the same moment could leave two.
    op.execute("""
        UPDATE model_version m SET state = 'retired'
        WHERE state = 'serving' AND workspace_id IS NOT NULL AND EXISTS (
            SELECT 1 FROM model_version n WHERE n.workspace_id = m.workspace_id AND n.state = 'serving'
            AND (coalesce(n.promoted_at, n.created_at), n.id) > (coalesce(m.promoted_at, m.created_at), m.id))
    """)
    # Deferred, because processes of the version before let the new model serve first, and then retire the old one.
    op.execute("""
        ALTER TABLE model_version ADD CONSTRAINT one_model_serves
        EXCLUDE USING btree (workspace_id WITH =) WHERE (state = 'serving') DEFERRABLE INITIALLY DEFERRED
    """)
    _read_back(op.get_bind())


def downgrade() -> None:
    op.drop_constraint("one_model_serves", "model_version")
    op.drop_table("deployment")


def _read_back(database: sa.Connection) -> None:
    """A promotion left `serving` of the new model; a roll back `retired` with its reason, and mostly `serving` too."""
    events = database.execute(
        sa.text("""
        SELECT workspace_id, at, actor, subject, action, data FROM event
        WHERE action IN ('modelversion.serving', 'modelversion.retired') AND workspace_id IS NOT NULL
        ORDER BY workspace_id, at, id
    """)
    ).all()
    came = {(e.workspace_id, e.at) for e in events if e.action == "modelversion.serving"}
    rows: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        history = rows.setdefault(event.workspace_id, [])
        said = (event.data or {}).get("why", "")
        if event.action == "modelversion.serving":
            rolled_back = said == "rollback"
            history.append(_row(history, event, event.subject, rolled_back=rolled_back))
        elif said == "rolled back" and (event.workspace_id, event.at) not in came:
            history.append(_row(history, event, BASE_MODEL, rolled_back=True))
    table = sa.table("deployment", *[sa.column(name) for name in _COLUMNS])
    for history in rows.values():
        if history:
            database.execute(table.insert(), history)


_COLUMNS = (
    "id", "workspace_id", "number", "model_version_id", "goes_back_to", "action", "actor", "reason", "created_at",
)  # fmt: skip


def _row(history: list[dict[str, Any]], event: Any, model_id: str, *, rolled_back: bool) -> dict[str, Any]:
    return {
        "id": new_id("dep"),
        "workspace_id": event.workspace_id,
        "number": len(history) + 1,
        "model_version_id": model_id,
        "goes_back_to": _before(history, model_id) if rolled_back else (history[-1]["id"] if history else None),
        "action": "rolled_back" if rolled_back else "promoted",
        "actor": event.actor,
        "reason": "",
        "created_at": event.at,
    }


def _before(history: list[dict[str, Any]], model_id: str) -> str | None:
    """To where the change goes back that a roll back came back to; null where that was never on its way."""
    by_id = {row["id"]: row for row in history}
    at = by_id.get(history[-1]["goes_back_to"]) if history else None
    while at is not None and at["model_version_id"] != model_id:
        at = by_id.get(at["goes_back_to"])
    return at["goes_back_to"] if at else None
