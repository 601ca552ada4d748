"""Indexes for handing out the next task: what a person holds and has answered, and which documents are held."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("task_in_hand", "task", ["leased_to"], postgresql_where=sa.text("state = 'leased'"))
    op.create_index("answer_of_document", "answer", ["user_id", "document_id"])
    op.create_index("answer_newest", "answer", ["user_id", "created_at"])
    op.create_index("document_held", "document", ["workspace_id"], postgresql_where=sa.text("held_reason IS NOT NULL"))
    op.drop_index("ix_answer_user_id", table_name="answer")


def downgrade() -> None:
    op.create_index("ix_answer_user_id", "answer", ["user_id"])
    op.drop_index("document_held", table_name="document", postgresql_where=sa.text("held_reason IS NOT NULL"))
    op.drop_index("answer_newest", table_name="answer")
    op.drop_index("answer_of_document", table_name="answer")
    op.drop_index("task_in_hand", table_name="task", postgresql_where=sa.text("state = 'leased'"))
