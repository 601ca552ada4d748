"""The order of the queue as indexes that can be entered at any place, one of a person's own tasks, and who passed what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BEFORE = (sa.text("priority DESC"), sa.text("pressing DESC"), "due_at", "created_at", "id")
LATEST = sa.text("(coalesce(due_at, 'infinity'::timestamptz))")
HAND_OUT = (sa.text("(-priority)"), sa.text("(NOT pressing)"), LATEST, "created_at", "id")
FREE = sa.text("state = 'open' AND for_user_id IS NULL")
OWN = sa.text("state = 'open' AND for_user_id IS NOT NULL")
FRONTS = {"task_front": (), "task_front_of_field": ("field",), "task_front_of_kind": ("kind",)}


def upgrade() -> None:
    for name, columns in FRONTS.items():
        op.drop_index(name, table_name="task")
        op.create_index(name, "task", ["workspace_id", *columns, *HAND_OUT], postgresql_where=FREE)
    op.create_index("task_front_of_person", "task", ["for_user_id", *HAND_OUT], postgresql_where=OWN)
    op.create_index("task_of_field", "task", ["document_id", "field"])
    op.drop_index("ix_task_document_id", table_name="task")
    op.add_column("person", sa.Column("passed", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("person", "passed")
    op.create_index("ix_task_document_id", "task", ["document_id"])
    op.drop_index("task_of_field", table_name="task")
    op.drop_index("task_front_of_person", table_name="task")
    for name, columns in FRONTS.items():
        op.drop_index(name, table_name="task")
        op.create_index(name, "task", ["workspace_id", *columns, *BEFORE], postgresql_where=FREE)
