"""Countersign as people run it: `countersign run` in a process of its own, its API, and a client that listens."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

import httpx
import psutil
from standardwebhooks.webhooks import Webhook

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "api.cli"]
DONE = {"released", "amended", "refused"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Running:
    """A running installation."""

    url: str
    process: subprocess.Popen[bytes]
    environment: dict[str, str]
    log: Path

    def command(self, *arguments: str, text: str | None = None) -> str:
        done = subprocess.run(
            [*COMMAND, *arguments],
            cwd=ROOT,
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def add_person(self, login: str, role: str, password: str) -> None:
        self.command("user", "add", login, "--role", role, "--password-stdin", text=password)

    def add_key(self) -> httpx.Client:
        scopes = ("documents:read", "documents:write", "webhooks", "models")
        said = self.command("key", "add", "flow", *(part for scope in scopes for part in ("--scope", scope)))
        secret = re.findall(r"\bcs_\S+", said)[0]
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {secret}"}, timeout=30)

    def workers(self) -> list[psutil.Process]:
        """The web process and the worker, as the supervisor started them."""
        return psutil.Process(self.process.pid).children()

    def wait_until(self, claim: Callable[[], bool], seconds: float, what: str) -> None:
        end = time.monotonic() + seconds
        while not claim():
            if time.monotonic() > end or self.process.poll() is not None:
                raise AssertionError(f"{what}: it did not happen; the log ends with\n{self.log.read_text()[-3000:]}")
            time.sleep(0.2)


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Running]:
    """`countersign run` without samples, until the block ends; then Ctrl-C, which must stop all of it."""
    port = free_port()
    environment = {**os.environ, "COUNTERSIGN_PORT": str(port), **settings}
    log = folder / "run.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*COMMAND, "run", "--no-samples"], cwd=ROOT, env=environment, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    site = Running(f"http://127.0.0.1:{port}", process, environment, log)
    try:
        site.wait_until(lambda: is_up(site.url), 60, "the server answers")
        yield site
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        process.wait(30)
        _, alive = psutil.wait_procs(family, 10)
        assert not alive, f"left behind after Ctrl-C: {alive}"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def is_up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


@dataclass
class Listener:
    """A client's webhook endpoint. It fails the first notice, to see it come again; it checks every signature."""

    secret: str = ""
    notices: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    failed_once: bool = False
    url: str = ""

    def take(self, headers: dict[str, str], body: bytes) -> int:
        if not self.failed_once:
            self.failed_once = True
            return 503
        Webhook(self.secret).verify(body.decode(), headers)
        self.ids.append(headers["webhook-id"])
        self.notices.append(json.loads(body))
        return 204

    def released(self) -> set[str]:
        told = [n for n in self.notices if n["type"] == "document.released"]
        return {n["data"]["id"] if "id" in n["data"] else n["data"]["document_id"] for n in told}


@contextmanager
def listener() -> Iterator[Listener]:
    heard = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(heard.take({k.lower(): v for k, v in self.headers.items()}, body))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Silent: the notices are what counts."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    heard.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield heard
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Killer:
    """SIGKILLs the worker or the web process at random moments, in a thread."""

    site: Running
    rng: Random
    every: tuple[float, float]
    most: int
    kills: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Killer:
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        while len(self.kills) < self.most and not self._stop.wait(self.rng.uniform(*self.every)):
            victims = [p for p in self.site.workers() if {"serve", "worker"} & set(p.cmdline())]
            if victims:
                victim = self.rng.choice(victims)
                self.kills.append("serve" if "serve" in victim.cmdline() else "worker")
                victim.kill()
