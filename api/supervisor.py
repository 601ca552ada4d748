"""Keeping child processes alive: start them, start a crashed one again after a growing pause, stop them all."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from extractor.processes.launch import import_path, python

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
SETTLED = 60.0  # a child that lived this long starts again at the first pause


@dataclass
class Child:
    """One child process: `countersign <arguments>`. Times are of the monotonic clock."""

    name: str
    arguments: Sequence[str]
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    next_start: float = 0.0
    pause: float = FIRST_PAUSE
    crashes: int = 0

    def start(self, now: float) -> None:
        """A session of its own, so that Ctrl-C reaches the parent alone and the parent decides the order."""
        self.process = subprocess.Popen(  # noqa: S603 - our own program
            python("-m", "api.cli", *self.arguments),
            env=self.environment | import_path(),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.started_at = now

    def look_after(self, now: float) -> int | None:
        """Start the child if it is due. Returns the exit code when it was found dead just now."""
        if self.process is None:
            if now >= self.next_start:
                self.start(now)
            return None
        code = self.process.poll()
        if code is None:
            return None
        self.pause = FIRST_PAUSE if now - self.started_at > SETTLED else min(self.pause * 2, LONGEST_PAUSE)
        self.process, self.next_start, self.crashes = None, now + self.pause, self.crashes + 1
        return code


@dataclass
class Supervisor:
    """The children of `countersign run`."""

    children: list[Child] = field(default_factory=list)

    def add(self, name: str, arguments: Sequence[str], environment: dict[str, str]) -> None:
        self.children.append(Child(name, arguments, {**os.environ, **environment}))

    def look_after(self) -> list[tuple[str, int]]:
        """Start what is due; returns the names and exit codes of children that died since the last look."""
        now = time.monotonic()
        found = [(child.name, child.look_after(now)) for child in self.children]
        return [(name, code) for name, code in found if code is not None]

    def stop(self, patience: float = 15.0) -> None:
        """Ask every child to end, wait, and kill those that do not."""
        running = [child.process for child in self.children if child.process is not None]
        for process in running:
            process.terminate()
        end = time.monotonic() + patience
        for process in running:
            try:
                process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
