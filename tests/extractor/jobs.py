"""Jobs for the sandbox, and engines, that do what no good one does."""

from __future__ import annotations

import ctypes
import errno
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.values import Box, Word

Answer = tuple[dict[str, Any], list[bytes]]


def echo(header: dict[str, Any], blobs: list[bytes]) -> Answer:
    return {"got": header}, blobs


def who(header: dict[str, Any], blobs: list[bytes]) -> Answer:
    return {"pid": os.getpid()}, []


def die(header: dict[str, Any], blobs: list[bytes]) -> Answer:
    os.kill(os.getpid(), signal.SIGSEGV)
    return {}, []


def hang(header: dict[str, Any], blobs: list[bytes]) -> Answer:
    time.sleep(3600)
    return {}, []


def eat(header: dict[str, Any], blobs: list[bytes]) -> Answer:
    return {"size": len(bytearray(4_000_000_000))}, []


def fail(header: dict[str, Any], blobs: list[bytes]) -> Answer:
    raise ValueError("no")


def garble(header: dict[str, Any], blobs: list[bytes]) -> Answer:
    socket.socket(fileno=json.loads(sys.argv[1])["descriptor"]).send(b"\x00\x00\x00\x03abc")
    return {}, []


def chatter(header: dict[str, Any], blobs: list[bytes]) -> Answer:
    os.write(1, b"hello\n" * 10_000)
    return {"said": True}, []


def environment(header: dict[str, Any], blobs: list[bytes]) -> Answer:
    return {"secret": os.environ.get("COUNTERSIGN_SECRET")}, []


def attempt(header: dict[str, Any], blobs: list[bytes]) -> Answer:
    """Try one thing that a child taken over by its input would try; says what came of it."""
    try:
        return {"did": ATTEMPTS[header["what"]](header.get("on"))}, []
    except OSError as error:
        return {"refused": errno.errorcode[error.errno or 0]}, []


def write(path: Any) -> str:
    Path(path).write_text("x")
    return "wrote"


def send_datagram(port: Any) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.sendto(b"x", ("127.0.0.1", port))
    return "sent"


def start(program: Any) -> str:
    return subprocess.run(program, capture_output=True, check=False, text=True).stdout


def trace(pid: Any) -> str:
    attached = ctypes.CDLL(None, use_errno=True).ptrace(16, pid, 0, 0)
    if attached:
        raise OSError(ctypes.get_errno(), "ptrace")
    return "attached"


def import_late(name: Any) -> str:
    return str(importlib.import_module(name).__name__)


ATTEMPTS: dict[str, Callable[[Any], str]] = {
    "read": lambda path: Path(path).read_text()[:20],
    "list": lambda path: str(list(Path(path).iterdir())),
    "write": write,
    "remove": lambda path: str(Path(path).unlink()),
    "connect": lambda port: str(socket.create_connection(("127.0.0.1", port))),
    "connect to a local socket": lambda path: str(socket.socket(socket.AF_UNIX).connect(path)),
    "pair": lambda _: str(socket.socketpair()),
    "datagram": send_datagram,
    "start": start,
    "signal": lambda pid: str(os.kill(pid, 0)),
    "trace": trace,
    "import": import_late,
    "own folder": lambda _: write(Path(tempfile.gettempdir()) / "note"),
}


class Fake:
    """An engine that finds one word."""

    name, version, reads_slanted = "fake", "1", True

    def read(self, image: NDArray[np.uint8]) -> Any:
        return [Word("word", Box(0.1, 0.1, 0.2, 0.2), 0.5, 0)]


class Crashing(Fake):
    def read(self, image: NDArray[np.uint8]) -> Any:
        os.kill(os.getpid(), signal.SIGSEGV)


class Hanging(Fake):
    def read(self, image: NDArray[np.uint8]) -> Any:
        time.sleep(3600)


class Raising(Fake):
    def read(self, image: NDArray[np.uint8]) -> Any:
        raise RuntimeError("model file is broken")


class Hungry(Fake):
    def read(self, image: NDArray[np.uint8]) -> Any:
        return [bytearray(8_000_000_000)]


class NotAList(Fake):
    def read(self, image: NDArray[np.uint8]) -> Any:
        return "word"


class NotANumber(Fake):
    def read(self, image: NDArray[np.uint8]) -> Any:
        return [Word("word", Box(0.1, 0.1, float("nan"), 0.2), 0.5, 0)]


class OverSure(Fake):
    def read(self, image: NDArray[np.uint8]) -> Any:
        return [Word("word", Box(0.1, 0.1, 0.2, 0.2), 97.0, 0)]


class OffThePage(Fake):
    def read(self, image: NDArray[np.uint8]) -> Any:
        return [Word("word", Box(10, 10, 200, 40), 0.5, 0)]


class BadText(Fake):
    """Lone surrogates, blanks and control characters are cleaned, not refused."""

    def read(self, image: NDArray[np.uint8]) -> Any:
        box = Box(0.1, 0.1, 0.2, 0.2)
        return [Word("a\ud800\x07b", box, 0.5, 0), Word("  ", box, 0.5, 0), Word("\x00", box, 0.5, 0)]
