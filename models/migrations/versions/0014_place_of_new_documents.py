"""The place of a document among the new ones, in which workspaces take turns."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

NEW = sa.text("state = 'received'")


def upgrade() -> None:
    op.add_column("document", sa.Column("place", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("document_new", "document", ["priority", "place"], postgresql_where=NEW)
    op.create_index(
        "document_new_of_workspace", "document", ["workspace_id", "priority", "place"], postgresql_where=NEW
    )


def downgrade() -> None:
    op.drop_index("document_new_of_workspace", table_name="document")
    op.drop_index("document_new", table_name="document")
    op.drop_column("document", "place")
