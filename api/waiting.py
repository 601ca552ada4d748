"""Long polls: a request that waits for a document holds no thread, no connection and no place; one look serves all.

While anybody waits, one task of the process asks the database twice a second which of their documents have ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import Annotated

from anyio import to_thread
from fastapi import Depends, FastAPI, Query, Request

from api.admission import AtWork
from api.deps import Reader
from hitl.platform import db
from hitl.platform.outage import DatabaseAway, DatabaseBusy
from hitl.release.listing import ended_among
from hitl.settings import settings

EVERY = 0.5  # seconds between two looks
Wanted = tuple[str, str]  # workspace, document

Seconds = Annotated[float, Query(ge=0, le=60, description="Answer when the work has ended, at the latest after this.")]


class Waiting:
    """Those who wait in this process."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.waiters: dict[Wanted, set[asyncio.Event]] = {}
        self.looking: asyncio.Task[None] | None = None

    async def until_ended(self, wanted: Wanted, seconds: float) -> None:
        """Return when the document's work has ended or it is not there, or after `seconds`; at once when many wait."""
        if sum(map(len, self.waiters.values())) >= self.most:
            return
        ended = asyncio.Event()
        self.waiters.setdefault(wanted, set()).add(ended)
        if self.looking is None or self.looking.done():
            self.looking = asyncio.create_task(self._look())
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await ended.wait()
        finally:
            self.waiters[wanted].discard(ended)
            if not self.waiters[wanted]:
                del self.waiters[wanted]

    async def _look(self) -> None:
        while self.waiters:
            asked = list(self.waiters)
            with suppress(DatabaseAway, DatabaseBusy):  # they wait on, and are told by their own request
                for wanted in await to_thread.run_sync(_ended, asked):
                    for waiter in self.waiters.get(wanted, ()):
                        waiter.set()
            await asyncio.sleep(EVERY)


def _ended(asked: Collection[Wanted]) -> set[Wanted]:
    with db.transaction(db.request_engine) as session:
        return ended_among(session, asked)


async def wait_for_end(request: Request, document_id: str, caller: Reader, place: AtWork, wait: Seconds = 0) -> None:
    """The dependency of routes that may wait. Called before the request has its transaction."""
    if wait <= 0:
        return
    place.give_back()
    waiting: Waiting = request.app.state.waiting
    await waiting.until_ended((caller.workspace_id, document_id), wait)
    await place.take()


Waited = Annotated[None, Depends(wait_for_end, scope="function")]


def install(app: FastAPI) -> None:
    app.state.waiting = Waiting(settings().requests_waiting)
