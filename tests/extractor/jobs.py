"""Jobs for the sandbox, and engines, that do what no good one does."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
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
    socket.socket(fileno=int(sys.argv[1])).send(b"\x00\x00\x00\x03abc")
    return {}, []


def chatter(header: dict[str, Any], blobs: list[bytes]) -> Answer:
    os.write(1, b"hello\n" * 10_000)
    return {"said": True}, []


def environment(header: dict[str, Any], blobs: list[bytes]) -> Answer:
    return {"secret": os.environ.get("COUNTERSIGN_SECRET")}, []


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
