"""The master data of a workspace: kept, replaced and taken away by type; read at recognition of that workspace only.

It is no part of a model, so that a model which is shared carries nobody's vendors.
"""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, select

from hitl.platform.moves import record
from hitl.workspace.workspaces import current_type
from models.tables import MasterData

MOST_BYTES = 5_000_000


class MasterDataRefused(ValueError):
    """The CSV cannot be used; the message says why."""


def find(session: Session, workspace_id: str, document_type: str) -> MasterData | None:
    """What is kept for this type, or None."""
    return session.exec(
        select(MasterData).where(MasterData.workspace_id == workspace_id, MasterData.document_type == document_type)
    ).first()


def contents(session: Session, workspace_id: str) -> dict[str, str]:
    """The CSV of each type that has one."""
    rows = session.exec(select(MasterData).where(MasterData.workspace_id == workspace_id)).all()
    return {row.document_type: row.content for row in rows}


def keep(
    session: Session, workspace_id: str, document_type: str, data: bytes, *, actor: str, now: datetime
) -> MasterData:
    """Put a CSV in the place of what was kept for this type. Raises NoSuchType, MasterDataRefused."""
    from extractor.fields.memory.masterdata import (  # numpy: not for every web process
        MasterDataUnreadable,
        read_master_data,
    )

    if len(data) > MOST_BYTES:
        raise MasterDataRefused(f"The file has more than {MOST_BYTES // 1_000_000} MB.")
    _, spec = current_type(session, workspace_id, document_type)
    try:
        text = data.decode("utf-8-sig")
        facts = read_master_data(text, spec)
    except UnicodeDecodeError as error:
        raise MasterDataRefused("The file is not UTF-8 text.") from error
    except MasterDataUnreadable as error:
        raise MasterDataRefused(f"{error}.") from error
    if not facts or "\0" in text:
        raise MasterDataRefused("There is no vendor in it.")
    row = find(session, workspace_id, document_type) or MasterData(
        workspace_id=workspace_id, document_type=document_type, content="", rows=0, updated_by=actor, updated_at=now
    )
    row.content, row.rows, row.updated_by, row.updated_at = text, len(text.splitlines()) - 1, actor, now
    session.add(row)
    session.flush()
    _log(session, row, "master_data.kept", actor, now)
    return row


def forget(session: Session, workspace_id: str, document_type: str, *, actor: str, now: datetime) -> bool:
    """Take the master data of this type away; False if there was none."""
    row = find(session, workspace_id, document_type)
    if row is None:
        return False
    _log(session, row, "master_data.forgotten", actor, now)
    session.delete(row)
    session.flush()
    return True


def _log(session: Session, row: MasterData, action: str, actor: str, now: datetime) -> None:
    record(
        session,
        action=action,
        subject=row.id,
        stream=row.workspace_id,
        workspace_id=row.workspace_id,
        actor=actor,
        now=now,
        data={"document_type": row.document_type, "rows": row.rows},
    )
