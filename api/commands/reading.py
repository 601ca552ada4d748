"""`countersign extract`, `learn` and `evaluate`: reading without a server and without a database."""

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

from api.commands.shared import CommandError, err, out
from api.commands.vendors import Vendors, facts_of

if TYPE_CHECKING:
    from extractor.batch import Job, Outcome, Setup
    from extractor.evaluate import EvaluationReport
    from extractor.fields import TrainingDocument
    from extractor.learn import LearnReport
    from extractor.manifest import Entry
    from models.doctype import DocumentType
    from models.nets.bundle import Bundle
    from models.values import Reading

SUFFIXES = frozenset({".pdf", ".tif", ".tiff", ".jpg", ".jpeg", ".png"})
SEED = 20151

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
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="At most so many documents of each manifest.")]


def extract(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files, or folders of files.")] = None,
    jsonl: Annotated[
        Path, typer.Option("--jsonl", help="Where the lines go, one a document; - is standard output.")
    ] = Path("-"),
    document_type: Annotated[str | None, typer.Option("--type", help="Do not classify: all are of this type.")] = None,
    bundle: BundleFolder = None,
    manifest: Annotated[Path | None, typer.Option("--manifest", help="Take the files from a manifest.")] = None,
    split: Annotated[str | None, typer.Option("--split", help="Only this split of the manifest.")] = None,
    limit: Limit = None,
    jobs: Jobs = None,
    cache: Cache = None,
    doctypes: Doctypes = None,
    engine: EngineName = "rapidocr",
) -> None:
    """Read documents: fields with their confidence as JSON Lines."""
    from extractor.batch import extract_all, workers_for

    work = _files(paths or [], manifest, split, limit)
    setup = _setup(bundle, doctypes, document_type, cache, engine)
    lines: dict[str, dict[str, Any]] = {}
    with _bar("reading", len(work)) as step:
        for outcome in extract_all(work, setup, workers_for(jobs, len(work))):
            lines[outcome.name] = line_of(outcome)
            step()
    _write(jsonl, [lines[job.name] for job in work])
    refused = sum(line["document_type"] is None for line in lines.values())
    err.print(f"{len(lines)} documents, {refused} refused" if refused else f"{len(lines)} documents", markup=False)


def learn(
    manifest: Manifests,
    bundle: Annotated[
        Path, typer.Option("--bundle", help="The model to start from, and without --out the place of the new one.")
    ],
    split: Annotated[str | None, typer.Option("--split", help="Only this split of the manifests.")] = None,
    limit: Limit = None,
    output: Annotated[Path | None, typer.Option("--out", help="Where the new model goes.")] = None,
    report: Annotated[Path | None, typer.Option("--json", help="Write the report there.")] = None,
    memory: Annotated[
        bool, typer.Option(help="Keep known values of vendors. Off for a model that is given away.")
    ] = True,
    vendors: Vendors = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = SEED,
    jobs: Jobs = None,
    cache: Cache = None,
    doctypes: Doctypes = None,
    engine: EngineName = "rapidocr",
) -> None:
    """Learn document types from labelled documents. The named types of the model are replaced, the others stay."""
    from extractor.doctypes import load_document_types
    from extractor.learn import learn as learn_bundle
    from extractor.manifest import read_manifests

    entries = read_manifests(manifest, split, limit)
    named, base = _named(load_document_types(doctypes), entries), _base(bundle)
    known = facts_of(vendors, named, memory)
    documents = _training_documents(entries, _setup(None, doctypes, None, cache, engine, needs_bundle=False), jobs)
    with _bar("learning", 100) as step:
        new, learned = learn_bundle(documents, named, base, seed, lambda _, s: step(int(100 * s)), memory, known)
    new.save(output or bundle)
    _tell(learned, new, output or bundle)
    if report is not None:
        _write_json(report, learned.as_dict() | {"bundle": new.version})


def evaluate(
    manifest: Manifests,
    split: Annotated[str | None, typer.Option("--split", help="Only this split of the manifests.")] = None,
    bundle: BundleFolder = None,
    json_out: Annotated[Path | None, typer.Option("--json", help="Write all measures and decisions there.")] = None,
    charts: Annotated[Path | None, typer.Option("--charts", help="Folder for SVG charts.")] = None,
    document_type: Annotated[str | None, typer.Option("--type", help="Do not classify: all are of this type.")] = None,
    limit: Limit = None,
    jobs: Jobs = None,
    cache: Cache = None,
    doctypes: Doctypes = None,
    engine: EngineName = "rapidocr",
) -> None:
    """Measure accuracy, calibration, coverage at a given error, what wrong values are wrong by, and cost."""
    from extractor.doctypes import load_document_types
    from extractor.manifest import read_manifest

    sources = [(path, entry) for path in manifest for entry in read_manifest(path, split, limit)]
    setup = _setup(bundle, doctypes, document_type, cache, engine)
    outcomes = _outcomes([entry for _, entry in sources], setup, jobs)
    types = load_document_types(doctypes)
    result = _judge(outcomes, [entry for _, entry in sources], manifest, split, types, setup)
    costs = _costs(list(outcomes.values()))
    out.print(result.table(), markup=False)
    out.print(f"CPU seconds per page: {costs}", markup=False)
    if json_out is not None:
        _write_json(json_out, result.to_json() | {"cpu_seconds_per_page": costs})
    if charts is not None:
        _draw(charts, result)


# --- files in, lines out ---


def line_of(outcome: Outcome) -> dict[str, Any]:
    """The line of one document, as the contract of `extract` has it."""
    line: dict[str, Any] = {"file": outcome.name, "document_type": None, "document_type_confidence": 0.0, "pages": 0}
    found = outcome.extraction
    if found is None:
        return line | {"fields": {}, "seconds": round(outcome.seconds, 3), "problems": [outcome.problem]}
    recognition = found.recognition
    return line | {
        "document_type": recognition.document_type,
        "document_type_confidence": round(recognition.document_type_confidence, 5),
        "pages": len(found.pages),
        "fields": {reading.field: _field(reading) for reading in recognition.readings},
        "seconds": round(outcome.seconds, 3),
        "problems": list(found.problems),
    }


def _field(reading: Reading) -> dict[str, Any]:
    line: dict[str, Any] = {
        "value": reading.value,
        "text": reading.text,
        "confidence": round(reading.confidence, 5),
        "page": reading.page,
        "box": reading.box.as_list() if reading.box else None,
        "state": reading.state.value,
    }
    if reading.items or isinstance(reading.value, list):
        line["items"] = [
            {
                "value": item.value,
                "text": item.text,
                "confidence": round(item.confidence, 5),
                "page": item.page,
                "box": item.box.as_list() if item.box else None,
            }
            for item in reading.items
        ]
    return line


def _files(paths: Sequence[Path], manifest: Path | None, split: str | None, limit: int | None) -> list[Job]:
    from extractor.batch import Job
    from extractor.manifest import read_manifest

    if bool(paths) == bool(manifest):
        raise CommandError("Name files or folders, or a manifest.", "countersign extract SCANS --jsonl OUT.jsonl")
    found = [Job(entry.path, entry.file) for entry in read_manifest(manifest, split)] if manifest else []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
            found += [Job(p, p.relative_to(path).as_posix()) for p in inside]
        elif path.exists():
            found.append(Job(path, str(path)))
        else:
            raise CommandError(f"There is no file {path}.", "Check the name and run the command again.")
    if not found:
        raise CommandError(
            "There are no documents to read.", f"A folder is searched for {', '.join(sorted(SUFFIXES))}."
        )
    unique = list({job.name if len(paths) < 2 else str(job.path): job for job in found}.values())
    if len({job.name for job in unique}) < len(unique):  # two folders with equal names inside: say the whole path
        unique = [Job(job.path, str(job.path)) for job in unique]
    return unique if limit is None else unique[:limit]


def _setup(
    bundle: Path | None,
    doctypes: Path | None,
    document_type: str | None,
    cache: Path | None,
    engine: str,
    *,
    needs_bundle: bool = True,
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
    return Setup(ReadOptions(engine, cache=cache), folder, doctypes, document_type, datetime.now(UTC).date())


def _write(target: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    if str(target) == "-":
        typer.echo(text, nl=False)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def _write_json(target: Path, content: Mapping[str, Any]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


@contextmanager
def _bar(what: str, total: int) -> Iterator[_Step]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        yield _Step(bar, bar.add_task(what, total=total))


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


# --- learning ---


def _named(types: Mapping[str, DocumentType], entries: Sequence[Entry]) -> dict[str, DocumentType]:
    names = {entry.document_type for entry in entries if entry.document_type}
    missing = sorted(names - set(types))
    if missing:
        raise CommandError(
            f"The manifest names unknown document types: {', '.join(missing)}.",
            f"Write a TOML file for each and give its folder with --doctypes. Known: {', '.join(types)}.",
        )
    if not names:
        raise CommandError("The manifest holds no document with a type.", "Check --split, and `type` in its lines.")
    return {name: types[name] for name in sorted(names)}


def _base(folder: Path) -> Bundle | None:
    from models.nets.bundle import INDEX, Bundle, BundleUnreadable

    if not (folder / INDEX).exists():
        return None
    try:
        return Bundle.load(folder)
    except BundleUnreadable as error:
        raise CommandError(str(error)) from error


def _training_documents(entries: Sequence[Entry], setup: Setup, jobs: int | None) -> list[TrainingDocument]:
    from extractor.batch import Job, read_all, workers_for
    from extractor.learn import training_document

    work = [Job(entry.path, str(entry.path), entry.document_type) for entry in entries]
    pages = {}
    with _bar("reading", len(work)) as step:
        for words in read_all(work, setup, workers_for(jobs, len(work))):
            pages[words.name] = words.pages
            if words.problem:
                err.print(f"{words.name}: {words.problem}", markup=False)
            step()
    return [
        training_document(entry, pages[str(entry.path)])
        for entry in entries
        if entry.document_type and pages[str(entry.path)]
    ]


def _tell(learned: LearnReport, bundle: Bundle, folder: Path) -> None:
    for name, of_type in learned.types.items():
        out.print(f"{name}: {of_type.documents} documents, {of_type.cpu_seconds:.0f} CPU s", markup=False)
        for field, numbers in of_type.fields.items():
            ece = "-" if numbers.ece is None else f"{numbers.ece:.3f}"
            out.print(f"  {field:20} n {numbers.n:4}  right {numbers.accuracy:.3f}  ECE {ece}", markup=False)
    if learned.classifier:
        missed = ", ".join(f"{k} {v:.2f}" for k, v in learned.classifier.unknown_detected.items())
        right = f"types right in folds: {learned.classifier.accuracy:.4f}"
        out.print(f"{right}; unknown when held out: {missed}", markup=False)
    out.print(f"{bundle.version} in {folder}, {learned.cpu_seconds:.0f} CPU s", markup=False)


# --- evaluating ---


def _outcomes(entries: Sequence[Entry], setup: Setup, jobs: int | None) -> dict[str, Outcome]:
    from extractor.batch import Job, extract_all, workers_for

    work = [Job(entry.path, str(entry.path)) for entry in entries]
    if not work:
        raise CommandError("There are no documents to measure.", "Check --manifest and --split.")
    found = {}
    with _bar("reading", len(work)) as step:
        for outcome in extract_all(work, setup, workers_for(jobs, len(work))):
            found[outcome.name] = outcome
            step()
    return found


def _judge(
    outcomes: Mapping[str, Outcome],
    entries: Sequence[Entry],
    manifests: Sequence[Path],
    split: str | None,
    types: Mapping[str, DocumentType],
    setup: Setup,
) -> EvaluationReport:
    from extractor.evaluate import evaluate as judge
    from extractor.evaluate import truth_of, vendor_keys
    from extractor.manifest import read_manifests
    from extractor.recognise import OUT_OF_FOLD
    from models.nets.bundle import Bundle

    assert setup.bundle is not None
    tables = Bundle.load(setup.bundle).section(OUT_OF_FOLD)[2]
    folds = {name.partition("/")[0]: [(row[1], row[2]) for row in rows] for name, rows in tables.items()}
    others = [entry for entry in read_manifests(manifests) if split is not None and entry.split != split]
    return judge(
        {name: found.extraction.recognition for name, found in outcomes.items() if found.extraction},
        [truth_of(entry, types, str(entry.path)) for entry in entries],
        types,
        vendor_keys([truth_of(entry, types) for entry in others], types),
        folds,
        {name: found.extraction.pages for name, found in outcomes.items() if found.extraction},
    )


def _costs(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Mean CPU seconds per page by stage; start-up of a worker's models counts where it happens."""
    pages = sum(len(found.extraction.pages) for found in outcomes if found.extraction)
    stages: dict[str, float] = {}
    for found in outcomes:
        for stage, seconds in (found.extraction.seconds if found.extraction else {}).items():
            stages[stage] = stages.get(stage, 0.0) + seconds
    stages["all"] = sum(found.seconds for found in outcomes)
    return {stage: round(seconds / max(pages, 1), 4) for stage, seconds in stages.items()}


def _draw(folder: Path, result: EvaluationReport) -> None:
    from extractor import measures
    from extractor.charts import reliability_svg, risk_coverage_svg

    folder.mkdir(parents=True, exist_ok=True)
    for name in ["all", *result.numbers["types"]]:
        rows = [row for row in result.rows if name in ("all", row.document_type)]
        pairs = measures.arrays([(row.confidence, row.exact) for row in rows if row.answered])
        everything = measures.arrays([(row.confidence if row.answered else -1.0, row.exact) for row in rows])
        reliability = reliability_svg(measures.bins(*pairs), f"{name}: reliability")
        (folder / f"{name}-reliability.svg").write_text(reliability, encoding="utf-8")
        curve = risk_coverage_svg(measures.curve(*everything), f"{name}: risk and coverage")
        (folder / f"{name}-risk-coverage.svg").write_text(curve, encoding="utf-8")
