"""The one place where odd text is refused: NUL, half surrogates, wrong encodings, numbers that no column holds.

Every request passes `WellFormed` before a route sees it: its path, query, Idempotency-Key and body. Uploads stream past
it; the routes that take them check the form's text with `check_text`. What still reaches the database and is refused
there becomes the same answer (`api.problems`).
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.limits import takes_files
from api.problems import ApiProblem, respond
from models.text import fault_of

LARGEST = 2**63 - 1


class WellFormed:
    """Refuse a request whose text or numbers are none."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            _check_head(scope)
            if scope["method"] not in {"GET", "HEAD", "OPTIONS"} and not takes_files(scope):
                receive = await _checked_body(scope, receive)
        except ApiProblem as error:
            await respond(Request(scope), error.problem)(scope, receive, send)
            return
        await self.app(scope, receive, send)


def check_text(where: str, text: str) -> None:
    """Raises ApiProblem 422 for text that contains what no text does."""
    fault = fault_of(text)
    if fault is not None:
        raise not_well_formed(where, fault)


def not_well_formed(where: str, fault: str) -> ApiProblem:
    return ApiProblem(
        422, "not_well_formed", f"{where} contains {fault}.", "Take it out, or send text as UTF-8, and send it again."
    )


def _check_head(scope: Scope) -> None:
    _check_decoded("the address", scope.get("raw_path") or scope["path"].encode("utf-8", "surrogatepass"))
    for name, value in _pairs("the query", scope["query_string"]):
        check_text(f"the query parameter {name!r:.40}", name + value)
    check_text("the header Idempotency-Key", Headers(scope=scope).get("idempotency-key", ""))


def _check_decoded(where: str, raw: bytes) -> None:
    try:
        check_text(where, unquote_to_bytes(raw).decode())
    except UnicodeDecodeError as error:
        raise not_well_formed(where, "bytes that are not UTF-8") from error


def _pairs(where: str, raw: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(raw.decode("utf-8"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as error:
        raise not_well_formed(where, "bytes that are not UTF-8") from error
    except ValueError as error:
        raise not_well_formed(where, "too many fields") from error


async def _checked_body(scope: Scope, receive: Receive) -> Receive:
    """Read the body, which is small, check it by its kind, and hand it on as it came."""
    body = await _whole(receive)
    kind = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        await _check_multipart(Headers(scope=scope), body)
    elif kind == "application/x-www-form-urlencoded":
        for name, value in _pairs("the form", body):
            check_text(f"the form field {name!r:.40}", name + value)
    elif kind == "application/json" or kind.endswith("+json"):
        _check_json(body)

    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


async def _whole(receive: Receive) -> bytes:
    parts, more = [], True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


async def _check_multipart(headers: Headers, body: bytes) -> None:
    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        form = await MultiPartParser(headers, stream()).parse()
    except (MultiPartException, KeyError):
        return  # the route says what is wrong with it
    except (UnicodeError, LookupError) as error:
        raise not_well_formed("the form", "an encoding that is not known") from error
    for name, value in form.multi_items():
        check_text(f"the form field {name!r:.40}", name + (value if isinstance(value, str) else ""))
    await form.close()


def _check_json(body: bytes) -> None:
    try:
        content = json.loads(body, parse_int=_integer, parse_float=_real, parse_constant=_no_number)
    except (json.JSONDecodeError, UnicodeDecodeError):
        return  # the route says what is wrong with it
    except RecursionError as error:
        raise not_well_formed("the body", "brackets within brackets, too many to be read") from error
    for text in _texts(content):
        check_text("the body", text)


def _texts(content: Any) -> Iterator[str]:
    waiting = [content]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            waiting += one


def _integer(text: str) -> int:
    if len(text) > 20 or abs(int(text)) > LARGEST:
        raise not_well_formed("the body", f"the number {text[:20]}..., which is too large")
    return int(text)


def _real(text: str) -> float:
    number = float(text)
    return number if abs(number) < float("inf") else _no_number(text)


def _no_number(text: str) -> float:
    raise not_well_formed("the body", f"{text[:20]}, which is no number that can be kept")
