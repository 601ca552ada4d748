"""What reading costs: CPU seconds of this process and of the children that render and read for it."""

from __future__ import annotations

import gc
import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RARELY = 50_000  # new objects between two searches for cycles; at Python's 700 the words of a page cost a fifth more
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds() -> float:
    """CPU seconds used so far by this process, its live children and those that have ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime + sum(_used(pid) for pid in _children())


@contextmanager
def rare_collections() -> Iterator[None]:
    """For work that makes very many small objects and hardly a cycle among them."""
    before = gc.get_threshold()
    gc.set_threshold(RARELY, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


class Meter:
    """Adds up CPU seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count what happens inside under `name`."""
        before = cpu_seconds()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + max(cpu_seconds() - before, 0.0)

    @property
    def total(self) -> float:
        return sum(self.seconds.values())


def _children() -> list[int]:
    """Live children (Linux only: elsewhere none are seen, and their time counts when they end)."""
    found: list[int] = []
    for task in Path("/proc/self/task").glob("*/children"):
        found += [int(pid) for pid in _text(task).split()]
    return found


def _used(pid: int) -> float:
    fields = _text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS if len(fields) > 12 else 0.0


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:  # it ended while we looked
        return ""
