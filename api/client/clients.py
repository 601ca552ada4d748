"""The two clients: one waits for each answer, one is awaited.

Busy answers (429, 503) and lost connections are tried again where the call may be repeated; the server says when.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from api.client import calls
from api.client.calls import Call
from api.client.errors import NotReachable, error_of
from api.schemas import DocumentSummary, DocumentView
from models.states import DONE, DocumentState

T = TypeVar("T")
BUSY = {429, 503}
ENDED = DONE | {DocumentState.FAILED}
POLL = 30.0  # seconds of one long poll
LONGEST_PAUSE = 60.0


class _Shared:
    """What both know: where to, with which key, how patient."""

    def __init__(self, url: str, key: str, *, timeout: float = 30, tries: int = 6) -> None:
        self.timeout, self.tries = timeout, tries
        self.jitter = random.Random()  # noqa: S311 - so that many clients do not come again at once
        self.options: dict[str, Any] = {
            "base_url": url.rstrip("/"),
            "headers": {"Authorization": f"Bearer {key}", "Accept": "application/json"},
            "timeout": timeout,
        }

    def given(self, call: Call[Any]) -> dict[str, Any]:
        """The request as httpx takes it."""
        given: dict[str, Any] = {"params": call.params, "timeout": self.timeout + call.seconds}
        if call.json is not None:
            given["json"] = call.json
        if call.files:
            given |= {"files": dict(call.files), "data": call.form}
        if call.key is not None:
            given["headers"] = {"Idempotency-Key": call.key}
        return given

    def pause(self, call: Call[Any], tried: int, answer: httpx.Response | None) -> float | None:
        """Seconds until the next try; None when there is none."""
        busy = answer is None or answer.status_code in BUSY
        if not busy or tried >= self.tries or not (call.may_repeat or answer is not None):
            return None
        told = answer.headers.get("retry-after", "") if answer is not None else ""
        wait = float(told) if told.isdigit() else 0.5 * 2**tried
        return min(wait, LONGEST_PAUSE) * self.jitter.uniform(1, 1.25)

    def read(self, call: Call[T], answer: httpx.Response | None, lost: Exception | None) -> T:
        """What the last try brought."""
        if answer is None:
            raise NotReachable(f"{self.options['base_url']} gave no answer: {lost}") from lost
        if not answer.is_success:
            raise error_of(answer)
        return call.read(answer)


class Client(_Shared):
    """The client for programs that wait for each answer. Threads may share one."""

    def __init__(self, url: str, key: str, *, timeout: float = 30, tries: int = 6) -> None:
        super().__init__(url, key, timeout=timeout, tries=tries)
        self.http = httpx.Client(**self.options)

    def send(self, call: Call[T]) -> T:
        """The answer to `call`. Raises ApiError, NotReachable."""
        for tried in range(1, self.tries + 1):
            answer, lost = None, None
            try:
                answer = self.http.request(call.method, call.path, **self.given(call))
            except httpx.TransportError as error:
                lost = error
            pause = self.pause(call, tried, answer)
            if pause is None:
                break
            time.sleep(pause)
        return self.read(call, answer, lost)

    def wait(self, document_id: str, *, seconds: float = 3600) -> DocumentView:
        """The document when its work has ended. Raises TimeoutError after `seconds`."""
        until = time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            document = self.send(calls.document(document_id, wait=max(0.0, min(POLL, left))))
            if document.state in ENDED:
                return document
            if left <= 0:
                raise TimeoutError(f"Document {document_id} is still {document.state}.")

    def documents(self, **wanted: Any) -> Iterator[DocumentSummary]:
        """All documents that `calls.documents` would list, page by page."""
        cursor = None
        while True:
            page = self.send(calls.documents(cursor=cursor, **wanted))
            yield from page.documents
            cursor = page.next_cursor
            if cursor is None:
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.http.close()


class AsyncClient(_Shared):
    """The same for asyncio."""

    def __init__(self, url: str, key: str, *, timeout: float = 30, tries: int = 6) -> None:
        super().__init__(url, key, timeout=timeout, tries=tries)
        self.http = httpx.AsyncClient(**self.options)

    async def send(self, call: Call[T]) -> T:
        """The answer to `call`. Raises ApiError, NotReachable."""
        for tried in range(1, self.tries + 1):
            answer, lost = None, None
            try:
                answer = await self.http.request(call.method, call.path, **self.given(call))
            except httpx.TransportError as error:
                lost = error
            pause = self.pause(call, tried, answer)
            if pause is None:
                break
            await asyncio.sleep(pause)
        return self.read(call, answer, lost)

    async def wait(self, document_id: str, *, seconds: float = 3600) -> DocumentView:
        """The document when its work has ended. Raises TimeoutError after `seconds`."""
        until = time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            document = await self.send(calls.document(document_id, wait=max(0.0, min(POLL, left))))
            if document.state in ENDED:
                return document
            if left <= 0:
                raise TimeoutError(f"Document {document_id} is still {document.state}.")

    async def documents(self, **wanted: Any) -> AsyncIterator[DocumentSummary]:
        """All documents that `calls.documents` would list, page by page."""
        cursor = None
        while True:
            page = await self.send(calls.documents(cursor=cursor, **wanted))
            for document in page.documents:
                yield document
            cursor = page.next_cursor
            if cursor is None:
                return

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.http.aclose()
