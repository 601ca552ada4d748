"""A reader who does what the pages say: one terminal for the commands, one for the server, in a folder of their own.

In the order of a page: a block of `sh` is run by bash as it stands, with what the blocks before it exported and the
folder they changed to; the server of `sh server` runs until the reader leaves; `python` is run, or saved where the
fence names a file, as are `toml` and `json`; of `console`, each line after `$` is run and has to print what stands
below it, `...` standing for anything. Only the port differs from the text.
"""

from __future__ import annotations

import doctest
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from tests.docs.pages import ROOT, Block, blocks, name_of
from tests.flow.running import free_port

NOT_RUN = "not-run: "
SEEN = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
SECONDS = 240  # of one block, on a machine that is busy with others


@dataclass
class Reader:
    folder: Path  # looks like a clone
    environment: dict[str, str]
    port: int = field(default_factory=free_port)
    server: subprocess.Popen[bytes] | None = None

    def follow(self, page: Path) -> None:
        """Do everything that the page says."""
        for block in blocks(page):
            begun = time.monotonic()
            self.do(block, f"{name_of(page)}:{block.line}")
            sys.stdout.write(f"{name_of(page)}:{block.line} {time.monotonic() - begun:.1f} s\n")  # shown with a failure

    def do(self, block: Block, place: str) -> None:
        if block.about.startswith(NOT_RUN):
            return
        text = block.text.replace("127.0.0.1:8000", f"127.0.0.1:{self.port}")
        match block.language, block.about:
            case "sh", "server":
                self.serve(text, place)
            case "sh", "":
                self.run(text, place)
            case "python", "":
                self.run(f"python - <<'END-OF-BLOCK'\n{text}\nEND-OF-BLOCK", place)
            case (("python" | "toml" | "json"), name) if name:
                (self.cwd / name).parent.mkdir(exist_ok=True)
                (self.cwd / name).write_text(text)
            case "console", "":
                self.compare(text, place)
            case (("text" | "nginx"), ""):
                return
            case language, about:
                raise AssertionError(f"{place}: a block of {language!r} {about!r}, which no test runs")

    @property
    def cwd(self) -> Path:
        return Path((self.folder / ".cwd").read_text().strip())

    def script(self, text: str) -> str:
        state, cwd = self.folder / ".exported", self.folder / ".cwd"
        return f'set -euo pipefail\n. "{state}"\ncd "{self.cwd}"\n{text}\nexport -p > "{state}"\npwd > "{cwd}"\n'

    def run(self, text: str, place: str) -> str:
        done = subprocess.run(
            ["bash", "-c", self.script(text)], env=self.environment, capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL, timeout=SECONDS,
        )  # fmt: skip
        assert done.returncode == 0, f"{place}\n{text}\n{done.stdout}\n{done.stderr}\n{self.log()}"
        return done.stdout

    def compare(self, text: str, place: str) -> None:
        for command, wanted in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
            said = self.run(command, place)
            assert doctest.OutputChecker().check_output(wanted, said, SEEN), f"{place}: {command}\n{said}"

    def serve(self, text: str, place: str) -> None:
        """Start the server of the page in place of the one before it, and wait until it is ready."""
        self.stop()
        with (self.folder / "server.log").open("wb") as log:
            self.server = subprocess.Popen(
                ["bash", "-c", self.script(f"exec {text.split('#')[0].strip()}")], stdout=log, stderr=log,
                env=self.environment | {"COUNTERSIGN_PORT": str(self.port), "PORT": str(self.port)},
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        for _ in range(600):
            assert self.server.poll() is None, f"{place}\n{self.log()}"
            try:
                if httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            self.run("sleep 0.2", place)
        raise AssertionError(f"{place}: not ready in two minutes\n{self.log()}")

    def log(self) -> str:
        path = self.folder / "server.log"
        return path.read_text()[-3000:] if path.exists() else ""

    def stop(self) -> None:
        """Ctrl-C, which must stop all of it."""
        if self.server is None or self.server.poll() is not None:
            return
        family = psutil.Process(self.server.pid).children(recursive=True)
        os.killpg(self.server.pid, signal.SIGINT)
        try:
            self.server.wait(30)
            _, alive = psutil.wait_procs(family, 10)
            assert not alive, f"left behind after Ctrl-C: {alive}"
        finally:
            if self.server.poll() is None:
                os.killpg(self.server.pid, signal.SIGKILL)
                self.server.wait()


@contextmanager
def reader(folder: Path) -> Iterator[Reader]:
    """Somebody in a fresh clone in which `make install` has been run: what is installed is not installed again."""
    for entry in ROOT.iterdir():
        if entry.name not in {".git", ".venv", "data", "build"}:
            (folder / entry.name).symlink_to(entry)
    (folder / ".venv").symlink_to(sys.prefix)
    tools = folder / "tools"
    tools.mkdir()
    (tools / "make").write_text(f'#!/bin/sh\nexec {shutil.which("make")} -o install -o install-dev "$@"\n')
    (tools / "make").chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COUNTERSIGN_", "PYTEST_"))}
    environment = kept | {
        "PATH": f"{tools}:{Path(sys.executable).parent}:{kept['PATH']}",
        "COUNTERSIGN_DATA_DIR": str(folder / "data"),
        "COUNTERSIGN_OCR_ENGINE": "tesserocr",  # a fifth of the seconds
        "OMP_NUM_THREADS": "1",
    }
    (folder / ".exported").write_text("")
    (folder / ".cwd").write_text(str(folder))
    somebody = Reader(folder, environment)
    try:
        yield somebody
    finally:
        somebody.stop()
