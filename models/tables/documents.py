"""Documents, their pages, what the machine read, and what was released."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from models.ids import new_id
from models.states import DocumentState, Fold
from models.tables.base import Moment, json_column, moment, one_of, reference

NEW = text("state = 'received'")


DATA = "application/xml"


class Document(SQLModel, table=True):
    """One upload, or a document that was a part of one. Its bytes live in the blob store under workspace / sha256."""

    __table_args__ = (
        one_of("state", DocumentState, "document"),
        one_of("fold", Fold, "document"),
        Index(
            "document_external_once",
            "workspace_id",
            "sha256",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL AND state <> 'erased'"),
        ),
        Index("document_cursor", "workspace_id", "created_at", "id"),
        Index("document_cursor_of_state", "workspace_id", "state", "created_at", "id"),
        Index("document_changes", "workspace_id", text("coalesce(changed_at, created_at)"), "id"),
        Index("document_new", "priority", "place", postgresql_where=NEW),
        Index("document_new_of_workspace", "workspace_id", "priority", "place", postgresql_where=NEW),
        Index("document_repeats", "workspace_id", "repeat_key", postgresql_where=text("repeat_key IS NOT NULL")),
        Index("document_due", "workspace_id", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("document_released", "workspace_id", "released_at", postgresql_where=text("released_at IS NOT NULL")),
        Index("document_held", "workspace_id", postgresql_where=text("held_reason IS NOT NULL")),
    )

    id: str = Field(default_factory=lambda: new_id("doc"), primary_key=True)
    workspace_id: str = reference("workspace.id")
    external_id: str | None = None
    filename: str = ""
    sha256: str = Field(index=True)
    media_type: str = ""
    bytes: int = 0
    group_id: str = Field(default="", index=True)  # same bytes or same perceptual hash; folds hang on it
    fold: str = Field(default=Fold.TRAIN.value, max_length=32)
    perceptual_hash: str | None = Field(default=None, index=True)
    state: str = Field(default=DocumentState.RECEIVED.value, max_length=32, index=True)
    problem: dict[str, Any] | None = json_column(nullable=True)  # {code, message, next_step} of refused and failed
    requested_type: str | None = None  # given by the client at upload
    document_type: str | None = Field(default=None, index=True)
    document_type_confidence: float | None = None
    type_version_id: str | None = reference("document_type_version.id", nullable=True, cascade=False)
    model_version_id: str | None = reference("model_version.id", nullable=True, cascade=False)
    policy_version_id: str | None = reference("policy_version.id", nullable=True, cascade=False)
    run: int = 1  # counts readings of the document: reprocessing starts a new run
    page_count: int | None = None
    pages_left: int | None = None
    attempts: int = 0  # exceptions and deaths of the child; a lost worker does not count
    lost_workers: int = 0
    priority: int = 0  # higher first
    place: int = 0  # among the new ones of that priority, higher first (hitl.platform.lanes)
    due_at: Moment | None = moment(nullable=True)
    held_reason: str | None = None  # e.g. "check the stamp"
    problems: list[str] = json_column(list)  # remarks of the reader, not failures
    exceptions: list[dict[str, Any]] = json_column(list)  # released with: illegible, failed sum
    created_at: Moment = moment()
    changed_at: Moment | None = moment(nullable=True)  # when its state last moved; null: not since it came
    released_at: Moment | None = moment(nullable=True)
    grader_score: float | None = None  # what the TaskGrader expected a review to change
    uploaded_by: str | None = None  # user or key id
    repeat_key: str | None = None  # salted digest of seller, number and total
    repeat_of: str | None = None  # the document of which it is probably a second copy
    own: bool = False  # somebody said that it is none
    beside: dict[str, str] | None = json_column(nullable=True)  # an e-invoice that came with it: {name, key}
    split: dict[str, Any] | None = json_column(nullable=True)  # {guess, answer, by}: first pages of its documents
    parent_id: str | None = reference("document.id", nullable=True, cascade=False)  # the file that it was a part of
    part: int | None = None  # which one, from 1
    page_range: list[int] | None = json_column(nullable=True)  # first and last page there

    @property
    def updated_at(self) -> datetime:
        """When the document came or its state last moved."""
        return self.changed_at or self.created_at

    @property
    def made_from_data(self) -> bool:
        """Whether its pages were drawn from data: nothing of it is ground truth, evidence or an example."""
        return self.media_type == DATA


class DocumentPage(SQLModel, table=True):
    """One page: its served image and its words, both blobs."""

    __tablename__ = "document_page"
    __table_args__ = (UniqueConstraint("document_id", "number"),)

    id: str = Field(default_factory=lambda: new_id("pag"), primary_key=True)
    document_id: str = reference("document.id")
    number: int
    rendered_key: str = ""  # blob of the PNG as drawn, before it was turned upright
    image_key: str  # blob of the PNG that is served
    words_key: str | None = None  # blob of the Page as JSON, once read
    text_layer_key: str | None = None  # blob of the words that the PDF carries
    width: int
    height: int
    engine: str | None = None
    rotation: int = 0
    cpu_seconds: float | None = None
    attempts: int = 0  # failures to read this page
    problems: list[str] = json_column(list)
    read_at: Moment | None = moment(nullable=True)


class FieldReading(SQLModel, table=True):
    """The machine's answer for one field in one run (see models.values.Reading)."""

    __tablename__ = "field_reading"
    __table_args__ = (UniqueConstraint("document_id", "run", "field"),)

    id: str = Field(default_factory=lambda: new_id("rdg"), primary_key=True)
    document_id: str = reference("document.id")
    run: int
    field: str
    kind: str = Field(max_length=32)
    value_state: str = Field(max_length=32)
    value: Any = json_column(nullable=True)
    text: str | None = None
    confidence: float
    score: float | None = None
    page: int | None = None
    box: list[float] | None = json_column(nullable=True)
    lines: list[list[float]] = json_column(list)
    items: list[dict[str, Any]] = json_column(list)
    alternatives: list[Any] = json_column(list)
    provenance: dict[str, Any] = json_column()
    model_version_id: str | None = reference("model_version.id", nullable=True, cascade=False)
    created_at: Moment = moment()


class Release(SQLModel, table=True):
    """What the client was told: number 1 first, higher numbers amend."""

    __table_args__ = (UniqueConstraint("document_id", "number"),)

    id: str = Field(default_factory=lambda: new_id("rel"), primary_key=True)
    document_id: str = reference("document.id")
    number: int
    payload: dict[str, Any] | None = json_column(nullable=True)  # erasable
    reason: str = "released"  # released | audit | correction | review
    certified: dict[str, Any] = json_column()  # what the certificate said at that moment
    created_at: Moment = moment()


class Correction(SQLModel, table=True):
    """A client or a person says that a released value is wrong."""

    id: str = Field(default_factory=lambda: new_id("cor"), primary_key=True)
    document_id: str = reference("document.id")
    field: str
    value_state: str = Field(max_length=32)
    value: Any = json_column(nullable=True)
    note: str = ""
    by: str
    created_at: Moment = moment()


class Blob(SQLModel, table=True):
    """Which document needs which blob: a blob that no row names may be deleted."""

    __table_args__ = (UniqueConstraint("document_id", "key"),)

    id: str = Field(default_factory=lambda: new_id("blb"), primary_key=True)
    workspace_id: str = reference("workspace.id")
    document_id: str = reference("document.id")
    key: str = Field(index=True)
    bytes: int = 0
    created_at: Moment = moment()
