"""What commands over many documents share: their options, the set-up of a reader, a bar, labelled documents."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from api.commands.shared import CommandError, err

if TYPE_CHECKING:
    from extractor.batch import Setup
    from extractor.fields import TrainingDocument
    from extractor.measure.manifest import Entry
    from models.doctype import DocumentType

Manifests = Annotated[
    list[Path], typer.Option("--manifest", help="JSON Lines of documents; may be given several times.")
]
BundleFolder = Annotated[
    Path | None, typer.Option("--bundle", help="Folder of the model; without it the built-in one.")
]
Jobs = Annotated[int | None, typer.Option("--jobs", min=1, help="Worker processes; without it one a core.")]
Cache = Annotated[Path | None, typer.Option("--cache", help="Folder that keeps the words of documents read before.")]
Doctypes = Annotated[Path | None, typer.Option("--doctypes", help="Folder with document types of your own (TOML).")]
EngineName = Annotated[str, typer.Option("--engine", help="OCR engine: rapidocr, tesserocr or tesseract.")]
Split = Annotated[str | None, typer.Option("--split", help="Only this split of the manifests.")]
OneType = Annotated[str | None, typer.Option("--type", help="Do not classify: all are of this type.")]
UseData = Annotated[
    bool, typer.Option("--xml/--no-xml", help="Use e-invoices and payment codes in the files; else the print alone.")
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="At most so many documents of each manifest.")]


def setup_of(
    bundle: Path | None,
    doctypes: Path | None,
    document_type: str | None,
    cache: Path | None,
    engine: str,
    *,
    needs_bundle: bool = True,
    data: bool = True,
) -> Setup:
    from extractor.batch import Setup
    from extractor.bundle import BUILT_IN
    from extractor.doctypes import load_document_types
    from extractor.ocr import ENGINES
    from extractor.read import ReadOptions
    from models.nets.bundle import Bundle, BundleUnreadable

    types = load_document_types(doctypes)
    if document_type is not None and document_type not in types:
        raise CommandError(f"There is no document type {document_type}.", f"Known: {', '.join(types)}.")
    if engine not in ENGINES:
        raise CommandError(f"There is no engine {engine}.", f"Known: {', '.join(sorted(ENGINES))}.")
    folder = (bundle or BUILT_IN) if needs_bundle else None
    if folder is not None:
        try:
            Bundle.load(folder)
        except BundleUnreadable as error:
            raise CommandError(str(error)) from error
    return Setup(ReadOptions(engine, cache=cache, data=data), folder, doctypes, document_type, datetime.now(UTC).date())


def named_types(
    types: Mapping[str, DocumentType], entries: Sequence[Entry], *, only: str | None = None, strangers: bool = False
) -> dict[str, DocumentType]:
    """The types that the entries name, or `only` that one; with `strangers` some may be of no type.

    Raises `CommandError` for a type that does not exist, and where none is left.
    """
    from extractor.classify.classifier import UNKNOWN

    names = {entry.document_type for entry in entries if entry.document_type} - ({UNKNOWN} if strangers else set())
    missing = sorted(names - set(types))
    if missing:
        raise CommandError(
            f"The manifest names unknown document types: {', '.join(missing)}.",
            f"Write a TOML file for each and give its folder with --doctypes. Known: {', '.join(types)}.",
        )
    names &= {only} if only else names
    if not names:
        raise CommandError("The manifest holds no document with a type.", "Check --split, and `type` in its lines.")
    return {name: types[name] for name in sorted(names)}


def training_documents(entries: Sequence[Entry], setup: Setup, jobs: int | None) -> list[TrainingDocument]:
    from extractor.batch import Job, read_all, workers_for
    from extractor.doctypes import load_document_types
    from extractor.learn import training_document

    work = [Job(entry.path, str(entry.path), entry.document_type) for entry in entries]
    read, types = {}, load_document_types(setup.doctypes)
    with bar("reading", len(work)) as step:
        for words in read_all(work, setup, workers_for(jobs, len(work))):
            read[words.name] = words
            if words.problem:
                err.print(f"{words.name}: {words.problem}", markup=False)
            step()
    return [
        training_document(entry, words.pages, types.get(entry.document_type), words.stated.statements)
        for entry in entries
        if entry.document_type and (words := read[str(entry.path)]).pages
    ]


def write_json(target: Path, content: Mapping[str, Any]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


@contextmanager
def bar(what: str, total: int) -> Iterator[_Step]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        yield _Step(progress, progress.add_task(what, total=total))


@dataclass(frozen=True)
class _Step:
    bar: Progress
    task: Any

    def __call__(self, done: int | None = None) -> None:
        """One further, or `done` of all."""
        if done is None:
            self.bar.advance(self.task)
        else:
            self.bar.update(self.task, completed=done)
