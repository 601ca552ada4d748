"""The progress of `countersign run`: a line for every page read and every document that moved on, and a bar."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as Bar
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from hitl.platform import db

_PAGES = text("""
    SELECT p.id AS what, p.number, p.engine, p.cpu_seconds, d.filename, d.id, d.page_count
    FROM document_page p JOIN document d ON d.id = p.document_id
    WHERE p.read_at > now() - interval '1 minute' ORDER BY p.read_at
""")

_MOVES = text("""
    SELECT e.id AS what, e.action, d.filename, d.id AS document_id, d.document_type, d.problem
    FROM event e JOIN document d ON d.id = e.subject
    WHERE e.at > now() - interval '1 minute' AND e.action = ANY(:told) ORDER BY e.at
""")

_COUNTS = text("""
    SELECT (SELECT count(*) FROM document_page p JOIN document d ON d.id = p.document_id
            WHERE d.state <> 'erased') AS pages,
           (SELECT count(*) FROM document_page p JOIN document d ON d.id = p.document_id
            WHERE d.state <> 'erased' AND p.read_at IS NOT NULL) AS read,
           (SELECT count(*) FROM task WHERE state = 'open') AS tasks
""")

TOLD = {
    "document.in_review": "needs people",
    "document.awaiting_type": "needs a person to say what it is",
    "document.released": "released",
    "document.amended": "amended",
    "document.refused": "refused",
    "document.failed": "failed",
}


class Progress:
    """Looks into the database when asked, and says what is new since the last look."""

    def __init__(self, console: Console) -> None:
        self._bar = Bar(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("pages read, {task.fields[tasks]} tasks open"),
            console=console,
            transient=True,
        )
        self._line = self._bar.add_task("", total=None, tasks=0)
        self._console = console
        self._told: set[str] = set()  # rows commit out of order, so a time alone would miss some

    def __enter__(self) -> Progress:
        with db.engine().connect() as connection:
            self._new_lines(connection)  # what happened before is not news
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def say(self, line: str) -> None:
        self._bar.console.print(line, markup=False)

    def look(self) -> None:
        """One look. A database that does not answer just now is asked again at the next."""
        try:
            with db.engine().connect() as connection:
                lines = self._new_lines(connection)
                counts = connection.execute(_COUNTS).one()
        except OperationalError:
            return
        for line in lines:
            self.say(line)
        self._bar.update(self._line, total=counts.pages or None, completed=counts.read, tasks=counts.tasks)

    def _new_lines(self, connection: Connection) -> list[str]:
        pages = [(row.what, page_line(row)) for row in connection.execute(_PAGES)]
        moves = [(row.what, move_line(row)) for row in connection.execute(_MOVES, {"told": list(TOLD)})]
        new = [line for what, line in pages + moves if what not in self._told]
        self._told.update(what for what, _ in pages + moves)
        return new


def page_line(row: Any) -> str:
    cost = f" in {row.cpu_seconds:.1f} s" if row.cpu_seconds is not None else ""
    return f"  {row.filename or row.id}: page {row.number} of {row.page_count} read{cost} ({row.engine})"


def move_line(row: Any) -> str:
    reason = f": {row.problem['message']}" if row.problem and "message" in row.problem else ""
    kind = f" ({row.document_type})" if row.document_type else ""
    return f"{row.filename or row.document_id}{kind} {TOLD[row.action]}{reason}"
