"""Every error answer is problem+json (RFC 9457): one table from what was raised to status, code and the next step.

    {"type": "about:blank", "title", "status", "code", "detail", "next_step", "instance", "errors"?, "readings"?}

`code` is stable and meant for programs; `detail` and `next_step` are sentences for people.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import ValidationError
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException

from api.errors import ERRORS, kind_of

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Problem:
    """One error answer."""

    status: int
    code: str
    detail: str
    next_step: str
    errors: tuple[dict[str, Any], ...] = ()
    readings: tuple[str, ...] = ()  # what an ambiguous value may mean

    @property
    def title(self) -> str:
        return HTTPStatus(self.status).phrase

    def as_dict(self, instance: str) -> dict[str, Any]:
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "next_step": self.next_step,
            "instance": instance,
        }
        lists = {"errors": list(self.errors), "readings": list(self.readings)}
        return body | {name: rows for name, rows in lists.items() if rows}


class ApiProblem(HTTPException):
    """A refusal that the doors themselves speak: sign-in, scopes, sizes. Deeper code raises its own errors."""

    def __init__(self, status: int, code: str, detail: str, next_step: str, headers: dict[str, str] | None = None):
        super().__init__(status, detail, headers)
        self.problem = Problem(status, code, detail, next_step)


# Of HTTP errors that the framework raises itself.
HTTP: dict[int, tuple[str, str]] = {
    400: ("bad_request", "Check the request against /openapi.json."),
    404: ("not_found", "Check the address and the identifier; GET /openapi.json lists every address."),
    405: ("method_not_allowed", "Use one of the methods in the Allow header."),
    413: ("too_large", "Send a smaller body."),
    415: ("unsupported_media_type", "Send the content type that /openapi.json names."),
}


def of_http(error: HTTPException) -> Problem:
    if isinstance(error, ApiProblem):
        return error.problem
    code, next_step = HTTP.get(error.status_code, ("http_error", "Check the request against /openapi.json."))
    return Problem(error.status_code, code, str(error.detail), next_step)


def of_validation(error: RequestValidationError | ValidationError) -> Problem:
    errors = tuple(
        {"where": ".".join(str(part) for part in item["loc"]), "message": item["msg"], "code": item["type"]}
        for item in error.errors()
    )
    first = errors[0] if errors else {"where": "body", "message": "is not valid"}
    return Problem(
        422,
        "not_valid",
        f"{first['where']}: {first['message']}.",
        "Correct the parts listed under errors and send it again.",
        errors,
    )


def of_known(error: Exception) -> Problem | None:
    """The problem of an error of the domain, or None for one that is not in the table."""
    kind = kind_of(error)
    if kind is None:
        return None
    code, next_step = getattr(error, "code", kind.code), getattr(error, "next_step", kind.next_step)
    said, readings = str(error) or kind.code.replace("_", " "), getattr(error, "readings", ())
    return Problem(kind.status, code, said, next_step, readings=readings)


CRASH = Problem(
    500,
    "internal_error",
    "Something broke on our side; nothing of this request was saved.",
    "Send it again; if it happens twice, give the operator the time and the address of the request.",
)


NOT_STORABLE = Problem(
    422,
    "not_well_formed",
    "The request contains text or a number that cannot be stored.",
    "Send text as UTF-8 without control characters, and numbers of usual size.",
)


def respond(request: Request, problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """The answer: a page for a browser's page request, problem+json for everybody else."""
    page: Callable[[Request, Problem], Response] | None = getattr(request.app.state, "error_page", None)
    if page is not None and wants_page(request):
        answer = page(request, problem)
        answer.headers.update(headers or {})
        return answer
    body = problem.as_dict(request.url.path)
    return JSONResponse(body, problem.status, headers=headers, media_type=MEDIA_TYPE)


def wants_page(request: Request) -> bool:
    return not request.url.path.startswith("/v1") and "text/html" in request.headers.get("accept", "")


def install(app: FastAPI) -> None:
    """Make every error of the application a problem. The one broad handler of the web process is here."""

    def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return respond(request, of_http(error), dict(error.headers or {}))

    def on_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError | ValidationError)
        return respond(request, of_validation(error))

    def on_known(request: Request, error: Exception) -> Response:
        retry = getattr(error, "retry_seconds", None)
        return respond(request, of_known(error) or CRASH, {"Retry-After": str(retry)} if retry else None)

    def on_odd(request: Request, error: Exception) -> Response:
        log.warning("%s %s: %s", request.method, request.url.path, type(error).__name__, exc_info=error)
        return respond(request, NOT_STORABLE)

    def on_crash(request: Request, error: Exception) -> Response:
        log.error("%s %s broke", request.method, request.url.path, exc_info=error)
        return respond(request, CRASH)

    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_validation)
    for kind in ERRORS:
        app.add_exception_handler(kind, on_known)
    for odd in (DataError, UnicodeError):
        app.add_exception_handler(odd, on_odd)
    app.add_exception_handler(Exception, on_crash)
