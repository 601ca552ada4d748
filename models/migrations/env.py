"""Alembic's entry: runs the migrations on the connection that is handed in; job tables are not ours to compare."""

from __future__ import annotations

from typing import Any

from alembic import context
from sqlmodel import SQLModel

import models.tables  # noqa: F401  (registers the tables)


def _is_ours(_object: Any, name: str | None, kind: str, _reflected: bool, _compare_to: Any) -> bool:
    return not (kind == "table" and str(name).startswith("procrastinate_"))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    include_object=_is_ours,
    compare_type=True,
)
with context.begin_transaction():
    # A change of a table waits for its readers, and all others wait behind it: not long, then it is tried again.
    context.execute("SET LOCAL lock_timeout = '3s'")
    context.run_migrations()
