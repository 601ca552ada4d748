"""The topology of deploy/compose.yaml as processes of this machine: the same programs, settings and files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.faults.running import QUICK
from tests.flow.running import free_port

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "api.cli"]


@dataclass
class Process:
    name: str
    popen: subprocess.Popen[bytes]
    log: Path
    url: str = ""
    alive: Path = Path()

    def stop(self, seconds: float = 30) -> int:
        """SIGTERM. Returns the exit status."""
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(seconds)


@dataclass
class Topology:
    folder: Path
    environment: dict[str, str]
    url: str = ""
    store: str = ""
    processes: list[Process] = field(default_factory=list)

    def start(self, name: str, command: list[str], environment: Mapping[str, str] | None = None) -> Process:
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            popen = subprocess.Popen(
                command, cwd=ROOT, env=self.environment | (dict(environment or {})), stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        self.processes.append(Process(name, popen, log))
        return self.processes[-1]

    def web(self, number: int) -> Process:
        port = free_port()
        process = self.start(f"web{number}", [*COMMAND, "serve", "--no-migrate", "--port", str(port)])
        process.url = f"http://127.0.0.1:{port}"
        return process

    def worker(self, number: int) -> Process:
        alive = self.folder / f"worker{number}.alive"
        process = self.start(f"worker{number}", [*COMMAND, "worker"], {"COUNTERSIGN_ALIVE_FILE": str(alive)})
        process.alive = alive
        return process

    def objects(self) -> None:
        """SeaweedFS, as compose starts it, on ports of its own."""
        servers = ("s3", "master", "volume", "filer")
        ports = {f"{name}.{port}": free_port() for name in servers for port in ("port", "port.grpc")}
        folder = self.folder / "objects"
        folder.mkdir()
        command = [str(Path(sys.executable).parent / "weed"), "server", f"-dir={folder}", "-s3", "-ip=127.0.0.1"]
        command += [f"-{name}={port}" for name, port in ports.items()]
        command += ["-ip.bind=127.0.0.1", "-volume.max=8", "-master.volumeSizeLimitMB=64"]
        self.start("objects", command)
        self.store = self.environment["AWS_ENDPOINT"] = f"http://127.0.0.1:{ports['s3.port']}"

    def proxy(self, webs: list[Process]) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        upstreams = " ".join(web.url.removeprefix("http://") for web in webs)
        command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(ROOT / "deploy" / "Caddyfile")]
        self.start("proxy", command, {"SITE": self.url, "WEB": upstreams, "HOME": str(self.folder)})

    def wait_until(self, claim: Callable[[], bool], seconds: float, what: str) -> None:
        end = time.monotonic() + seconds
        while not claim():
            if time.monotonic() > end:
                said = "\n".join(f"--- {one.name}\n{one.log.read_text()[-1500:]}" for one in self.processes)
                raise AssertionError(f"{what}: it did not happen\n{said}")
            time.sleep(0.1)


def answers(url: str, status: int = 200) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == status
    except httpx.HTTPError:
        return False


@contextmanager
def topology(folder: Path) -> Iterator[Topology]:
    """Nothing runs at first; whatever was started has ended when the block ends."""
    environment = {
        **os.environ,
        **QUICK,
        "COUNTERSIGN_DATA_DIR": str(folder / "data"),
        "COUNTERSIGN_WORKER_CHILDREN": "1",
        "COUNTERSIGN_BLOB_URL": "s3://countersign/blobs",
        "COUNTERSIGN_LOG_FORMAT": "json",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "COUNTERSIGN_WEBHOOK_ALLOW_PRIVATE": "true",
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "countersign",
        "AWS_SECRET_ACCESS_KEY": "only-for-this-test",
    }
    made = Topology(folder, environment)
    try:
        yield made
    finally:
        for process in made.processes:
            if process.popen.poll() is None:
                os.killpg(process.popen.pid, signal.SIGKILL)
                process.popen.wait()
