"""`countersign doctor`: is this installation well, and what is to be done?"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from api.commands.shared import out

COLOURS = {"ok": "green", "warning": "yellow", "broken": "red"}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="A JSON list instead of lines.")] = False) -> None:
    """Look at database, clock, versions, disk, blobs, sandbox, engine, model, workers and queue.

    The exit code is 1 where something is broken. Nothing is changed.
    """
    from api.doctor import State, examine
    from extractor.processes import sandbox

    found = []
    try:
        for finding in examine(lambda: datetime.now(UTC)):
            found.append(finding)
            if not as_json:
                out.print(f"[{COLOURS[finding.state]}]{finding.state:8}[/] {finding.name:9}", end=" ")
                out.print(finding.figure, markup=False)
                if finding.todo:
                    out.print(f"{'':19}-> {finding.todo}", markup=False)
    finally:
        sandbox.stop()
    if as_json:
        out.print_json(json.dumps([asdict(finding) for finding in found]))
    if any(finding.state is State.BROKEN for finding in found):
        raise typer.Exit(1)
