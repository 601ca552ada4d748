"""Models: their list with reports, training, promotion, going back, and what served when."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from api.deps import ModelKeeper, Now, Reader, SessionDep, owned
from api.schemas import DeploymentList, DeploymentView, ModelList, ModelView, TrainInput
from hitl.learning import shadow
from hitl.learning import train as retrain
from hitl.workspace import deployment, registry
from models.tables import ModelVersion

router = APIRouter(prefix="/v1/models", tags=["models"])

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
    """Freeze the examples and train a candidate from them; follow its progress under its id."""
    types = body.document_types if body else []
    return view(retrain.request_training(session, caller.workspace_id, types, actor=caller.actor, now=now))


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
