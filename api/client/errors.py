"""What can go wrong with a call:

ClientError
├── ApiError         the server refused or failed; `code` is stable, `next_step` says what to do
├── NotReachable     no answer came
└── WrongSignature   a delivery is not from where it says
"""

from __future__ import annotations

from typing import Any

import httpx


class ClientError(Exception):
    """A call did not do what it should."""


class ApiError(ClientError):
    """The problem that the server told (RFC 9457)."""

    def __init__(self, status: int, code: str, detail: str, next_step: str, errors: list[dict[str, Any]]) -> None:
        super().__init__(f"{detail} {next_step}".strip())
        self.status, self.code, self.detail, self.next_step, self.errors = status, code, detail, next_step, errors


class NotReachable(ClientError):
    """The server gave no answer, after all tries."""


class WrongSignature(ClientError):
    """The body of a webhook was changed, is too old, or was signed with another secret."""


def error_of(answer: httpx.Response) -> ApiError:
    """The problem in an answer; what stands between us and the server may have answered without one."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    told: dict[str, Any] = body if isinstance(body, dict) else {}
    detail = told.get("detail") or f"The server answered {answer.status_code}."
    return ApiError(
        answer.status_code, told.get("code", "http_error"), detail, told.get("next_step", ""), told.get("errors", [])
    )
