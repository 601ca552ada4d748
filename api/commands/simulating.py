"""`countersign simulate`: labelled documents replayed through the policy with simulated people; no database needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from api.commands.many import (
    Cache,
    Doctypes,
    EngineName,
    Jobs,
    Limit,
    Split,
    bar,
    named_types,
    setup_of,
    training_documents,
)
from api.commands.shared import CommandError, out

if TYPE_CHECKING:
    from extractor.fields import TrainingDocument
    from hitl.simulate.compare import Zero
    from hitl.simulate.report import Point
    from hitl.simulate.rows import SimDocument
    from models.doctype import DocumentType
    from models.nets.bundle import Bundle


Base = Annotated[
    Path | None,
    typer.Option("--base", help="Bundle that the models of --retrain start from; it may not know their types."),
]

Courses = Annotated[int, typer.Option(min=1, help="Different training sets of --retrain; seeds share them in turn.")]


def simulate(
    output: Annotated[Path, typer.Option("--out", help="Folder for series.csv, summary.json, charts and rows.csv.")],
    manifest: Annotated[
        list[Path] | None, typer.Option("--manifest", help="Labelled documents; may be given several times.")
    ] = None,
    rows: Annotated[
        Path | None, typer.Option("--rows", help="Rows of an earlier run (CSV or JSON Lines) instead of documents.")
    ] = None,
    split: Split = None,
    target: Annotated[float, typer.Option(min=0.0001, max=0.5, help="Error target of the release.")] = 0.02,
    seeds: Annotated[int, typer.Option(min=1, help="How many orders of the documents, each with other people.")] = 20,
    length: Annotated[
        int | None, typer.Option(min=1, help="Documents a seed; more than there are: drawn with replacement.")
    ] = None,
    window: Annotated[int, typer.Option(min=1, help="Documents a point of the curves.")] = 50,
    people: Annotated[Path | None, typer.Option("--people", help="Another model of people (TOML).")] = None,
    policy: Annotated[
        Path | None, typer.Option("--policy", help="A policy as JSON; default: the built-in one.")
    ] = None,
    retrain: Annotated[
        str | None,
        typer.Option("--retrain", help="Start without a model and train one after so many documents, as in 40,100."),
    ] = None,
    models: Annotated[
        Path | None, typer.Option("--models", help="Folder that keeps the models of --retrain by their training set.")
    ] = None,
    base: Base = None,
    courses: Courses = 4,
    limit: Limit = None,
    jobs: Jobs = None,
    cache: Cache = None,
    doctypes: Doctypes = None,
    engine: EngineName = "rapidocr",
) -> None:
    """Replay labelled documents with simulated people: error, answers and seconds over time, against other policies.

    Ours stands there twice: with the certify fold alone as evidence, and with newer documents too (the default).
    """
    from hitl.settings import settings
    from hitl.simulate import people as crowds
    from hitl.simulate.compare import Settings, compare
    from hitl.simulate.report import write as write_report
    from hitl.simulate.rows import RowsUnreadable, read
    from hitl.simulate.rows import write as write_rows
    from hitl.workspace.policy import Policy

    source, zero = Source(manifest or [], split, limit, jobs, cache, doctypes, engine), None
    try:
        if retrain is not None:
            zero = _from_zero(source, retrain, models, courses, base)
            documents = zero.learner.blank()
        else:
            documents = read(rows) if rows else _learned(source)
    except RowsUnreadable as error:
        raise CommandError(str(error)) from error
    if not documents:
        raise CommandError("There is nothing to replay.", "Give --manifest with labelled documents, or --rows.")
    output.mkdir(parents=True, exist_ok=True)
    if zero is None:
        write_rows(output / "rows.csv", documents)
    rules = Policy.model_validate_json(policy.read_text(encoding="utf-8")) if policy else Policy()
    model = crowds.read(people) if people else crowds.read()
    wanted = Settings(target, rules, length or len(documents), seeds, window, zero=zero)
    with bar("simulating", seeds) as step:
        series, totals = compare(documents, model, wanted, step)
    about = {
        "target": target,
        "seeds": seeds,
        "documents": len(documents),
        "length": wanted.length,
        "retrain": list(zero.trainings) if zero else None,
        "courses": courses if zero else None,
        "certify_share": settings().certify_share,
        "policy": rules.model_dump(mode="json"),
        "people": model.figures,
    }
    write_report(output, series, totals, about)
    _tell(totals)
    out.print(f"Series, summary and charts are in {output}.", markup=False)


def _tell(totals: Sequence[Point]) -> None:
    table = Table("policy", "released error", "answers a field", "seconds a field", "accepted", "certified seeds")
    for row in totals:
        table.add_row(
            row.policy, f"{row.error:.2%} ({row.error_low:.2%} to {row.error_high:.2%})", f"{row.answers:.2f}",
            f"{row.seconds:.1f}", f"{row.automation:.0%}", f"{row.certified:.0%}",
        )  # fmt: skip
    out.print(table)


@dataclass(frozen=True, slots=True)
class Source:
    """The labelled documents of the command line, and how they are read."""

    manifests: list[Path]
    split: str | None
    limit: int | None
    jobs: int | None
    cache: Path | None
    doctypes: Path | None
    engine: str

    def load(self) -> tuple[list[TrainingDocument], dict[str, DocumentType]]:
        """The documents with their labels and words, and their types."""
        from extractor.doctypes import load_document_types
        from extractor.measure.manifest import read_manifests

        entries = read_manifests(self.manifests, self.split, self.limit)
        named = named_types(load_document_types(self.doctypes), entries)
        setup = setup_of(None, self.doctypes, None, self.cache, self.engine, needs_bundle=False)
        return training_documents(entries, setup, self.jobs), named


def _from_zero(source: Source, retrain: str, models: Path | None, courses: int, base: Path | None) -> Zero:
    from hitl.simulate.compare import Zero
    from hitl.simulate.learning import Learner

    if not source.manifests:
        raise CommandError("--retrain needs labelled documents.", "Give --manifest.")
    try:
        trainings = tuple(sorted(int(part) for part in retrain.split(",")))
    except ValueError as error:
        raise CommandError(f"{retrain!r} is not a list of numbers.", "Write --retrain 40,100.") from error
    documents, named = source.load()
    return Zero(Learner(documents, named, models, starting_point(base, named)), trainings, courses)


def starting_point(base: Path | None, named: Mapping[str, DocumentType]) -> Bundle | None:
    """The bundle to start from. One that knows the types would not start from zero labels."""
    from extractor.recognise import FIELDS
    from models.nets.bundle import Bundle, BundleUnreadable

    try:
        bundle = Bundle.load(base) if base else None
    except BundleUnreadable as error:
        raise CommandError(str(error)) from error
    known = [name for name in named if bundle and bundle.has_section(f"{FIELDS}{name}/")]
    if known:
        raise CommandError(
            f"{base} has learned {', '.join(known)} already, so that it does not start from zero labels.",
            "Give a bundle that was learned from other types, or leave --base out.",
        )
    return bundle


def _learned(source: Source) -> list[SimDocument]:
    """Rows of the documents, each predicted by a model that had not seen it."""
    from extractor.learn import learn
    from hitl.simulate.rows import FieldRow, group

    if not source.manifests:
        return []
    documents, named = source.load()
    types = {document.id: named[document.document_type] for document in documents}
    with bar("learning", 100) as step:
        _, report = learn(documents, named, None, 20150, lambda _what, share: step(int(100 * share)))
    return group(
        (
            row.document,
            FieldRow(
                row.field,
                types[row.document].field(row.field).kind.value,
                row.confidence,
                not row.correct,
                row.state != "not_found",
            ),
        )
        for row in report.out_of_fold
    )
