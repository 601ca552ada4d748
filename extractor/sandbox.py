"""Runs a job in a child process limited in time and memory, so that a hostile file costs one answer, not the worker.

The child is kept for the next job until it dies, times out, or has done `JOBS_PER_CHILD`. Messages are JSON and raw
bytes, never pickle: a child that was taken over by its input must not be able to run code here. The child ends when its
parent does.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from extractor.measure.cost import RARELY
from extractor.processes.launch import import_path, python

JOBS_PER_CHILD = 500  # a fresh child now and then bounds what leaks
START_SECONDS = 60
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "HOME", "TMPDIR", "TESSDATA_PREFIX", "COUNTERSIGN_OCR_CACHE")

Blobs = list[bytes]
Job = Callable[[dict[str, Any], Blobs], tuple[dict[str, Any], Blobs]]


class SandboxFailed(Exception):
    """The job gave no answer."""


class ChildDied(SandboxFailed):
    """The child ended in the middle of the job."""


class ChildTimedOut(SandboxFailed):
    """The child did not answer in time and was killed."""


class ChildOutOfMemory(SandboxFailed):
    """The job ran into the memory limit."""


class JobRaised(SandboxFailed):
    """The job raised an exception; the message names it."""


def call(
    job: str, header: dict[str, Any], blobs: Blobs, *, seconds: float, memory_bytes: int
) -> tuple[dict[str, Any], Blobs]:
    """Run ``package.module:function`` on (header, blobs) in a child and return its answer. Raises `SandboxFailed`.

    `header` and the answer's dictionary must be JSON; blobs travel as they are.
    """
    child = _borrow(job, memory_bytes)
    try:
        reply, answer = child.ask({"job": job, "seconds": seconds, "header": header}, blobs, seconds)
    except TimeoutError as error:
        child.kill()
        raise ChildTimedOut(f"no answer within {seconds:g} s") from error
    except (OSError, EOFError, ValueError) as error:
        raise _how_it_died(child) from error
    except BaseException:
        child.kill()
        raise
    if reply["status"] == "memory":
        child.kill()
        raise ChildOutOfMemory("the memory limit was reached")
    if reply["status"] == "raised":
        child.kill()  # what raised half-way may have left anything behind
        raise JobRaised(reply["message"])
    _give_back(child)
    return reply["answer"], answer


# --- the parent's side ------------------------------------------------------------------------------------------------


@dataclass
class Child:
    """One child process and the socket to it."""

    key: tuple[str, int]
    process: subprocess.Popen[bytes]
    socket: socket.socket
    jobs: int = field(default=0)

    def ask(self, message: dict[str, Any], blobs: Blobs, seconds: float) -> tuple[dict[str, Any], Blobs]:
        """Send one job and wait for its answer. Raises TimeoutError, EOFError, OSError, ValueError (garbage)."""
        allowed = seconds + (START_SECONDS if self.jobs == 0 else 0)
        self.jobs += 1
        until = time.monotonic() + allowed
        send(self.socket, message, blobs, until)
        return receive(self.socket, until)

    def kill(self) -> None:
        """End the child and what it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.socket.close()


_idle: list[Child] = []
_lock = threading.Lock()
_owner = os.getpid()


def _borrow(job: str, memory_bytes: int) -> Child:
    global _owner
    key = (job.partition(":")[0], memory_bytes)
    with _lock:
        if _owner != os.getpid():  # forked: these children belong to the other process
            _idle.clear()
            _owner = os.getpid()
        for child in _idle:
            if child.key == key and child.process.poll() is None:
                _idle.remove(child)
                return child
    return _start(key)


def _start(key: tuple[str, int]) -> Child:
    ours, theirs = socket.socketpair()
    environment = {k: os.environ[k] for k in KEPT_VARIABLES if k in os.environ}
    environment |= import_path() | {
        "OMP_NUM_THREADS": "1",
        "OMP_THREAD_LIMIT": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    arguments = python("-m", "extractor.sandbox", str(theirs.fileno()), str(os.getpid()), key[0], str(key[1]))
    with theirs:
        process = subprocess.Popen(  # noqa: S603
            arguments,
            env=environment,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    return Child(key, process, ours)


def _give_back(child: Child) -> None:
    if child.jobs >= JOBS_PER_CHILD:
        child.kill()
        return
    with _lock:
        _idle.append(child)


def _how_it_died(child: Child) -> SandboxFailed:
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.process.wait(timeout=1)
    code = child.process.poll()
    child.kill()
    if code is None:
        return ChildDied("the child answered garbage")
    if code == -signal.SIGXCPU:
        return ChildTimedOut("the processor time was used up")
    return ChildDied(
        f"the child was ended by {signal.Signals(-code).name}" if code < 0 else f"the child left with {code}"
    )


@atexit.register
def stop() -> None:
    """End all idle children."""
    with _lock:
        if _owner == os.getpid():
            for child in _idle:
                child.kill()
        _idle.clear()


# --- the wire: 4 bytes length, JSON with the blobs' lengths, the blobs ------------------------------------------------


def send(channel: socket.socket, message: dict[str, Any], blobs: Blobs, until: float | None = None) -> None:
    """Write one message."""
    head = json.dumps({**message, "blobs": [len(b) for b in blobs]}).encode()
    for part in (struct.pack(">I", len(head)), head, *blobs):
        _limit(channel, until)
        channel.sendall(part)


def receive(channel: socket.socket, until: float | None = None) -> tuple[dict[str, Any], Blobs]:
    """Read one message. Raises EOFError when the other side is gone."""
    (length,) = struct.unpack(">I", _read(channel, 4, until))
    head = json.loads(_read(channel, length, until))
    return head, [_read(channel, int(n), until) for n in head["blobs"]]


def _read(channel: socket.socket, length: int, until: float | None) -> bytes:
    buffer = bytearray(length)
    view, at = memoryview(buffer), 0
    while at < length:
        _limit(channel, until)
        got = channel.recv_into(view[at:])
        if not got:
            raise EOFError
        at += got
    return bytes(buffer)


def _limit(channel: socket.socket, until: float | None) -> None:
    if until is not None:
        channel.settimeout(max(0.001, until - time.monotonic()))


# --- the child's side -------------------------------------------------------------------------------------------------


def serve(descriptor: int, parent: int, module: str, memory_bytes: int) -> None:
    """Answer jobs until the parent hangs up."""
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    loaded = importlib.import_module(module)
    gc.freeze()
    gc.set_threshold(RARELY)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    channel = socket.socket(fileno=descriptor)
    while True:
        try:
            message, blobs = receive(channel)
        except (EOFError, ConnectionError):
            return
        _limit_processor(message["seconds"])
        reply, answer = _run(getattr(loaded, message["job"].partition(":")[2]), message["header"], blobs)
        send(channel, reply, answer)


def _run(job: Job, header: dict[str, Any], blobs: Blobs) -> tuple[dict[str, Any], Blobs]:
    try:
        answer, out = job(header, blobs)
    except MemoryError:
        return {"status": "memory"}, []
    except Exception as error:  # noqa: BLE001  the edge of the child: everything becomes an answer
        return {"status": "raised", "message": f"{type(error).__name__}: {error}"[:500]}, []
    return {"status": "done", "answer": answer}, out


def _limit_processor(seconds: float) -> None:
    """A spinning job dies of SIGXCPU even when nobody waits for it any more."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime + seconds + 5)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


def _end_with(parent: int) -> None:
    """Leave when the parent is gone, also when it was killed. (PR_SET_PDEATHSIG would follow the parent's *thread*.)"""
    while os.getppid() == parent:
        time.sleep(0.5)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(0, signal.SIGKILL)


def no_new_privileges() -> None:
    """A setuid program started by the child gains nothing (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)


if __name__ == "__main__":
    no_new_privileges()
    serve(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
