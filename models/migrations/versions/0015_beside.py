"""An e-invoice that came beside a document, in the same upload."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("document", sa.Column("beside", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("document", "beside")
