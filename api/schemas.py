"""What API v1 takes and gives, as pydantic models. Inputs forbid unknown keys, so that a typing mistake is told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, AnyHttpUrl, AwareDatetime, BaseModel, ConfigDict, Field

from models.states import DeploymentAction, DocumentState, ModelState
from models.values import ValueState

DueAt = Annotated[AwareDatetime, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(9999, 1, 1, tzinfo=UTC))]
Priority = Annotated[int, Field(ge=-100, le=100, description="Higher first.")]
HumanState = Literal[ValueState.FOUND, ValueState.ABSENT, ValueState.EMPTY, ValueState.ILLEGIBLE]
JsonValue = str | list[str] | list[dict[str, str | None]] | None


class Input(BaseModel):
    """A request body."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Output(BaseModel):
    """An answer, read from table rows by attribute."""

    model_config = ConfigDict(from_attributes=True)


# --- documents --------------------------------------------------------------------------------------------------------


class UploadFields(Input):
    """The form fields that may stand beside the file of an upload."""

    document_type: Annotated[str, Field(max_length=63)] | None = None
    external_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    priority: Priority = 0
    due_at: DueAt | None = None


class ProblemNote(BaseModel):
    """Why a document was refused or failed."""

    code: str
    message: str
    next_step: str = ""


class CellValue(BaseModel):
    """One cell of a row of a table, on the page of its row; null where the row has nothing in that column."""

    value: str | None = None
    text: str | None = None
    confidence: float | None = None
    box: list[float] | None = None


class ItemValue(BaseModel):
    """One value of a list, or one row of a table."""

    model_config = ConfigDict(extra="allow")

    value: Annotated[str | None, Field(description="Of a row: its cells parted by bars.")] = None
    text: str | None = None
    confidence: float | None = None
    page: int | None = None
    box: list[float] | None = None
    cells: Annotated[dict[str, CellValue], Field(description="Of a row, by the name of the column.")] = {}


class FieldValue(BaseModel):
    """One field: what is known of it, where it stands on the page, and who decided it."""

    model_config = ConfigDict(extra="allow")

    value: Any = None
    text: str | None = None
    confidence: float | None = None
    page: int | None = None
    box: list[float] | None = None
    state: str
    route: str | None = None
    provenance: dict[str, Any] = {}
    items: Annotated[list[ItemValue], Field(description="Of a list or a table: its values or rows.")] = []


class ReleaseNote(Output):
    """One release: number 1 first, higher numbers amend."""

    number: int
    reason: str
    created_at: datetime
    certified: dict[str, Any] = {}


class DocumentSummary(Output):
    """A document in a list."""

    id: str
    state: DocumentState
    external_id: str | None
    filename: str
    document_type: str | None
    document_type_confidence: float | None
    pages: Annotated[int | None, Field(validation_alias=AliasChoices("page_count", "pages"))]
    priority: int
    due_at: datetime | None
    created_at: datetime
    updated_at: Annotated[datetime, Field(description="When it came or its state last moved.")]
    released_at: datetime | None
    problem: ProblemNote | None
    made_from_data: Annotated[bool, Field(description="Pages were drawn from data: no audit, no certificate.")] = False
    parent_id: Annotated[str | None, Field(description="The file of several documents that it was a part of.")]
    part: Annotated[int | None, Field(description="Which one of them, from 1.")]
    page_range: Annotated[list[int] | None, Field(description="Its first and last page in that file.")]


class DocumentView(DocumentSummary):
    """A document with its values."""

    requested_type: str | None
    held_reason: str | None
    repeat_of: Annotated[str | None, Field(description="Of which document it is probably a second copy.")] = None
    problems: list[str]
    exceptions: list[dict[str, Any]]
    fields: dict[str, FieldValue] = {}
    releases: list[ReleaseNote] = []


class DocumentList(BaseModel):
    documents: list[DocumentSummary]
    next_cursor: str | None


class CorrectionInput(Input):
    """A client says that a value is wrong. `value` is read as the document writes; `meant` decides between readings."""

    field: str
    state: HumanState = ValueState.FOUND
    value: JsonValue = None
    meant: JsonValue = None
    note: Annotated[str, Field(max_length=2000)] = ""


class RepeatInput(Input):
    copy_of_it: Annotated[bool, Field(description="true: a copy, which is cancelled; false: a document of its own.")]


class TypeInput(Input):
    document_type: str


class EventView(Output):
    """One line of a document's history: ids and digests, never values."""

    number: int
    at: datetime
    actor: str
    action: str
    subject: str
    data: dict[str, Any]


class EventList(BaseModel):
    events: list[EventView]
    intact: Annotated[bool, Field(description="True when no event was changed, removed or reordered.")]


# --- webhooks ---------------------------------------------------------------------------------------------------------


class WebhookInput(Input):
    url: AnyHttpUrl
    events: Annotated[list[str], Field(description="Event types; empty: all.")] = []


class WebhookChange(Input):
    """What is not given stays."""

    url: AnyHttpUrl | None = None
    events: list[str] | None = None
    active: bool | None = None


class SecretRotation(Input):
    overlap_hours: Annotated[float, Field(ge=0, le=720, description="How long both secrets sign.")] = 24


class WebhookView(Output):
    id: str
    url: str
    events: list[str]
    active: bool
    created_at: datetime


class WebhookCreated(WebhookView):
    secret: Annotated[str, Field(description="Signs every delivery (Standard Webhooks). Shown this once.")]


class WebhookList(BaseModel):
    webhooks: list[WebhookView]


class DeliveryView(Output):
    id: str
    event_type: str
    event_key: str
    status: str
    attempts: int
    last_status: int | None
    last_error: str | None
    created_at: datetime
    delivered_at: datetime | None


class DeliveryList(BaseModel):
    deliveries: list[DeliveryView]


# --- document types, policies, models ---------------------------------------------------------------------------------


class TypeVersionView(Output):
    name: str
    number: int
    active: bool
    created_by: str
    created_at: datetime
    spec: dict[str, Any]


class TypeList(BaseModel):
    document_types: list[TypeVersionView]


class MasterDataView(BaseModel):
    document_type: str
    rows: int
    updated_by: str
    updated_at: datetime


class PolicyView(BaseModel):
    document_type: str
    number: int
    created_by: str
    created_at: datetime
    policy: dict[str, Any]


class TrainInput(Input):
    document_types: Annotated[list[str], Field(description="Empty: every type with enough examples.")] = []
    snapshot: Annotated[str, Field(description="Id or name of a frozen one. Empty: freeze the examples now.")] = ""


class SnapshotView(Output):
    """A frozen training set; the same digest is the same set."""

    id: str
    name: str
    digest: str
    documents: int
    rows: Annotated[int, Field(description="Labelled fields.")]
    complete: Annotated[bool, Field(description="False once a document in it was erased.")]
    created_at: datetime


class SnapshotList(BaseModel):
    snapshots: list[SnapshotView]


class ModelView(Output):
    id: str
    name: str
    state: ModelState
    base: bool = False
    digest: str
    parent_id: str | None
    snapshot_id: str | None
    document_types: list[str]
    progress: dict[str, Any]
    train_report: dict[str, Any]
    gate_report: dict[str, Any]
    created_at: datetime
    promoted_at: datetime | None


class ModelList(BaseModel):
    models: list[ModelView]
    serving: str | None


class TrainingView(Output):
    """One training on the way to a model."""

    model_id: str
    name: str
    digest: str
    snapshot_id: str
    snapshot_digest: str
    complete: bool
    document_types: list[str]
    documents: Annotated[dict[str, int], Field(description="Documents that taught, by type.")]
    labels: Annotated[dict[str, int], Field(description="Fields that taught, by who said the value.")]
    document_ids: list[str]
    provenance: dict[str, Any]


class Lineage(BaseModel):
    trainings: Annotated[list[TrainingView], Field(description="Newest first; before the last comes the base model.")]


class DeploymentView(Output):
    """One change of what serves the workspace."""

    number: int
    model_id: Annotated[str, Field(validation_alias=AliasChoices("model_version_id", "model_id"))]
    action: DeploymentAction
    actor: str
    reason: str
    created_at: datetime


class DeploymentList(BaseModel):
    deployments: list[DeploymentView]


# --- tasks for external workbenches -----------------------------------------------------------------------------------


class TaskView(Output):
    """A task as its person may see it: never why it was chosen, nor what others said."""

    id: str
    document_id: str
    field: str
    kind: str
    mode: str
    shown_value: JsonValue
    whole_page: bool
    token: Annotated[
        str, Field(validation_alias=AliasChoices("lease_token", "token"), description="Send it back with the answer.")
    ]
    lease_until: datetime
    due_at: datetime | None


class TaskList(BaseModel):
    tasks: list[TaskView]
    unfinished: bool = False


class ReturnInput(Input):
    person: str
    token: str
    reason: Annotated[str, Field(max_length=500)] = ""


class AnswerAccepted(Output):
    """What became of the answer. `is_right` and what follows it are told for training tasks only."""

    answer_id: Annotated[str | None, Field(description="Null: the task was skipped.")]
    task_id: str
    is_repeat: bool
    is_right: bool | None
    correct: Any
    explanation: str


class AnswerResult(BaseModel):
    """What became of one of many answers: `accepted` with status 201, else `problem` with its own status."""

    task_id: str
    status: int
    accepted: AnswerAccepted | None = None
    problem: dict[str, Any] | None = None


class AnswersTaken(BaseModel):
    """What became of each answer, in the order in which they came."""

    results: list[AnswerResult]


# --- health -----------------------------------------------------------------------------------------------------------


class Readiness(BaseModel):
    ready: bool
    checks: dict[str, str]
