"""Probable second copies: by which key they are found, of what they are copies, and whether somebody said otherwise."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("document", sa.Column("repeat_key", sa.String(), nullable=True))
    op.add_column("document", sa.Column("repeat_of", sa.String(), nullable=True))
    op.add_column("document", sa.Column("own", sa.Boolean(), nullable=False, server_default="false"))
    op.create_index(
        "document_repeats", "document", ["workspace_id", "repeat_key"],
        postgresql_where=sa.text("repeat_key IS NOT NULL"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("document_repeats", table_name="document")
    for column in ("own", "repeat_of", "repeat_key"):
        op.drop_column("document", column)
