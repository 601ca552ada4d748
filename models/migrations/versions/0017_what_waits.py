"""Indexes from which the numbers of the pages and of upkeep are read: what waits, is due, was released, was labelled."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

UNANSWERED = sa.text("state IN ('open', 'leased')")
OPEN = sa.text("state = 'open'")


def upgrade() -> None:
    op.create_index(
        "task_waiting", "task", ["workspace_id", "state", "kind", "created_at"], postgresql_where=UNANSWERED,
        postgresql_include=["document_id", "field", "purpose", "due_at"],
    )  # fmt: skip
    op.create_index("task_oldest", "task", ["workspace_id", "created_at", "id"], postgresql_where=OPEN)
    for column, name in (("due_at", "document_due"), ("released_at", "document_released")):
        op.create_index(name, "document", ["workspace_id", column], postgresql_where=sa.text(f"{column} IS NOT NULL"))
    op.create_index("example_labelled", "example", ["workspace_id", "fold", "document_type", "document_id"])


def downgrade() -> None:
    op.drop_index("example_labelled", table_name="example")
    op.drop_index("document_released", table_name="document")
    op.drop_index("document_due", table_name="document")
    op.drop_index("task_oldest", table_name="task")
    op.drop_index("task_waiting", table_name="task")
