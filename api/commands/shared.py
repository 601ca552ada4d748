"""What every command shares: the terminal, plain errors, and the workspace it works in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

if TYPE_CHECKING:
    from sqlmodel import Session

    from models.tables import Workspace

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

WorkspaceName = Annotated[str, typer.Option("--workspace", "-w", help="Name of the workspace.")]

USER_ERROR = 2
ID_LENGTH = 30


class CommandError(Exception):
    """A mistake of the person at the terminal: one sentence, and what to do next."""

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.next_step = next_step


@dataclass(frozen=True)
class Desk:
    """An open transaction in one workspace, at one moment, as the person at the terminal."""

    session: Session
    workspace: Workspace
    now: datetime
    actor: str = "cli"


@contextmanager
def desk(workspace_name: str) -> Iterator[Desk]:
    """Bring the database up to date and work in one transaction. Raises CommandError for a wrong workspace."""
    from hitl.platform import db
    from hitl.workspace.workspaces import DEFAULT_NAME, ensure_default_workspace, find_workspace

    db.migrate()
    now = datetime.now(UTC)
    with db.transaction() as session:
        if workspace_name == DEFAULT_NAME:
            ensure_default_workspace(session, now)
        workspace = find_workspace(session, workspace_name)
        if workspace is None:
            raise CommandError(f"There is no workspace {workspace_name}.", "Leave --workspace out for the default one.")
        yield Desk(session, workspace, now)


def listing(identifier: str, *headers: str) -> Table:
    """A table whose first column is an id, whole in the narrowest terminal: other commands ask for it."""
    return Table(Column(identifier, no_wrap=True, min_width=ID_LENGTH), *headers)


def complain(message: str, next_step: str) -> None:
    """Say what is wrong and what to do, on standard error."""
    err.print(message, style="red", markup=False)
    if next_step:
        err.print(f"-> {next_step}", markup=False)


def secret_from_terminal(prompt: str, *, from_stdin: bool) -> str | None:
    """A password from a pipe, or typed twice without showing; None when neither was asked for."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    if not sys.stdin.isatty():
        return None
    typed: str = typer.prompt(prompt, hide_input=True, default="", show_default=False)
    if not typed:
        return None
    if typer.prompt("Again", hide_input=True, default="", show_default=False) != typed:
        raise CommandError("The two passwords differ.", "Run the command again.")
    return typed


DRAWN = (".pdf", ".tif", ".tiff", ".jpg", ".jpeg", ".png", ".heic", ".webp", ".bmp", ".gif", ".jp2")


def belongs_to_another(path: Path) -> bool:
    """An XML beside a document of the same stem goes with it."""
    return path.suffix.lower() == ".xml" and any(path.with_suffix(suffix).is_file() for suffix in DRAWN)
