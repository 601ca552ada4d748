"""The progress of `countersign run`: a line for every page read and every document that moved on, and a bar."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as Bar

from hitl.intake.news import News, news

SAID = {
    "document.in_review": "needs people",
    "document.awaiting_type": "needs a person to say what it is",
    "document.awaiting_split": "may hold several documents",
    "document.split": "was split into its documents",
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
        self._shown: set[str] = set()  # rows commit out of order, so a time alone would miss some

    def __enter__(self) -> Progress:
        if found := news(SAID):
            self._new_lines(found)  # what happened before is not news
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
        found = news(SAID)
        if found is None:
            return
        for line in self._new_lines(found):
            self.say(line)
        counts = found.counts
        self._bar.update(self._line, total=counts.pages or None, completed=counts.read, tasks=counts.tasks)

    def _new_lines(self, found: News) -> list[str]:
        pages = [(row.what, page_line(row)) for row in found.pages]
        moves = [(row.what, move_line(row)) for row in found.moves]
        new = [line for what, line in pages + moves if what not in self._shown]
        self._shown.update(what for what, _ in pages + moves)
        return new


def page_line(row: Any) -> str:
    cost = f" in {row.cpu_seconds:.1f} s" if row.cpu_seconds is not None else ""
    return f"  {row.filename or row.id}: page {row.number} of {row.page_count} read{cost} ({row.engine})"


def move_line(row: Any) -> str:
    reason = f": {row.problem['message']}" if row.problem and "message" in row.problem else ""
    kind = f" ({row.document_type})" if row.document_type else ""
    return f"{row.filename or row.document_id}{kind} {SAID[row.action]}{reason}"
