"""Which model serves: the bundles of a workspace, their promotion and rollback, and how a process gets at one."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, select

from hitl.platform.blobs import blobs
from hitl.platform.jobs import enqueue
from hitl.platform.moves import advance
from hitl.settings import settings
from models.states import ModelState
from models.tables import ModelVersion

BASE_BUNDLE = Path(__file__).resolve().parents[2] / "extractor" / "bundle"


class NoSuchModel(Exception):
    """There is no model to serve or to roll back to; the message says what to do."""


def serving_model(session: Session, workspace_id: str) -> ModelVersion:
    """The workspace's own serving model, else the base model that ships with the product. Raises NoSuchModel."""
    model = find_serving(session, workspace_id)
    if model is None:
        raise NoSuchModel("No model serves. Run `countersign migrate`, which registers the base model.")
    return model


def find_serving(session: Session, workspace_id: str) -> ModelVersion | None:
    """The serving model, or None in a database in which none was registered yet."""
    serving = select(ModelVersion).where(ModelVersion.state == ModelState.SERVING.value)
    own = session.exec(serving.where(ModelVersion.workspace_id == workspace_id)).first()
    return own or session.exec(serving.where(col(ModelVersion.workspace_id).is_(None))).first()


def pack(folder: Path) -> bytes:
    """A bundle folder as one blob."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(p for p in folder.iterdir() if p.is_file()):
            archive.writestr(zipfile.ZipInfo(path.name), path.read_bytes())
    return buffer.getvalue()


def bundle_folder(model: ModelVersion) -> Path:
    """A local folder that holds the model's bundle, unpacked once per machine."""
    if model.bundle_key is None:
        return BASE_BUNDLE
    folder = settings().data_dir / "bundles" / model.id
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        unpacked = Path(scratch) / "bundle"
        with zipfile.ZipFile(io.BytesIO(blobs().get(model.bundle_key))) as archive:
            for name in archive.namelist():
                target = unpacked / Path(name).name
                target.parent.mkdir(exist_ok=True)
                target.write_bytes(archive.read(name))
        try:
            os.rename(unpacked, folder)  # noqa: PTH104  another process may have been first
        except OSError:
            if not folder.exists():
                raise
    return folder


def promote(session: Session, model: ModelVersion, *, actor: str, now: datetime) -> None:
    """Let a model that passed the gate serve its workspace; the reigning one retires. Work in hand is not rescored."""
    reigning = session.exec(
        select(ModelVersion)
        .where(ModelVersion.workspace_id == model.workspace_id, ModelVersion.state == ModelState.SERVING.value)
        .with_for_update()
    ).first()
    advance(session, model, ModelState.SERVING, actor=actor, now=now, promoted_at=now)  # first: it may be forbidden
    if reigning is not None:
        advance(session, reigning, ModelState.RETIRED, actor=actor, now=now, why=f"replaced by {model.id}")
    assert model.workspace_id is not None
    recertify(session, model.workspace_id)


def recertify(
    session: Session,
    workspace_id: str,
    model_id: str | None = None,
    *,
    after: str | None = None,
    document_id: str | None = None,
) -> None:
    """Have labelled documents, or one, scored by a model that did not read them: the serving one, or the named one."""
    asked = {"model_id": model_id, "after": after, "document_id": document_id}
    given: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    name = ":".join(part for part in ("recertify", model_id or workspace_id, document_id) if part)
    enqueue(session, "recertify", once=name, workspace_id=workspace_id, **given)


def roll_back(session: Session, workspace_id: str, *, actor: str, now: datetime) -> ModelVersion:
    """Retire the workspace's serving model and bring back the one before it, or the base model.

    Raises NoSuchModel when only the base model ever served.
    """
    own = select(ModelVersion).where(ModelVersion.workspace_id == workspace_id)
    reigning = session.exec(own.where(ModelVersion.state == ModelState.SERVING.value).with_for_update()).first()
    if reigning is None:
        raise NoSuchModel("Only the base model has served here; there is nothing to roll back to.")
    before = session.exec(
        own.where(
            ModelVersion.state == ModelState.RETIRED.value,
            col(ModelVersion.promoted_at) < reigning.promoted_at,
        ).order_by(col(ModelVersion.promoted_at).desc())
    ).first()
    advance(session, reigning, ModelState.RETIRED, actor=actor, now=now, why="rolled back")
    if before is not None:
        advance(session, before, ModelState.SERVING, actor=actor, now=now, why="rollback")
    recertify(session, workspace_id)
    return serving_model(session, workspace_id)
