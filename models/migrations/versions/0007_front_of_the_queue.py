"""Open tasks in the order in which they are handed out, as indexes: of all, of one field, of one kind; documents of one state."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

HAND_OUT = (sa.text("priority DESC"), sa.text("pressing DESC"), "due_at", "created_at", "id")
FREE = sa.text("state = 'open' AND for_user_id IS NULL")
PATIENT = sa.text("state = 'open' AND NOT pressing")
OLD_FRONT = ["workspace_id", "state", "priority", "due_at", "created_at"]


def upgrade() -> None:
    # With the default a process of the version before goes on opening tasks.
    op.add_column("task", sa.Column("pressing", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("task_front", "task", ["workspace_id", *HAND_OUT], postgresql_where=FREE)
    op.create_index("task_front_of_field", "task", ["workspace_id", "field", *HAND_OUT], postgresql_where=FREE)
    op.create_index("task_front_of_kind", "task", ["workspace_id", "kind", *HAND_OUT], postgresql_where=FREE)
    op.create_index("task_grows_old", "task", ["created_at"], postgresql_where=PATIENT)
    op.create_index("task_falls_due", "task", ["due_at"], postgresql_where=PATIENT)
    op.drop_index("task_next", table_name="task")
    op.create_index("document_cursor_of_state", "document", ["workspace_id", "state", "created_at", "id"])


def downgrade() -> None:
    op.drop_index("document_cursor_of_state", table_name="document")
    op.create_index("task_next", "task", OLD_FRONT)
    for name in ("task_falls_due", "task_grows_old", "task_front_of_kind", "task_front_of_field", "task_front"):
        op.drop_index(name, table_name="task")
    op.drop_column("task", "pressing")
