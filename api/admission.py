"""Admission: work on the database begins where a thread and a connection are free for it; what waits, holds nothing.

A process has as many places as connections, and more threads than places. A request takes its place before its first
thread or connection and gives it back when its transaction has ended, before the answer is sent. So nobody who has the
one thing waits for the other, and a slow client holds neither. When too many wait, or one waits too long, the request
is answered 503 with Retry-After at once, and nothing of it was done.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Annotated, ClassVar

from anyio import to_thread
from fastapi import Depends, FastAPI, Request

from hitl.settings import settings

KEYED = "countersign.keyed"
SPARE_THREADS = 20  # for files and forms, which wait for nothing
LONGEST = 60  # seconds that anybody is asked to stay away


class TooBusy(Exception):
    """More requests wait than this process can answer soon."""

    next_step: ClassVar[str] = "Send it again after the seconds that Retry-After names; nothing of it was done."

    def __init__(self, retry_seconds: int) -> None:
        super().__init__("The server has more to do than it can answer soon.")
        self.retry_seconds = retry_seconds


class Places:
    """So many requests at work at once, first come first served, and so many that wait."""

    def __init__(self, at_work: int, waiting: int, seconds: float) -> None:
        self.free, self.most_waiting, self.seconds = at_work, waiting, seconds
        self.at_work = at_work
        self.waiting: deque[asyncio.Future[None]] = deque()
        self.took = 0.1  # seconds that a request is at work, smoothed

    async def take(self) -> None:
        """Wait for a place. Raises TooBusy."""
        if self.free > 0 and not self.waiting:
            self.free -= 1
            return
        if len(self.waiting) >= self.most_waiting:
            raise TooBusy(self.retry_seconds())
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append(turn)
        try:
            async with asyncio.timeout(self.seconds):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():  # it was given a place in the moment in which it gave up
                self.give_back()
            elif turn in self.waiting:
                self.waiting.remove(turn)
            if isinstance(error, TimeoutError):
                raise TooBusy(self.retry_seconds()) from error
            raise

    def give_back(self, took: float | None = None) -> None:
        if took is not None:
            self.took += 0.05 * (took - self.took)
        while self.waiting:
            turn = self.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.free += 1

    def retry_seconds(self) -> int:
        """When those who wait now will have been answered."""
        return max(1, min(LONGEST, math.ceil(len(self.waiting) * self.took / self.at_work)))


class Place:
    """The place of one request."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.since: float | None = None

    async def take(self) -> None:
        await self.places.take()
        self.since = monotonic()

    def give_back(self) -> None:
        if self.since is not None:
            self.places.give_back(monotonic() - self.since)
            self.since = None


async def place_at_work(request: Request) -> AsyncIterator[Place]:
    """The request's place, from here until its transaction has ended."""
    await keep_keyed(request)
    place = Place(request.app.state.places)
    await place.take()
    try:
        yield place
    finally:
        place.give_back()


async def keep_keyed(request: Request) -> None:
    """Keep the fields of a form at hand for the page of an error. A password is not shown again."""
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        fields = [(name, value) for name, value in (await request.form()).multi_items() if isinstance(value, str)]
        request.scope[KEYED] = [] if any("password" in name for name, _ in fields) else fields


def keyed_in(request: Request) -> list[tuple[str, str]]:
    """The fields of the form that this request brought."""
    kept: list[tuple[str, str]] = request.scope.get(KEYED, [])
    return kept


async def place_of_probe(request: Request) -> AsyncIterator[None]:
    """Probes have a place of their own: a busy process is not a broken one."""
    place = Place(request.app.state.probes)
    await place.take()
    try:
        yield
    finally:
        place.give_back()


AtWork = Annotated[Place, Depends(place_at_work, scope="function")]
Probe = Annotated[None, Depends(place_of_probe, scope="function")]


def install(app: FastAPI) -> None:
    """Give the application its places."""
    given = settings()
    app.state.places = Places(given.database_pool, given.requests_waiting, given.waiting_seconds)
    app.state.probes = Places(1, 10, given.waiting_seconds)


@asynccontextmanager
async def enough_threads(_app: FastAPI) -> AsyncIterator[None]:
    """While the application runs its event loop has a thread for everybody at work."""
    to_thread.current_default_thread_limiter().total_tokens = settings().database_pool + SPARE_THREADS
    yield
