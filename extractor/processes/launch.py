"""How Python child processes are started and ended: nothing is imported from the current folder, none outlives us.

A folder of scans is foreign input. `python -m` and `python -c` put the current folder first on the import path, so that
a file `types.py` beside the scans would be run in place of the library's; the option -P leaves it out.
"""

from __future__ import annotations

import os
import select
import site
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def python(*arguments: str) -> list[str]:
    """The command line of a child that runs `arguments` ("-m", module ...) by this interpreter."""
    return [sys.executable, "-P", *arguments]


def import_path() -> dict[str, str]:
    """The variables by which a child, and all children of its own, import what we do and nothing from where we are."""
    given = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if Path(entry).is_absolute()]
    installed = str(ROOT) in site.getsitepackages()  # it must not come before the standard library then
    return {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(given if installed else [*given, str(ROOT)])}


def leave_out_the_current_folder() -> None:
    """For a command: what it, and every child that it starts, imports from now on comes from the installation."""
    here = str(Path.cwd())
    sys.path[:] = [entry for entry in sys.path if entry and (entry != here or Path(entry) == ROOT)]
    os.environ.update(import_path())


def end_with(parent: int, end: Callable[[], None]) -> None:
    """In a child: call `end` when the process `parent` is gone, also when it was killed.

    A thread waits for it. PR_SET_PDEATHSIG would do without one, but follows the parent's *thread* that started us.
    """
    threading.Thread(target=_wait_and_end, args=(parent, end), daemon=True).start()


def _wait_and_end(parent: int, end: Callable[[], None]) -> None:
    try:
        handle = os.pidfd_open(parent)
    except (AttributeError, OSError):  # not Linux, or it is gone already
        handle = None
    if handle is not None and os.getppid() == parent:  # else its number may be somebody else's by now
        select.select([handle], [], [])
    while os.getppid() == parent:
        time.sleep(0.5)
    end()
