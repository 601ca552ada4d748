"""What is learned: document types, policies, examples, snapshots, models, certificates and graders."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlmodel import Field, SQLModel

from models.ids import new_id
from models.states import DeploymentAction, Fold, ModelState
from models.tables.base import Moment, json_column, moment, one_of, reference


class DocumentTypeVersion(SQLModel, table=True):
    """An immutable version of a document type; every edit makes a new one."""

    __tablename__ = "document_type_version"
    __table_args__ = (UniqueConstraint("workspace_id", "name", "number"),)

    id: str = Field(default_factory=lambda: new_id("dtv"), primary_key=True)
    workspace_id: str = reference("workspace.id")
    name: str = Field(index=True)
    number: int
    spec: dict[str, Any] = json_column()  # models.doctype.DocumentType
    active: bool = True
    created_by: str = "system"
    created_at: Moment = moment()


class MasterData(SQLModel, table=True):
    """What a customer knows of its vendors: a CSV for one document type of one workspace, replaced as a whole."""

    __tablename__ = "master_data"
    __table_args__ = (UniqueConstraint("workspace_id", "document_type"),)

    id: str = Field(default_factory=lambda: new_id("mdt"), primary_key=True)
    workspace_id: str = reference("workspace.id")
    document_type: str
    content: str  # extractor.fields.memory.masterdata
    rows: int
    updated_by: str
    updated_at: Moment = moment()


class PolicyVersion(SQLModel, table=True):
    """How readings of one document type are routed, audited and keyed (hitl.workspace.policy.Policy)."""

    __tablename__ = "policy_version"
    __table_args__ = (UniqueConstraint("workspace_id", "document_type", "number"),)

    id: str = Field(default_factory=lambda: new_id("pol"), primary_key=True)
    workspace_id: str = reference("workspace.id")
    document_type: str
    number: int
    policy: dict[str, Any] = json_column()
    active: bool = True
    created_by: str = "system"
    created_at: Moment = moment()


class Example(SQLModel, table=True):
    """One labelled field, with how it was selected and with which probability."""

    __table_args__ = (
        UniqueConstraint("document_id", "field", "source"),
        one_of("fold", Fold, "example"),
        Index("example_labelled", "workspace_id", "fold", "document_type", "document_id"),
    )

    id: str = Field(default_factory=lambda: new_id("exm"), primary_key=True)
    workspace_id: str = reference("workspace.id")
    document_id: str = reference("document.id")
    document_type: str = Field(index=True)
    field: str
    kind: str = Field(max_length=32)
    value_state: str = Field(max_length=32)
    value: Any = json_column(nullable=True)
    page: int | None = None
    box: list[float] | None = json_column(nullable=True)
    source: str = Field(max_length=32)  # review | audit | reviewer | correction | import
    probability: float = 1.0  # pi with which it was selected
    fold: str = Field(max_length=32, index=True)
    independent: bool = False  # two blind people agreed or were adjudicated, machine excluded
    created_at: Moment = moment()


class Snapshot(SQLModel, table=True):
    """A frozen training set: which examples, by digest, in a blob."""

    id: str = Field(default_factory=lambda: new_id("snp"), primary_key=True)
    workspace_id: str = reference("workspace.id")
    document_type: str | None = None
    name: str = Field(default="", sa_column_kwargs={"server_default": ""})  # to train from it; not unique: the newest
    blob_key: str
    digest: str
    rows: int
    documents: int
    complete: bool = True  # false once a document in it was erased
    created_at: Moment = moment()


class ModelVersion(SQLModel, table=True):
    """A bundle and its life. `workspace_id` null: the base model that ships with the product."""

    __tablename__ = "model_version"
    __table_args__ = (
        one_of("state", ModelState, "model_version"),
        ExcludeConstraint(
            ("workspace_id", "="),
            using="btree",
            where="state = 'serving'",
            deferrable=True,
            initially="DEFERRED",
            name="one_model_serves",
        ),
    )

    id: str = Field(default_factory=lambda: new_id("mdl"), primary_key=True)
    workspace_id: str | None = reference("workspace.id", nullable=True)
    name: str = ""
    state: str = Field(default=ModelState.TRAINING.value, max_length=32, index=True)
    bundle_key: str | None = None  # blob of the packed bundle; null for the one on disk
    digest: str = ""
    parent_id: str | None = reference("model_version.id", nullable=True, cascade=False)
    snapshot_id: str | None = reference("snapshot.id", nullable=True, cascade=False)
    document_types: list[str] = json_column(list)
    progress: dict[str, Any] = json_column()
    train_report: dict[str, Any] = json_column()
    gate_report: dict[str, Any] = json_column()
    created_at: Moment = moment()
    promoted_at: Moment | None = moment(nullable=True)


class Deployment(SQLModel, table=True):
    """One change of what serves a workspace, never altered. Before the first one the base model served."""

    __table_args__ = (UniqueConstraint("workspace_id", "number"), one_of("action", DeploymentAction, "deployment"))

    id: str = Field(default_factory=lambda: new_id("dep"), primary_key=True)
    workspace_id: str = reference("workspace.id")
    number: int
    model_version_id: str = reference("model_version.id")  # that serves from here on
    goes_back_to: str | None = reference("deployment.id", nullable=True)  # null: to the base model
    action: str = Field(max_length=32)
    actor: str
    reason: str = ""
    created_at: Moment = moment()


class Observation(SQLModel, table=True):
    """One row of a certificate: score, loss and probability. It survives erasure, because it holds no value."""

    __table_args__ = (UniqueConstraint("verdict_id", "model_version_id", "source"),)

    id: str = Field(default_factory=lambda: new_id("obs"), primary_key=True)
    workspace_id: str = reference("workspace.id")
    document_id: str = Field(index=True)  # no foreign key: outlives an erased document
    verdict_id: str
    document_type: str = Field(index=True)
    field: str
    model_version_id: str | None = None
    policy_version_id: str | None = None
    route: str = Field(max_length=32)
    score: float  # the machine's calibrated confidence
    machine_wrong: bool
    released_wrong: bool
    probability: float  # with which it was observed
    source: str = Field(default="audit", max_length=32)  # audit | review: two blind people decided it in any case
    acceptable: bool = True  # no rule beside the threshold keeps the value from being accepted
    fields: int = 1  # how many the document has
    least_probability: float = 1.0  # 1 / the largest loss that the document could have shown a certificate
    created_at: Moment = moment()


class Certificate(SQLModel, table=True):
    """The state of one certificate: its key, its wealth, and the threshold it certifies."""

    __table_args__ = (
        UniqueConstraint("workspace_id", "document_type", "pool", "model_version_id", "policy_version_id"),
    )

    id: str = Field(default_factory=lambda: new_id("crt"), primary_key=True)
    workspace_id: str = reference("workspace.id")
    document_type: str
    pool: str  # a field name, or "*" for all fields of the type
    model_version_id: str | None = None
    policy_version_id: str | None = None
    target: float
    delta: float
    documents: int = 0
    threshold: float | None = None  # tau; null: not certifiable yet
    audits_needed: int | None = None
    suspended_reason: str | None = None
    report: dict[str, Any] = json_column()
    updated_at: Moment = moment()


class GraderVersion(SQLModel, table=True):
    """A trained TaskGrader and its threshold."""

    __tablename__ = "grader_version"

    id: str = Field(default_factory=lambda: new_id("grd"), primary_key=True)
    workspace_id: str = reference("workspace.id")
    model: str  # LightGBM text
    report: dict[str, Any] = json_column()
    active: bool = True
    created_at: Moment = moment()
