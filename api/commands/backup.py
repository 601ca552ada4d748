"""`countersign backup` and `restore`: the whole installation as one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.commands.shared import out


def backup(file: Annotated[Path, typer.Argument(help="The .tar file to write.")]) -> None:
    """Write database and documents into one file, also while the system works."""
    from hitl.platform import backups

    size = backups.backup(file)
    out.print(f"{file}: {size / 1e6:.1f} MB. It holds documents and password hashes: keep it safe.", markup=False)
    if backups.blob_folder() is None:
        out.print("The documents are in an object store and are not in this file; back that up too.")


def restore(file: Annotated[Path, typer.Argument(help="A file that `backup` wrote.")]) -> None:
    """Fill an empty installation from a backup."""
    from hitl.platform import backups

    backups.restore(file)
    out.print(f"Restored from {file}. Start it with `countersign run`.", markup=False)
