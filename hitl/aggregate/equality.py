"""Answers as tokens: equal tokens are equal answers, however they were written. States are answers of their own."""

from __future__ import annotations

from typing import Any

from extractor import kinds
from models.doctype import DocumentType, FieldSpec, Kind
from models.values import ValueState

TYPE_FIELD = "document_type"  # the verdict field that stands for the class itself


def token_of(kind: str, value_state: str, value: Any) -> str:
    """The canonical text of an answer: ``=key`` for a value, else the name of its state."""
    if value_state != ValueState.FOUND.value:
        return value_state
    return "=" + kinds.key(Kind(kind), value)


def same_answer(kind: str, a: tuple[str | None, Any], b: tuple[str | None, Any]) -> bool:
    """Whether two (state, value) pairs say the same."""
    return token_of(kind, a[0] or "", a[1]) == token_of(kind, b[0] or "", b[1])


def field_spec(spec: DocumentType | None, name: str) -> FieldSpec | None:
    """The field of that name, None for the document type itself or for a field the type no longer has."""
    if spec is None:
        return None
    return next((field for field in spec.fields if field.name == name), None)
