"""Checks of which not all have a second keyer: what the first said, and the probability of the second."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit", sa.Column("first_agreed", sa.Boolean(), nullable=True))
    op.add_column("audit", sa.Column("second_probability", sa.Float(), nullable=True))
    op.execute("UPDATE audit SET first_agreed = false, second_probability = 1")  # those were asked twice in any case


def downgrade() -> None:
    op.drop_column("audit", "second_probability")
    op.drop_column("audit", "first_agreed")
