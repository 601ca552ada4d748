"""The models page: versions, what each learned from, the gate's report, promote, roll back, train now."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse, Response

from api.deps import owned
from api.web.rendering import go, render
from api.web.visitor import Manager, Operator, Visitor
from hitl.learning import retold, shadow, snapshots
from hitl.learning.examples import count_labelled
from hitl.learning.request import TooFewExamples, TrainingUnderWay, request_training
from hitl.people import accounts
from hitl.platform.ownership import find
from hitl.settings import settings
from hitl.workspace import deployment, registry
from hitl.workspace.workspaces import BASE_MODEL, current_types
from models.states import ModelState, Role
from models.tables import ModelVersion, Snapshot

router = APIRouter()

MOST_MODELS = 100  # on one page, newest first
Reason = Annotated[str, Form(max_length=500)]


@router.get("/models")
def models_page(request: Request, who: Manager) -> Response:
    return render(request, who, "learn/models.html", section="/models", title="Models", **_shown(who))


def _shown(who: Any) -> dict[str, Any]:
    session, workspace = who.session, who.workspace_id
    rows = registry.models_of(session, workspace)
    serving = registry.find_serving(session, workspace)
    examples = count_labelled(session, workspace)
    labels = {name: spec.label for name, (_, spec) in current_types(session, workspace).items()}
    return {
        "models": rows[:MOST_MODELS],
        "states": {row.id: registry.state_here(row, serving) for row in rows},
        "serving": serving,
        "history": deployment.history(session, workspace)[:MOST_MODELS],
        "names": {row.id: row.name or row.id for row in rows},
        "people": {person.id: person.name or person.login for person in accounts.list_users(session, workspace)},
        "can_roll_back": serving is not None and serving.id != BASE_MODEL and who.is_at_least(Role.OPERATOR),
        "can_train": who.is_at_least(Role.OPERATOR),
        "examples": examples,
        "trainable": any(one.is_enough for one in examples),
        "least": settings().min_training_documents,
        "labels": {one.document_type: one.document_type.replace("_", " ") for one in examples} | labels,
        "training": [model for model in rows if model.state == ModelState.TRAINING.value],
    }


@router.get("/models/{model_id}")
def model_page(request: Request, who: Manager, model_id: str) -> Response:
    model = owned(who.session, ModelVersion, model_id, who.workspace_id)
    parent = find(who.session, ModelVersion, model.parent_id or "", who.workspace_id)
    snapshot = find(who.session, Snapshot, model.snapshot_id or "", who.workspace_id)
    return render(
        request,
        who,
        "learn/model.html",
        section="/models",
        title=model.name or model.id,
        model=model,
        state=registry.state_here(model, registry.find_serving(who.session, who.workspace_id)),
        parent=parent,
        snapshot=snapshot,
        can_train=who.is_at_least(Role.OPERATOR),
        wording=model.train_report.get("readers", {}),
        retold=retold.count(who.session, model, who.workspace_id),
        **_shadow(who, model),
    )


def _shadow(who: Visitor, model: ModelVersion) -> dict[str, Any]:
    """What a promotion would change, where the model is the one that may wait for its certificate."""
    if shadow.shadow_model(who.session, who.workspace_id) is not model:
        return {"outlooks": None, "is_ready": True, "waits": False}
    outlooks = shadow.outlooks(who.session, model, now=who.now)
    is_ready = shadow.is_no_loss((one.serving, one.shadow) for one in outlooks)
    return {"outlooks": outlooks, "is_ready": is_ready, "waits": shadow.WAITS in model.progress}


@router.get("/models/{model_id}/progress")
def progress(who: Manager, model_id: str) -> Response:
    """State and progress of a training, for the page that follows it."""
    model = owned(who.session, ModelVersion, model_id, who.workspace_id)
    return JSONResponse({"state": model.state, "progress": model.progress}, headers={"Cache-Control": "no-store"})


@router.post("/models/train")
def train(request: Request, who: Operator, types: Annotated[list[str] | None, Form()] = None) -> Response:
    if not types:
        return _refused(request, who, "Tick at least one document type to train.")
    try:
        request_training(who.session, who.workspace_id, types, actor=who.actor, now=who.now)
    except (TooFewExamples, TrainingUnderWay, snapshots.NothingToLearn) as error:
        return _refused(request, who, str(error))
    return go("/models", "training")


@router.post("/models/rollback")
def roll_back(request: Request, who: Operator, reason: Reason = "") -> Response:
    try:
        deployment.roll_back(who.session, who.workspace_id, actor=who.actor, now=who.now, reason=reason)
    except registry.NoSuchModel as error:
        return _refused(request, who, str(error))
    return go("/models", "rolled-back")


@router.post("/models/{model_id}/promote")
def promote(
    request: Request, who: Operator, model_id: str, when: Annotated[str, Form()] = "now", reason: Reason = ""
) -> Response:
    model = owned(who.session, ModelVersion, model_id, who.workspace_id)
    try:
        if when != "ready":
            deployment.promote(who.session, model, actor=who.actor, now=who.now, reason=reason)
            return go("/models", "promoted")
        is_promoted = shadow.promote_when_ready(who.session, model, actor=who.actor, now=who.now)
    except (deployment.NotPromotable, shadow.NotInShadow) as error:
        return _refused(request, who, str(error))
    return go("/models", "promoted") if is_promoted else go(f"/models/{model.id}", "waits")


def _refused(request: Request, who: Visitor, problem: str) -> Response:
    shown = _shown(who) | {"problem": problem}
    return render(request, who, "learn/models.html", status=409, section="/models", title="Models", **shown)
