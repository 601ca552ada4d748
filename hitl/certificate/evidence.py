"""Which document certifies which model."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlmodel import Session

from hitl.settings import settings
from models.states import Fold
from models.tables import (
    Document,
    ModelVersion,
)

NEVER = datetime.max.replace(tzinfo=UTC)


def is_evidence(session: Session, document: Document) -> bool:
    """Whether the model that read the document is certified on it."""
    model = session.get(ModelVersion, document.model_version_id) if document.model_version_id else None
    return is_evidence_on(model, document)


def is_evidence_on(model: ModelVersion | None, document: Document) -> bool:
    """Whether `model` is certified on the document."""
    if document.made_from_data:
        return False
    is_younger = model is not None and document.created_at > model.created_at
    return certifies(document.fold, is_younger=is_younger, newer=settings().certify_newer)


def certifies(fold: str | None, *, is_younger: bool, newer: bool) -> bool:
    """Whether a document certifies a model: those of the certify fold do; with `newer` also those younger than it."""
    return fold == Fold.CERTIFY.value or (newer and is_younger)


def evidence_after(model: ModelVersion) -> datetime:
    """Documents that came later certify the model whatever their fold: none, unless the settings say so."""
    return model.created_at if settings().certify_newer else NEVER
