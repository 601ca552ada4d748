"""What serves a workspace, one recorded change after the other: promotion of a model, and the way back.

Each change says which earlier one it goes back to, so that nobody comes back to what was rolled back:

    1 promoted A; goes back to the base model        3 promoted B; goes back to 2, which is the base model
    2 rolled back: the base model                    4 rolled back: the base model
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session, col, select

from hitl.platform.moves import advance
from hitl.workspace import registry
from hitl.workspace.registry import NoSuchModel
from hitl.workspace.workspaces import BASE_MODEL
from models.states import DeploymentAction, ModelState
from models.tables import Deployment, ModelVersion


class NotPromotable(Exception):
    """The model cannot be promoted; the message says why, `next_step` what to do."""

    code = "not_possible_now"

    def __init__(self, message: str, next_step: str) -> None:
        super().__init__(message)
        self.next_step = next_step


class BaseModelShared(NotPromotable):
    """The base model belongs to no workspace: one goes back to it."""

    code = "base_model"


def promote(session: Session, model: ModelVersion, *, actor: str, now: datetime, reason: str = "") -> Deployment:
    """Let a model that passed the gate serve its workspace; the reigning one retires. Work in hand is not rescored.

    Raises NotPromotable.
    """
    if model.workspace_id is None:
        raise BaseModelShared("The base model is shared by all workspaces.", "Roll back until it serves you again.")
    newest = _lock_newest(session, model.workspace_id)
    session.refresh(model)
    _check_promotable(model)
    _check_nothing_unlearned(session, model)
    _retire(session, model.workspace_id, why=f"replaced by {model.id}", actor=actor, now=now)
    advance(session, model, ModelState.SERVING, actor=actor, now=now, why=reason, promoted_at=now)
    back = newest.id if newest else None
    row = _record(session, model.workspace_id, newest, model, back, actor=actor, reason=reason, at=now)
    registry.recertify(session, model.workspace_id)
    return row


def roll_back(session: Session, workspace_id: str, *, actor: str, now: datetime, reason: str = "") -> ModelVersion:
    """Bring back what served before the last promotion that stands. Raises NoSuchModel when the base model serves."""
    newest = _lock_newest(session, workspace_id)
    if newest is None or newest.model_version_id == BASE_MODEL:
        raise NoSuchModel("The base model serves; there is nothing to roll back to.")
    target = session.get_one(Deployment, newest.goes_back_to) if newest.goes_back_to else None
    model = session.get_one(ModelVersion, target.model_version_id if target else BASE_MODEL)
    _retire(session, workspace_id, why=f"rolled back: {reason}" if reason else "rolled back", actor=actor, now=now)
    if model.workspace_id is not None:
        advance(session, model, ModelState.SERVING, actor=actor, now=now, why="rollback")
    back, action = target.goes_back_to if target else None, DeploymentAction.ROLLED_BACK
    _record(session, workspace_id, newest, model, back, action=action, actor=actor, reason=reason, at=now)
    registry.recertify(session, workspace_id)
    return model


def history(session: Session, workspace_id: str) -> list[Deployment]:
    """What served the workspace, newest first. Before the oldest the base model served."""
    rows = select(Deployment).where(Deployment.workspace_id == workspace_id)
    return list(session.exec(rows.order_by(col(Deployment.number).desc())).all())


def _lock_newest(session: Session, workspace_id: str) -> Deployment | None:
    """The change in force, kept from others until the transaction ends.

    A process of a version that kept no record may have promoted meanwhile: what serves is then recorded first.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 8))"), {"name": workspace_id})
    newest = next(iter(history(session, workspace_id)), None)
    reigning = registry.own_serving(session, workspace_id)
    if reigning is None or (newest and newest.model_version_id == reigning.id):
        return newest
    back, at = newest.id if newest else None, reigning.promoted_at or reigning.created_at
    return _record(session, workspace_id, newest, reigning, back, actor="system:deployment", at=at)


def _record(
    session: Session,
    workspace_id: str,
    newest: Deployment | None,
    model: ModelVersion,
    goes_back_to: str | None,
    *,
    action: DeploymentAction = DeploymentAction.PROMOTED,
    actor: str,
    at: datetime,
    reason: str = "",
) -> Deployment:
    row = Deployment(
        workspace_id=workspace_id,
        number=newest.number + 1 if newest else 1,
        model_version_id=model.id,
        goes_back_to=goes_back_to,
        action=action.value,
        actor=actor,
        reason=reason,
        created_at=at,
    )
    session.add(row)
    session.flush()
    return row


def _check_promotable(model: ModelVersion) -> None:
    name = f"“{model.name or model.id}”"
    state = ModelState(model.state)
    if state in (ModelState.PASSED, ModelState.RETIRED):
        return
    if state is ModelState.SERVING:
        raise NotPromotable(f"{name} serves already.", "There is nothing to do.")
    if state is ModelState.REFUSED:
        failed = [test["sentence"] for test in model.gate_report.get("tests", []) if not test["passed"]]
        raise NotPromotable(f"The gate refused {name}: {'; '.join(failed)}.", "Label more documents, then train again.")
    if state is ModelState.FAILED:
        raise NotPromotable(f"The training of {name} failed: {model.progress.get('reason', '')}.", "Train again.")
    raise NotPromotable(f"{name} is still in training.", "Wait until the gate has judged it.")


def _check_nothing_unlearned(session: Session, model: ModelVersion) -> None:
    """What the reigning model learned of a type must be in the model too, which may have grown from an older one."""
    reigning = registry.own_serving(session, str(model.workspace_id))
    lost = _learned(session, reigning) - _learned(session, model)
    if lost:
        raise NotPromotable(
            f"“{model.name or model.id}” grew from another model and never learned {', '.join(sorted(lost))} here, "
            "as the model that serves did.",
            "Train again: the new one grows from what serves now.",
        )


def _learned(session: Session, model: ModelVersion | None) -> set[str]:
    """The document types trained here on the way to a model."""
    types: set[str] = set()
    while model is not None:
        types |= set(model.document_types)
        model = session.get(ModelVersion, model.parent_id) if model.parent_id else None
    return types


def _retire(session: Session, workspace_id: str, *, why: str, actor: str, now: datetime) -> None:
    reigning = registry.own_serving(session, workspace_id)
    if reigning is not None:
        advance(session, reigning, ModelState.RETIRED, actor=actor, now=now, why=why)
