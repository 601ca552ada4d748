"""How Python child processes are started: nothing is imported from the folder in which somebody happens to work.

A folder of scans is foreign input. `python -m` and `python -c` put the current folder first on the import path, so that
a file `types.py` beside the scans would be run in place of the library's; the option -P leaves it out.
"""

from __future__ import annotations

import os
import site
import sys
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
