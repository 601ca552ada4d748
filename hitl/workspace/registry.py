"""Which models a workspace has, which of them serves, and how a process gets at its bundle."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, select

from hitl.platform.blobs import blobs
from hitl.platform.jobs import enqueue
from hitl.platform.ownership import rows_of
from hitl.settings import settings
from models.states import ModelState
from models.tables import ModelVersion

BASE_BUNDLE = Path(__file__).resolve().parents[2] / "extractor" / "bundle"


class NoSuchModel(Exception):
    """There is no model to serve or to roll back to; the message says what to do."""


def all_serving(session: Session) -> list[ModelVersion]:
    """Every model that serves somebody."""
    return list(session.exec(select(ModelVersion).where(ModelVersion.state == ModelState.SERVING.value)).all())


def serving_model(session: Session, workspace_id: str) -> ModelVersion:
    """The workspace's own serving model, else the base model that ships with the product. Raises NoSuchModel."""
    model = find_serving(session, workspace_id)
    if model is None:
        raise NoSuchModel("No model serves. Run `countersign migrate`, which registers the base model.")
    return model


def find_serving(session: Session, workspace_id: str) -> ModelVersion | None:
    """The serving model, or None in a database in which none was registered yet."""
    base = select(ModelVersion).where(
        col(ModelVersion.workspace_id).is_(None), ModelVersion.state == ModelState.SERVING.value
    )
    return own_serving(session, workspace_id) or session.exec(base).first()


def own_serving(session: Session, workspace_id: str) -> ModelVersion | None:
    """The serving model that was trained here, or None while the base model serves."""
    serving = ModelVersion.state == ModelState.SERVING.value
    return session.exec(select(ModelVersion).where(ModelVersion.workspace_id == workspace_id, serving)).first()


def newest_passed(session: Session, workspace_id: str) -> ModelVersion | None:
    """The workspace's newest model that passed the gate and does not serve, if there is one."""
    passed = select(ModelVersion).where(
        ModelVersion.workspace_id == workspace_id, ModelVersion.state == ModelState.PASSED.value
    )
    newest_first = col(ModelVersion.created_at).desc(), col(ModelVersion.id).desc()
    return session.exec(passed.order_by(*newest_first).limit(1)).first()


def models_of(session: Session, workspace_id: str) -> list[ModelVersion]:
    """The workspace's models and the base model, newest first."""
    newest_first = col(ModelVersion.created_at).desc(), col(ModelVersion.id).desc()
    return list(session.exec(rows_of(ModelVersion, workspace_id).order_by(*newest_first)).all())


def state_here(model: ModelVersion, serving: ModelVersion | None) -> ModelState:
    """The state of a model as its workspace sees it: the shared base model retires where another one serves."""
    if model.workspace_id is None and serving is not None and serving.id != model.id:
        return ModelState.RETIRED
    return ModelState(model.state)


def pack(folder: Path) -> bytes:
    """A bundle folder as one blob."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(p for p in folder.iterdir() if p.is_file()):
            archive.writestr(zipfile.ZipInfo(path.name), path.read_bytes())
    return buffer.getvalue()


def packed(model: ModelVersion) -> bytes:
    """The model's bundle as one blob."""
    return pack(BASE_BUNDLE) if model.bundle_key is None else blobs().get(model.bundle_key)


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
