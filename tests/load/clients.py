"""People who key as fast as they are let, over connections of their own; each keeps what it was told.

A client does what a good one does: it waits as long as Retry-After says and sends the same answer again under the same
key. So what it was told can be compared with the database to the last answer.
"""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

GONE = {409, 410}
BUSY = {429, 503}
IDLE = 0.2  # seconds until somebody without work looks again


@dataclass(frozen=True, slots=True)
class Said:
    """What the server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Connection:
    """One kept connection. asyncio's streams alone: a client library would take a core from the server under test."""

    port: int
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None
    lost: int = 0  # connections that ended within a request

    async def ask(self, method: str, path: str, headers: Mapping[str, str], body: Any = None) -> Said:
        """One request. A connection that the server closed meanwhile is opened again, and the request sent again."""
        sent = b"" if body is None else json.dumps(body).encode()
        head = {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": str(len(sent)), **headers}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
        for _ in range(5):
            try:
                if self.reader is None or self.writer is None or self.reader.at_eof():
                    await self.close()
                    self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
                self.writer.write("\r\n".join(lines).encode() + sent)
                return await _read(self.reader)
            except (OSError, asyncio.IncompleteReadError):
                self.lost += 1
                await self.close()
                await asyncio.sleep(0.2)
        raise AssertionError(f"{method} {path.partition('?')[0]} got no answer")

    async def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
            with suppress(OSError):
                await self.writer.wait_closed()
        self.reader = self.writer = None


async def _read(reader: asyncio.StreamReader) -> Said:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Said(int(first.split()[1]), headers, await reader.readexactly(int(headers.get("content-length", "0"))))


@dataclass
class Record:
    """What one person was told, by the key of the answer."""

    told: dict[str, str] = field(default_factory=dict)  # key -> task, taken
    refused: set[str] = field(default_factory=set)  # said to be not taken, or nothing was done
    statuses: Counter[int] = field(default_factory=Counter)
    unexplained: list[str] = field(default_factory=list)  # what may not happen
    seconds: list[float] = field(default_factory=list)  # of each answer that was taken, from its first sending


@dataclass
class Person(ABC):
    """Somebody who takes a task, looks at it, and answers it, again and again."""

    login: str
    headers: Mapping[str, str]
    record: Record = field(default_factory=Record)

    async def work(self, port: int, said: Mapping[str, str], end: float) -> None:
        """Key until the clock says `end`."""
        connection = Connection(port)
        try:
            while monotonic() < end:
                if not await self.key_one(connection, said, end):
                    await asyncio.sleep(IDLE)
        finally:
            await connection.close()

    @abstractmethod
    async def key_one(self, connection: Connection, said: Mapping[str, str], end: float) -> bool:
        """Take a task and answer it. False: there was nothing."""

    async def ask(self, connection: Connection, method: str, path: str, end: float, body: Any = None) -> Said:
        """Ask until it is answered, or until `end`: the server says when to come again."""
        while True:
            answer = await connection.ask(method, path, self.headers, body)
            self.record.statuses[answer.status] += 1
            if answer.status not in BUSY:
                break
            if "retry-after" not in answer.headers:
                self.record.unexplained.append(f"{answer.status} without Retry-After")
            pause = float(answer.headers.get("retry-after", "1"))
            await asyncio.sleep(min(pause, max(0.0, end - monotonic())))
            if monotonic() >= end:
                break
        if answer.status >= 300 and answer.status not in BUSY | GONE:
            self.record.unexplained.append(f"{answer.status} {method} {answer.body[:300]!r}")
        return answer

    async def answer(
        self, connection: Connection, path: str, task: Mapping[str, Any], end: float, body: Mapping[str, Any]
    ) -> None:
        """Send the answer, and every eighth a second time, as a client does that did not hear."""
        key, begun = f"{self.login}-{len(self.record.told)}-{task['id']}", monotonic()
        given = {"source": "typed", "seconds": 3.0, "keystrokes": 6, "idempotency_key": key, **body}
        for _ in range(2 if len(self.record.told) % 8 == 7 else 1):
            answer = await self.ask(connection, "POST", path, end, given)
            if answer.status < 300:
                if key not in self.record.told:
                    self.record.seconds.append(monotonic() - begun)
                self.record.told[key] = task["id"]
            elif key not in self.record.told:
                self.record.refused.add(key)


@dataclass
class ApiClient(Person):
    """An outside workbench."""

    async def key_one(self, connection: Connection, said: Mapping[str, str], end: float) -> bool:
        handed = await self.ask(connection, "GET", f"/v1/tasks/next?person={self.login}", end)
        tasks = handed.json()["tasks"] if handed.status == 200 else []
        for task in tasks:
            body = {"person": self.login, "token": task["token"], "value": said[task["field"]]}
            await self.answer(connection, f"/v1/tasks/{task['id']}/answers", task, end, body)
        return bool(tasks)


@dataclass
class Browser(Person):
    """A signed-in keying page: it loads the picture of each task."""

    async def key_one(self, connection: Connection, said: Mapping[str, str], end: float) -> bool:
        wish = {"count": 1, "holding": [], "purpose": "work"}
        handed = await self.ask(connection, "POST", "/work/next", end, wish)
        tasks = handed.json()["tasks"] if handed.status == 200 else []
        for task in tasks:
            await self.ask(connection, "GET", task["views"][0]["url"], end)
            body = {"token": task["token"], "value": said[task["field"]]}
            await self.answer(connection, f"/work/tasks/{task['id']}/answer", task, end, body)
        return bool(tasks)


def storm(people: Sequence[Person], port: int, said: Mapping[str, str], seconds: float) -> float:
    """Let all of them key at once. Returns the answers a second that they were told to be taken."""

    async def all_at_once() -> None:
        end = monotonic() + seconds
        await asyncio.gather(*(person.work(port, said, end) for person in people))

    before = sum(len(person.record.told) for person in people)
    begun = monotonic()
    with ThreadPoolExecutor(1) as thread:  # a browser that another test opened keeps a loop running in this one
        thread.submit(asyncio.run, all_at_once()).result()
    return (sum(len(person.record.told) for person in people) - before) / (monotonic() - begun)
