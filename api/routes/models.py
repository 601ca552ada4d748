"""Models: their list with reports, training, promotion, going back, and what served when."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from api.contract import file_of
from api.deps import ModelKeeper, Now, Reader, SessionDep, owned
from api.schemas import (
    DeploymentList,
    DeploymentView,
    Lineage,
    ModelList,
    ModelView,
    SnapshotList,
    SnapshotView,
    TrainingView,
    TrainInput,
)
from hitl.learning import lineage, shadow, snapshots
from hitl.learning.request import request_training
from hitl.workspace import deployment, registry
from models.tables import ModelVersion

router = APIRouter(prefix="/v1/models", tags=["models"])
frozen = APIRouter(prefix="/v1/snapshots", tags=["models"])

Reason = Annotated[str, Query(max_length=500, description="Kept in the history of what served.")]


@router.get("")
def list_models(session: SessionDep, caller: Reader) -> ModelList:
    """The workspace's models and the base model, newest first, and which one serves."""
    serving = registry.find_serving(session, caller.workspace_id)
    rows = registry.models_of(session, caller.workspace_id)
    return ModelList(models=[view(row, serving) for row in rows], serving=serving.id if serving else None)


@router.get("/history")
def history(session: SessionDep, caller: Reader) -> DeploymentList:
    """What served the workspace, newest first: promoted or rolled back, by whom and why. Before: the base model."""
    rows = deployment.history(session, caller.workspace_id)
    return DeploymentList(deployments=[DeploymentView.model_validate(row) for row in rows])


@router.get("/{model_id}")
def show_model(model_id: str, session: SessionDep, caller: Reader) -> ModelView:
    """One model with its training and gate reports."""
    model = owned(session, ModelVersion, model_id, caller.workspace_id)
    return view(model, registry.find_serving(session, caller.workspace_id))


@router.post("", status_code=202)
def train(session: SessionDep, caller: ModelKeeper, now: Now, body: TrainInput | None = None) -> ModelView:
    """Train a candidate from the examples, frozen now, or from a snapshot; follow its progress under its id."""
    asked = body or TrainInput()
    given = snapshots.find(session, caller.workspace_id, asked.snapshot) if asked.snapshot else None
    types = asked.document_types
    return view(request_training(session, caller.workspace_id, types, snapshot=given, actor=caller.actor, now=now))


@router.get("/{model_id}/lineage")
def explain(model_id: str, session: SessionDep, caller: Reader) -> Lineage:
    """What the model learned from: each training on its way, with snapshot and digest, and the documents behind it."""
    model = owned(session, ModelVersion, model_id, caller.workspace_id)
    return Lineage(trainings=[TrainingView.model_validate(one) for one in lineage.trainings(session, model)])


@router.get(
    "/{model_id}/bundle",
    response_class=Response,
    responses=file_of("application/zip"),
)
def download(model_id: str, session: SessionDep, caller: ModelKeeper) -> Response:
    """The model's bundle as a ZIP: safetensors and JSON, which `countersign extract --bundle` reads when unpacked."""
    model = owned(session, ModelVersion, model_id, caller.workspace_id)
    named = {"Content-Disposition": f'attachment; filename="{model.id}.zip"'}
    return Response(registry.packed(model), media_type="application/zip", headers=named)


@router.post("/{model_id}/promote")
def promote(
    model_id: str,
    session: SessionDep,
    caller: ModelKeeper,
    now: Now,
    when: Literal["now", "ready"] = "now",
    reason: Reason = "",
) -> ModelView:
    """Let a model that passed the gate serve: at once, or as soon as it accepts as much as the one that serves."""
    model = owned(session, ModelVersion, model_id, caller.workspace_id)
    if when == "ready" and model.workspace_id is not None:
        shadow.promote_when_ready(session, model, actor=caller.actor, now=now)
    else:
        deployment.promote(session, model, actor=caller.actor, now=now, reason=reason)
    return view(model)


@router.post("/rollback")
def rollback(session: SessionDep, caller: ModelKeeper, now: Now, reason: Reason = "") -> ModelView:
    """Bring back the model that served before."""
    return view(deployment.roll_back(session, caller.workspace_id, actor=caller.actor, now=now, reason=reason))


def view(model: ModelVersion, serving: ModelVersion | None = None) -> ModelView:
    seen = {"base": model.workspace_id is None, "state": registry.state_here(model, serving)}
    return ModelView.model_validate(model).model_copy(update=seen)


@frozen.get("")
def list_snapshots(session: SessionDep, caller: Reader) -> SnapshotList:
    """Frozen training sets, newest first."""
    rows = snapshots.list_snapshots(session, caller.workspace_id)
    return SnapshotList(snapshots=[SnapshotView.model_validate(row) for row in rows])
