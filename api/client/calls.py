"""Calls of API v1 as values: each function makes one, and both clients send it. A `Call` knows the type of its answer.

Changing calls get an Idempotency-Key of their own, so that a client may send them again when no answer came.
"""

from __future__ import annotations

import mimetypes
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

import httpx

from api.schemas import (
    DocumentList,
    DocumentSummary,
    DocumentView,
    EventList,
    TypeList,
    WebhookCreated,
    WebhookList,
)
from models.states import DocumentState
from models.values import ValueState

T = TypeVar("T")


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request, and how its answer is read."""

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    params: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, tuple[str, bytes, str]] = field(default_factory=dict)  # by part: name, bytes, media type
    key: str | None = None  # Idempotency-Key
    seconds: float = 0  # that the server may take longer than usual

    @property
    def may_repeat(self) -> bool:
        """Whether sending it twice does the same as once."""
        return self.method in {"GET", "PUT", "DELETE"} or self.key is not None


def upload(
    file: str | Path | bytes,
    *,
    filename: str | None = None,
    document_type: str | None = None,
    external_id: str | None = None,
    priority: int = 0,
    due_at: datetime | None = None,
    beside: Path | None = None,
    key: str | None = None,
) -> Call[DocumentSummary]:
    """Upload a file: a path, or bytes with `filename`; and the e-invoice (XML) that belongs to it, `beside` it.

    Raises OSError if a path cannot be read.
    """
    data = file if isinstance(file, bytes) else Path(file).read_bytes()
    name = filename or ("document" if isinstance(file, bytes) else Path(file).name)
    given = {"document_type": document_type, "external_id": external_id, "priority": priority or None}
    form = {name: str(value) for name, value in given.items() if value is not None}
    if due_at is not None:
        form["due_at"] = due_at.isoformat()
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    read = DocumentSummary.model_validate_json
    files = {"file": (name, data, kind)}
    if beside is not None:
        files["beside"] = (beside.name, beside.read_bytes(), "application/xml")
    return Call("POST", "/v1/documents", _body(read), form=form, files=files, key=key or _new_key())


def document(document_id: str, *, wait: float = 0) -> Call[DocumentView]:
    """A document with its fields; with `wait` at most that many seconds (60) later, once its work has ended."""
    params = {"wait": wait} if wait else {}
    return Call("GET", f"/v1/documents/{document_id}", _body(DocumentView.model_validate_json), params, seconds=wait)


def documents(
    *,
    states: tuple[DocumentState | str, ...] = (),
    document_type: str | None = None,
    external_id: str | None = None,
    updated_since: datetime | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> Call[DocumentList]:
    """One page of the list of documents; `Client.documents` goes through all pages."""
    given = {
        "state": [str(state) for state in states], "document_type": document_type, "external_id": external_id,
        "updated_since": updated_since and updated_since.isoformat(), "cursor": cursor, "limit": limit,
    }  # fmt: skip
    params = {name: value for name, value in given.items() if value}
    return Call("GET", "/v1/documents", _body(DocumentList.model_validate_json), params)


def page(document_id: str, number: int) -> Call[bytes]:
    """The picture of a page (PNG), to which every box refers."""
    return Call("GET", f"/v1/documents/{document_id}/pages/{number}.png", lambda answer: answer.content)


def events(document_id: str) -> Call[EventList]:
    """Who did what to the document."""
    return Call("GET", f"/v1/documents/{document_id}/events", _body(EventList.model_validate_json))


def correct(
    document_id: str,
    name: str,
    value: Any = None,
    *,
    state: ValueState | str = ValueState.FOUND,
    note: str = "",
    key: str | None = None,
) -> Call[DocumentView]:
    """A released value is wrong: what it should be, or `state` absent, empty or illegible."""
    body = {"field": name, "value": value, "state": str(state), "note": note}
    read = _body(DocumentView.model_validate_json)
    return Call("POST", f"/v1/documents/{document_id}/corrections", read, json=body, key=key or _new_key())


def change(document_id: str, what: str, *, key: str | None = None) -> Call[DocumentSummary]:
    """`what` is reprocess, cancel or retry."""
    read = _body(DocumentSummary.model_validate_json)
    return Call("POST", f"/v1/documents/{document_id}/{what}", read, key=key or _new_key())


def retype(document_id: str, document_type: str, *, key: str | None = None) -> Call[DocumentSummary]:
    """Say what type the document is; it is read and routed again as that type."""
    body, read = {"document_type": document_type}, _body(DocumentSummary.model_validate_json)
    return Call("POST", f"/v1/documents/{document_id}/type", read, json=body, key=key or _new_key())


def erase(document_id: str) -> Call[None]:
    """Erase bytes, pages and values."""
    return Call("DELETE", f"/v1/documents/{document_id}", lambda _answer: None)


def document_types() -> Call[TypeList]:
    return Call("GET", "/v1/document-types", _body(TypeList.model_validate_json))


def add_webhook(url: str, events: tuple[str, ...] = ()) -> Call[WebhookCreated]:
    """Be told of events; the answer has the secret that `verify_webhook` takes, and nothing else ever has."""
    read = _body(WebhookCreated.model_validate_json)
    return Call("POST", "/v1/webhooks", read, json={"url": url, "events": list(events)})


def webhooks() -> Call[WebhookList]:
    return Call("GET", "/v1/webhooks", _body(WebhookList.model_validate_json))


def _body(read: Callable[[bytes], T]) -> Callable[[httpx.Response], T]:
    return lambda answer: read(answer.content)


def _new_key() -> str:
    return uuid.uuid4().hex
