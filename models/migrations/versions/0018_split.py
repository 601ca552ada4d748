"""Files that hold several documents: two states, where the documents begin, and what each was a part of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

BEFORE = (
    "received", "rendered", "awaiting_type", "read", "in_review", "released", "amended", "refused", "failed",
    "cancelled", "erased",
)  # fmt: skip
STATES = (
    "received", "rendered", "awaiting_split", "awaiting_type", "read", "in_review", "released", "amended", "split",
    "refused", "failed", "cancelled", "erased",
)  # fmt: skip


def upgrade() -> None:
    _allow(STATES)
    op.add_column("document", sa.Column("split", postgresql.JSONB(), nullable=True))
    op.add_column("document", sa.Column("parent_id", sa.String(), nullable=True))
    op.add_column("document", sa.Column("part", sa.Integer(), nullable=True))
    op.add_column("document", sa.Column("page_range", postgresql.JSONB(), nullable=True))
    op.create_index(op.f("ix_document_parent_id"), "document", ["parent_id"], unique=False)
    op.create_foreign_key("document_parent_id_fkey", "document", "document", ["parent_id"], ["id"], ondelete="SET NULL")


def downgrade() -> None:
    op.execute("UPDATE document SET state = 'cancelled' WHERE state IN ('awaiting_split', 'split')")
    op.drop_constraint("document_parent_id_fkey", "document", type_="foreignkey")
    op.drop_index(op.f("ix_document_parent_id"), table_name="document")
    for column in ("page_range", "part", "parent_id", "split"):
        op.drop_column("document", column)
    _allow(BEFORE)


def _allow(states: tuple[str, ...]) -> None:
    op.drop_constraint("document_state_known", "document", type_="check")
    op.create_check_constraint("document_state_known", "document", sa.column("state").in_(states))
