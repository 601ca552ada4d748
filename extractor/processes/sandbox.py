"""Runs a job in a confined child, limited in time and memory, so that a hostile file costs one answer, not the worker.

The child has no network and sees no files but programs, what it is told of, and a folder of its own (`confine`). It is
kept for the next job until it dies, times out, or has done `JOBS_PER_CHILD`. Messages are JSON and raw bytes, never
pickle: a child that was taken over by its input must not be able to run code here. The child ends when its parent does.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

from extractor.measure.cost import RARELY
from extractor.processes.confine import confine
from extractor.processes.launch import ROOT, end_with, import_path, python

JOBS_PER_CHILD = 500  # a fresh child now and then bounds what leaks
START_SECONDS = 60
IDLE_SECONDS = 60.0  # after which a child that has nothing to do is ended: each holds up to half a gigabyte
IDLE_OF_A_MODULE = 4
CACHE = "COUNTERSIGN_OCR_CACHE"
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "HOME", "TESSDATA_PREFIX", CACHE)

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
    job: str, header: dict[str, Any], blobs: Blobs, *, seconds: float, memory_bytes: int, reads: str | None = None
) -> tuple[dict[str, Any], Blobs]:
    """Run ``package.module:function`` on (header, blobs) in a child and return its answer. Raises `SandboxFailed`.

    `header` and the answer's dictionary must be JSON; blobs travel as they are. `reads` is a folder that it may read.
    """
    child = _borrow(Kind(job.partition(":")[0], memory_bytes, reads))
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


@dataclass(frozen=True)
class Kind:
    """What a child is for; only a job of the same kind may use it again."""

    module: str
    memory_bytes: int
    reads: str | None


@dataclass
class Child:
    """One child process, the socket to it, and the folder that is its own."""

    kind: Kind
    process: subprocess.Popen[bytes]
    socket: socket.socket
    folder: str
    jobs: int = field(default=0)
    idle_since: float = field(default=0.0)  # monotonic

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
        shutil.rmtree(self.folder, ignore_errors=True)


_idle: list[Child] = []
_lock = threading.Lock()
_owner = os.getpid()
_reaper: threading.Thread | None = None


def _borrow(kind: Kind) -> Child:
    global _owner, _reaper
    with _lock:
        if _owner != os.getpid():  # forked: these children belong to the other process
            _idle.clear()
            _owner, _reaper = os.getpid(), None
        for child in _idle:
            if child.kind == kind and child.process.poll() is None:
                _idle.remove(child)
                return child
    return _start(kind)


def _start(kind: Kind) -> Child:
    ours, theirs = socket.socketpair()
    folder = tempfile.mkdtemp(prefix="countersign-child-")
    environment = {k: os.environ[k] for k in KEPT_VARIABLES if k in os.environ}
    if CACHE in environment:
        environment[CACHE] = str(Path(environment[CACHE]).absolute())  # the child is in a folder of its own
    environment |= import_path() | {
        "TMPDIR": folder,
        "OMP_NUM_THREADS": "1",
        "OMP_THREAD_LIMIT": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    header = json.dumps({"descriptor": theirs.fileno(), "parent": os.getpid(), "folder": folder, **asdict(kind)})
    with theirs:
        process = subprocess.Popen(  # noqa: S603
            python("-m", "extractor.processes.sandbox", header),
            env=environment,
            cwd=folder,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    return Child(kind, process, ours, folder)


def _give_back(child: Child) -> None:
    if child.jobs >= JOBS_PER_CHILD:
        child.kill()
        return
    global _reaper
    with _lock:
        child.idle_since = time.monotonic()
        _idle.append(child)
        if _reaper is None:
            _reaper = threading.Thread(target=_reap, daemon=True)
            _reaper.start()
        alike = [one for one in _idle if one.kind.module == child.kind.module]
        other = [one for one in alike if one.kind != child.kind][: max(0, len(alike) - IDLE_OF_A_MODULE)]
        for one in other:  # e.g. of a model that serves no more
            _idle.remove(one)
    for one in other:
        one.kill()


def _reap() -> None:
    """End the children that had nothing to do for `IDLE_SECONDS`, until none is left; in a thread of its own."""
    global _reaper
    while True:
        with _lock:
            if not _idle:
                _reaper = None
                return
            due = time.monotonic() - IDLE_SECONDS
            old = [child for child in _idle if child.idle_since <= due]
            for child in old:
                _idle.remove(child)
            rest = min((child.idle_since - due for child in _idle), default=0.0)
        for child in old:
            child.kill()
        time.sleep(rest)


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


def stop() -> None:
    """End all idle children."""
    with _lock:
        if _owner == os.getpid():
            for child in _idle:
                child.kill()
        _idle.clear()


Finalize(None, stop, exitpriority=0)  # at exit, also of a process of `apart`, where `atexit` is not heard


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


def serve(descriptor: int, parent: int, folder: str, module: str, memory_bytes: int, reads: str | None) -> None:
    """Answer jobs until the parent hangs up."""
    confine(readable(reads), writes=[Path(folder), *cache_folders()], lists=[ROOT])
    end_with(parent, end_all)
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


def readable(folder: str | None) -> list[Path]:
    """Our packages, all others on the import path, Tesseract's data, and what the parent told us of."""
    ours = [folder for folder in ROOT.iterdir() if (folder / "__init__.py").exists()]
    others = [Path(entry) for entry in sys.path if Path(entry).is_absolute() and Path(entry) != ROOT]
    named = [Path(one) for one in (folder, os.environ.get("TESSDATA_PREFIX")) if one]
    return [*ours, *others, *named]


def cache_folders() -> list[Path]:
    """Where answers of the networks are kept between runs, if somebody asked for that."""
    return [Path(os.environ[CACHE])] if os.environ.get(CACHE) else []


def end_all() -> None:
    """End this child and what it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    serve(**json.loads(sys.argv[1]))
