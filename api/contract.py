"""The contract of API v1: names of operations, and what every operation may answer when it fails, in /openapi.json."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel

from api.problems import MEDIA_TYPE
from models.text import WELL_FORMED


class ProblemError(BaseModel):
    """One part of a request that was not accepted."""

    where: str
    message: str
    code: str


class ProblemView(BaseModel):
    """Every error of the API (RFC 9457). `code` is for programs and stable; `detail` and `next_step` are for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    next_step: str
    instance: str
    errors: list[ProblemError] = []
    readings: list[str] = []


def file_of(media_type: str) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that answers with bytes."""
    return {200: {"content": {media_type: {"schema": {"type": "string", "format": "binary"}}}}}


# What any operation may answer beside its own statuses.
FAILURES = {
    "400": "The request could not be parsed.",
    "401": "The key is missing, unknown, expired or revoked.",
    "403": "The key lacks the scope, or the person may not do this.",
    "404": "There is no such thing in the workspace of the key.",
    "409": "Not possible in the present state.",
    "410": "It was there and is gone.",
    "413": "The body is too large.",
    "422": "A part of the request is not valid; `errors` says which.",
    "429": "Too many requests; `Retry-After` says when to come again.",
    "500": "Ours to mend; nothing of the request was saved.",
    "503": "Busy, or the database is away; `Retry-After` says when to come again.",
}


def operation_id(route: APIRoute) -> str:
    """The name of an operation in generated clients: resource and function, stable while both are."""
    return f"{route.endpoint.__module__.rpartition('.')[2]}_{route.name}"


def install(app: FastAPI) -> None:
    """Complete what the framework writes: failures of every keyed operation, as one schema that clients share."""
    written = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(written())
        return written()

    app.openapi = openapi  # type: ignore[method-assign]  # the way that the framework documents


def _complete(contract: dict[str, Any]) -> None:
    schema = ProblemView.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = contract["components"]["schemas"]
    schemas.update(schema.pop("$defs"), ProblemView=schema)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    body = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemView"}}}
    failures = {status: {"description": why, "content": body} for status, why in FAILURES.items()}
    asked: set[str] = set()  # schemas that stand in requests
    for operations in contract["paths"].values():
        for operation in operations.values():
            if "security" in operation:
                operation["responses"] = operation["responses"] | failures
            for part in (operation.get("parameters", []), operation.get("requestBody", {})):
                _say_which_text(part, schemas, asked)


def _say_which_text(part: Any, schemas: dict[str, Any], seen: set[str]) -> None:
    """Write into every plain text of a request which characters it may have (`api.wellformed` refuses the others)."""
    if isinstance(part, list):
        for one in part:
            _say_which_text(one, schemas, seen)
    if not isinstance(part, dict):
        return
    if part.get("type") == "string" and not part.keys() & {"pattern", "format", "enum", "const"}:
        part["pattern"] = WELL_FORMED
    if "additionalProperties" in part:
        part.setdefault("propertyNames", {"pattern": WELL_FORMED})
    name = str(part.get("$ref", "")).rpartition("/")[2]
    if name and name not in seen:
        seen.add(name)
        _say_which_text(schemas[name], schemas, seen)
    for one in list(part.values()):
        _say_which_text(one, schemas, seen)
