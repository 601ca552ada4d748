"""Our own work in processes of its own: one task that reports how far it is, or a pool of workers that share the cores.

What runs here is trusted and handed over by pickle; foreign bytes are opened in the sandbox, which such a process
starts in its turn. All end when their parent does, also when it is killed.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from extractor.processes.launch import end_with, import_path

Report = Callable[[str, float], None]
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class WorkFailed(Exception):
    """The process raised or died; the message says what it said."""


def run(work: Callable[[Any, Report], Any], argument: Any, *, progress: Report) -> Any:
    """``work(argument, report)`` in a fresh process. Raises WorkFailed."""
    os.environ.update(import_path())
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, os.getpid(), work, argument), daemon=True)
    process.start()
    theirs.close()
    try:
        while True:
            kind, *said = ours.recv()
            if kind == "progress":
                progress(*said)
            elif kind == "done":
                return said[0]
            else:
                raise WorkFailed(said[0])
    except EOFError as error:
        process.join(5)
        raise WorkFailed(f"the process ended with {process.exitcode}") from error
    finally:
        process.kill()
        process.join()
        ours.close()


def _serve(pipe: Connection, parent: int, work: Callable[..., Any], argument: Any) -> None:
    end_with(parent, _leave)
    try:
        pipe.send(("done", work(argument, lambda step, share: pipe.send(("progress", step, share)))))
    except Exception as error:  # noqa: BLE001  the edge of the process: everything becomes an answer
        pipe.send(("raised", f"{type(error).__name__}: {error}"[:500]))


@contextmanager
def pool(workers: int, begin: Callable[..., None], *arguments: Any) -> Iterator[ProcessPoolExecutor]:
    """Worker processes, each of which has called ``begin(*arguments)``.

    They share the cores among themselves; threads of the libraries would only get in each other's way.
    """
    context = multiprocessing.get_context("spawn")
    with _environment(ONE_THREAD | import_path()):
        executor = ProcessPoolExecutor(workers, context, _begin, (os.getpid(), begin, arguments))
        with executor:
            yield executor


def _begin(parent: int, begin: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    end_with(parent, _leave)
    begin(*arguments)


def _leave() -> None:
    os._exit(1)


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
