"""What certificates count of each document, and how far each has come."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, LargeBinary, func
from sqlmodel import Field, SQLModel

from models.tables.base import Moment, json_column, moment, reference


def _key(foreign: str) -> Any:
    return Field(primary_key=True, foreign_key=foreign, ondelete="CASCADE")


class Evidence(SQLModel, table=True):
    """One run of a document as the certificates of one model see it: scores and losses, never values.

    `fields`: by field [score, wrong, probability, weight, open, human loss, disagreed, threshold, drawn], see
    `hitl.certificate.sight`. It outlives the document's values; then it is `final`.
    """

    __table_args__ = (
        Index("evidence_order", "workspace_id", "model_version_id", "document_type", "at", "document_id", "run"),
        Index("evidence_group", "workspace_id", "model_version_id", "group_key"),
    )

    document_id: str = _key("document.id")
    run: int = Field(primary_key=True)
    model_version_id: str = _key("model_version.id")
    workspace_id: str = reference("workspace.id", index=False)
    document_type: str
    policy_version_id: str
    group_key: str  # of copies the first counts
    at: Moment = moment()  # when it was routed
    newer: bool  # evidence because it came after the model, not by its fold
    fields: dict[str, list[Any]] = json_column()
    type_probability: float | None = None
    unseen_of: int | None = None  # erased by an older version: how many fields it had, seen or not
    largest: float | None = None  # the same: the largest loss that it could have shown
    final: bool = False


class EvidenceMark(SQLModel, table=True):
    """A document of which something changed that certificates count: set by triggers, removed when it was heeded."""

    __tablename__ = "evidence_mark"
    __table_args__ = (Index("evidence_mark_of_workspace", "workspace_id", "id"),)

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    workspace_id: str
    document_id: str
    rewind: Moment | None = moment(nullable=True)  # what was counted from then on is counted anew
    set_at: Moment = Field(sa_column=Column(DateTime(timezone=True), server_default=func.now(), nullable=False))


class EvidenceCourse(SQLModel, table=True):
    """How far the documents of a workspace were looked at for one model: all of them, once `complete`."""

    __tablename__ = "evidence_course"

    workspace_id: str = _key("workspace.id")
    model_version_id: str = _key("model_version.id")
    after_created_at: Moment | None = moment(nullable=True)
    after_id: str = ""
    complete: bool = False


class CertificateStep(SQLModel, table=True):
    """The state of a certificate after `counted` documents, the last of them named; see `hitl.certificate.replay`."""

    __tablename__ = "certificate_step"

    workspace_id: str = _key("workspace.id")
    model_version_id: str = _key("model_version.id")
    document_type: str = Field(primary_key=True)
    pool: str = Field(primary_key=True)
    counted: int = Field(primary_key=True)
    at: Moment = moment()
    document_id: str
    run: int
    basis: dict[str, Any] = json_column()  # what it hangs on: with another one nothing of it can be used
    state: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
