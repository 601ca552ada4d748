"""API keys may expire; documents know when their state last moved, and are listed by it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_key", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("document", sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE document SET changed_at = released_at WHERE released_at IS NOT NULL")
    changed = sa.text("coalesce(changed_at, created_at)")
    op.create_index("document_changes", "document", ["workspace_id", changed, "id"])


def downgrade() -> None:
    op.drop_index("document_changes", "document")
    op.drop_column("document", "changed_at")
    op.drop_column("api_key", "expires_at")
