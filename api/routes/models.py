"""Models: their list with reports, training, promotion and going back."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from sqlmodel import col

from api.deps import ModelKeeper, Now, Reader, SessionDep, mine, owned
from api.problems import ApiProblem
from api.schemas import ModelList, ModelView, TrainInput
from hitl.learning import shadow
from hitl.learning import train as retrain
from hitl.workspace import registry
from models.tables import ModelVersion

router = APIRouter(prefix="/v1/models", tags=["models"])


@router.get("")
def list_models(session: SessionDep, caller: Reader) -> ModelList:
    """The workspace's models and the base model, newest first, and which one serves."""
    rows = session.exec(mine(ModelVersion, caller.workspace_id).order_by(col(ModelVersion.created_at).desc())).all()
    try:
        serving = registry.serving_model(session, caller.workspace_id).id
    except registry.NoSuchModel:
        serving = None
    return ModelList(models=[view(row) for row in rows], serving=serving)


@router.get("/{model_id}")
def show_model(model_id: str, session: SessionDep, caller: Reader) -> ModelView:
    """One model with its training and gate reports."""
    return view(owned(session, ModelVersion, model_id, caller.workspace_id))


@router.post("", status_code=202)
def train(session: SessionDep, caller: ModelKeeper, now: Now, body: TrainInput | None = None) -> ModelView:
    """Freeze the examples and train a candidate from them; follow its progress under its id."""
    types = body.document_types if body else []
    return view(retrain.request_training(session, caller.workspace_id, types, actor=caller.actor, now=now))


@router.post("/{model_id}/promote")
def promote(
    model_id: str, session: SessionDep, caller: ModelKeeper, now: Now, when: Literal["now", "ready"] = "now"
) -> ModelView:
    """Let a model that passed the gate serve: at once, or as soon as it accepts as much as the one that serves."""
    model = owned(session, ModelVersion, model_id, caller.workspace_id, lock=True)
    if model.workspace_id is None:
        raise ApiProblem(
            409, "base_model", "The base model is shared by all workspaces.", "Roll back until it serves you again."
        )
    if when == "ready":
        shadow.promote_when_ready(session, model, actor=caller.actor, now=now)
    else:
        registry.promote(session, model, actor=caller.actor, now=now)
    return view(model)


@router.post("/rollback")
def rollback(session: SessionDep, caller: ModelKeeper, now: Now) -> ModelView:
    """Bring back the model that served before."""
    return view(registry.roll_back(session, caller.workspace_id, actor=caller.actor, now=now))


def view(model: ModelVersion) -> ModelView:
    return ModelView.model_validate(model).model_copy(update={"base": model.workspace_id is None})
