"""`countersign upload` and `countersign watch`: files of this machine to a server, over the public API alone.

Each file is a line of a journal (JSONL: file, id, or the problem that the server told), written as soon as the server
has answered. A file whose line says that it was taken is not sent again; a file that changed since is.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.growing import growing, kept_lines
from api.commands.shared import CommandError, belongs_to_another, err, out
from models.text import path_as_text

if TYPE_CHECKING:
    from api.client import Client

Url = Annotated[str, typer.Option(envvar="COUNTERSIGN_URL", help="Address of the server.")]
Key = Annotated[str, typer.Option(envvar="COUNTERSIGN_KEY", help="API key with the scope documents:write.")]
TypeName = Annotated[str | None, typer.Option("--type", help="Document type of all files; else they are classified.")]
JournalFile = Annotated[
    Path | None, typer.Option("--journal", help="Default: .countersign-upload.jsonl in the folder.")
]
Parallel = Annotated[int, typer.Option(min=1, max=32, help="Uploads at once.")]

JOURNAL = ".countersign-upload.jsonl"


@dataclass(frozen=True)
class Sending:
    """What one run sends, where to, and what it knows of earlier runs."""

    client: Client
    root: Path
    journal: Path
    document_type: str | None
    parallel: int

    def send_new(self, *, refused_too: bool, settled: float = 0) -> tuple[int, int]:
        """Send what no line of the journal says was taken, and with `refused_too` also what was refused before.

        Returns how many were taken and how many refused.
        """
        lines = kept_lines(self.journal)
        done = {(line["file"], line["bytes"], line["modified"]) for line in lines if "id" in line or not refused_too}
        waiting = [file for file in _files(self.root, self.journal) if _stamp(file, self.root) not in done]
        waiting = [file for file in waiting if time.time() - file.stat().st_mtime >= settled]
        if not waiting:
            return 0, 0
        counts = {"id": 0, "problem": 0}
        with growing(self.journal, lines) as add, ThreadPoolExecutor(self.parallel) as pool:
            for at, line in enumerate(pool.map(self._send, waiting), 1):
                add(line)
                counts["id" if "id" in line else "problem"] += 1
                out.print(f"{at}/{len(waiting)} {line['file']}: {line.get('id') or line['problem']}", markup=False)
        return counts["id"], counts["problem"]

    def _send(self, file: Path) -> dict[str, Any]:
        from api.client import ApiError, calls

        name, size, modified = _stamp(file, self.root)
        line: dict[str, Any] = {"file": name, "bytes": size, "modified": modified}
        try:
            call = calls.upload(
                file, document_type=self.document_type, external_id=name[-200:], beside=_beside(file, self.root)
            )
            return line | {"id": self.client.send(call).id}
        except ApiError as error:
            if error.status in (401, 403):
                raise CommandError(error.detail, error.next_step) from error
            return line | {"problem": error.code, "detail": error.detail, "next_step": error.next_step}
        except OSError as error:
            return line | {"problem": "not_readable", "detail": str(error.strerror), "next_step": "Look at the file."}


def upload(
    path: Annotated[Path, typer.Argument(exists=True, help="A file, or a folder with all that is below it.")],
    key: Key,
    url: Url = "http://127.0.0.1:8000",
    document_type: TypeName = None,
    journal: JournalFile = None,
    parallel: Parallel = 4,
) -> None:
    """Upload files. Run it again to go on where it stopped: what the server took is not sent twice."""
    from api.client import NotReachable

    try:
        taken, refused = _run(path, url, key, document_type, journal, parallel, refused_too=True)
    except NotReachable as error:
        raise CommandError(
            str(error), "Start the server, or give its address with --url; then run it again."
        ) from error
    err.print(f"{taken} taken, {refused} refused.", markup=False)
    if refused:
        raise typer.Exit(1)


def watch(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="A folder into which files are put.")],
    key: Key,
    url: Url = "http://127.0.0.1:8000",
    document_type: TypeName = None,
    journal: JournalFile = None,
    parallel: Parallel = 4,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 5,
    settled: Annotated[float, typer.Option(min=0, help="Seconds a file must not have changed before it is sent.")] = 3,
) -> None:
    """Upload what is put into a folder, until it is stopped.

    A server that is away is tried again at the next look, what it refused when the file has changed.
    """
    from api.client import NotReachable

    while True:
        try:
            _run(folder, url, key, document_type, journal, parallel, refused_too=False, settled=settled)
        except NotReachable as error:
            err.print(str(error), markup=False)
        time.sleep(every)


def _run(
    path: Path,
    url: str,
    key: str,
    document_type: str | None,
    journal: Path | None,
    parallel: int,
    *,
    refused_too: bool,
    settled: float = 0,
) -> tuple[int, int]:
    from api.client import Client

    root = path if path.is_dir() else path.parent
    with Client(url, key) as client:
        where = journal or (root if path.is_dir() else Path.cwd()) / JOURNAL
        sending = Sending(client, path, where, document_type, parallel)
        return sending.send_new(refused_too=refused_too, settled=settled)


def _files(path: Path, journal: Path) -> Iterator[Path]:
    """The files below `path` in their order, without hidden ones and the journal."""
    if path.is_file():
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(folder, name)
            if name.startswith(".") or file == journal or belongs_to_another(file):
                continue
            if file.is_file():
                yield file


def _stamp(file: Path, root: Path) -> tuple[str, int, int]:
    """What tells a file from the one that stood there before: path, size, time of change in nanoseconds."""
    states = [one.stat() for one in (file, _beside(file, root)) if one is not None]
    name = file.relative_to(root) if root.is_dir() else Path(file.name)
    return path_as_text(name), sum(s.st_size for s in states), max(s.st_mtime_ns for s in states)


def _beside(file: Path, root: Path) -> Path | None:
    """The XML of the same stem in the same folder, which belongs to a document; of a file named alone none."""
    xml = file.with_suffix(".xml")
    return xml if root.is_dir() and xml != file and belongs_to_another(xml) and xml.is_file() else None
