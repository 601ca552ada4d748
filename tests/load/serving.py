"""`countersign serve --processes N` beside the test's database, and what it looks like from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.flow.running import COMMAND, ROOT, free_port, is_up

# A process of its own, for it must not wait behind the clients; each look is a new connection.
LOOK = """
import http.client, json, sys, time
took, end, port = [], time.monotonic() + float(sys.argv[2]), int(sys.argv[1])
while time.monotonic() < end:
    begun = time.monotonic()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/healthz")
        ok = connection.getresponse().status == 200
        connection.close()
    except OSError:
        ok = False
    took.append(time.monotonic() - begun if ok else 99.0)
    time.sleep(max(0.0, 0.1 - (time.monotonic() - begun)))
print(json.dumps(took))
"""


@contextmanager
def serving(log: Path, processes: int = 2) -> Iterator[int]:
    """The port of a running server. It must end when it is asked to."""
    port = free_port()
    command = [*COMMAND, "serve", "--port", str(port), "--processes", str(processes)]
    with log.open("wb") as output:
        server = subprocess.Popen(command, cwd=ROOT, env={**os.environ}, stdout=output, stderr=output)
    try:
        end = time.monotonic() + 60
        while not is_up(f"http://127.0.0.1:{port}"):
            assert time.monotonic() < end, log.read_text()[-3000:]
            assert server.poll() is None, log.read_text()[-3000:]
            time.sleep(0.1)
        yield port
        server.send_signal(signal.SIGTERM)
        server.wait(30)
    finally:
        if server.poll() is None:
            server.kill()
            server.wait()


@contextmanager
def watched_health(port: int, seconds: float) -> Iterator[list[float]]:
    """Seconds that /healthz took to answer while the block ran, filled in at its end; 99: no answer."""
    took: list[float] = []
    with subprocess.Popen(
        [sys.executable, "-c", LOOK, str(port), str(seconds)], stdout=subprocess.PIPE, text=True
    ) as looking:
        yield took
        took += json.loads(looking.communicate()[0])
