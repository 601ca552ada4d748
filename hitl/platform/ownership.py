"""Rows of a workspace: the one way in which a door finds one, lists them, or asks whether there are any."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlmodel import Session, SQLModel, col, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from hitl.platform.locks import hold
from models.tables import Document, ModelVersion

Row = TypeVar("Row", bound=SQLModel)


def rows_of(table: type[Row], workspace_id: str) -> SelectOfScalar[Row]:
    """A query of the workspace's rows; base models are shared by all."""
    column: Any = table.workspace_id  # type: ignore[attr-defined]
    if table is ModelVersion:
        return select(table).where(or_(col(column) == workspace_id, col(column).is_(None)))
    return select(table).where(col(column) == workspace_id)


def find(session: Session, table: type[Row], identifier: str, workspace_id: str, *, lock: bool = False) -> Row | None:
    """One row of the workspace; None where it is another's, as where it does not exist."""
    if lock and table is Document:
        hold(session, identifier)
    wanted = rows_of(table, workspace_id).where(table.id == identifier)  # type: ignore[attr-defined]
    return session.exec(wanted.with_for_update(key_share=True) if lock else wanted).one_or_none()


def has_any(session: Session, table: type[Row], workspace_id: str, **columns: Any) -> bool:
    """Whether the workspace has a row of its own in which these columns say that."""
    wanted = select(table).filter_by(workspace_id=workspace_id, **columns)
    return session.exec(wanted.limit(1)).first() is not None
