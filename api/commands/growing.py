"""Files of JSON Lines that grow while a command works, so that what is done is kept when the command is ended."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from api.commands.shared import CommandError

Resume = Annotated[
    bool, typer.Option("--resume", help="Go on where the same command was ended: what is written is not read again.")
]


def kept_lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a file that may have been cut in its last line; none if there is no file."""
    if not path.exists():
        return []
    *whole, _cut = path.read_bytes().split(b"\n")
    try:
        return [json.loads(line) for line in whole if line.strip()]
    except ValueError as error:
        raise CommandError(
            f"{path} holds something else than lines of this command ({error}).", "Name another file, or begin anew."
        ) from error


@contextmanager
def growing(path: Path, kept: Sequence[Mapping[str, Any]]) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A file that begins with `kept` and to which lines are added; each is on disk when the call returns."""
    replace_lines(path, kept)
    with path.open("a", encoding="utf-8") as file:

        def add(line: Mapping[str, Any]) -> None:
            file.write(_text(line))
            file.flush()

        yield add


def replace_lines(path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    """The file holds these lines and no others, by one rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text("".join(map(_text, lines)), encoding="utf-8")
    part.replace(path)


def _text(line: Mapping[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False) + "\n"
