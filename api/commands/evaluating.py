"""`countersign evaluate`: how good a model is on labelled documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.growing import Resume, growing, kept_lines
from api.commands.many import (
    BundleFolder,
    Cache,
    Doctypes,
    EngineName,
    Jobs,
    Limit,
    Manifests,
    OneType,
    Split,
    UseData,
    bar,
    setup_of,
    write_json,
)
from api.commands.shared import CommandError, out

if TYPE_CHECKING:
    from extractor.batch import Outcome, Setup
    from extractor.measure.evaluate import EvaluationReport
    from extractor.measure.manifest import Entry
    from models.doctype import DocumentType


def evaluate(
    manifest: Manifests,
    split: Split = None,
    bundle: BundleFolder = None,
    json_out: Annotated[Path | None, typer.Option("--json", help="Write all measures and decisions there.")] = None,
    charts: Annotated[Path | None, typer.Option("--charts", help="Folder for SVG charts.")] = None,
    document_type: OneType = None,
    limit: Limit = None,
    jobs: Jobs = None,
    cache: Cache = None,
    doctypes: Doctypes = None,
    engine: EngineName = "rapidocr",
    xml: UseData = True,
    resume: Resume = False,
) -> None:
    """Measure accuracy, calibration, coverage at a given error, what wrong values are wrong by, and cost.

    With --json what is read is kept beside that file until all is, for --resume.
    """
    from extractor.doctypes import load_document_types
    from extractor.measure.manifest import read_manifest

    sources = [(path, entry) for path in manifest for entry in read_manifest(path, split, limit)]
    setup = setup_of(bundle, doctypes, document_type, cache, engine, data=xml)
    part = json_out.with_name(json_out.name + ".part") if json_out else None
    if resume and part is None:
        raise CommandError("Without --json nothing is kept to go on with.", "Name a file with --json, both times.")
    outcomes = _outcomes([entry for _, entry in sources], setup, jobs, part, resume)
    types = load_document_types(doctypes)
    result = _judge(outcomes, [entry for _, entry in sources], manifest, split, types, setup)
    costs = _costs(list(outcomes.values()))
    out.print(result.table(), markup=False)
    out.print(f"CPU seconds per page: {costs}", markup=False)
    if json_out is not None:
        write_json(json_out, result.to_json() | {"cpu_seconds_per_page": costs})
        json_out.with_name(json_out.name + ".part").unlink(missing_ok=True)
    if charts is not None:
        _draw(charts, result)


def _outcomes(
    entries: Sequence[Entry], setup: Setup, jobs: int | None, part: Path | None, resume: bool
) -> dict[str, Outcome]:
    """What became of every file. As far as `part` says what the same setup read before, it is not read again."""
    from extractor.batch import Job, Outcome, extract_all, workers_for
    from models.nets.bundle import Bundle

    work = [Job(entry.path, str(entry.path)) for entry in entries]
    if not work:
        raise CommandError("There are no documents to measure.", "Check --manifest and --split.")
    assert setup.bundle is not None
    by = {"by": [Bundle.load(setup.bundle).version, setup.options.engine, setup.document_type]}
    kept = kept_lines(part) if part and resume else []
    if kept and kept[0] != by:
        raise CommandError(f"{part} was read by another model, engine or type.", "Run it without --resume.")
    wanted = {job.name for job in work}
    found = {outcome.name: outcome for outcome in map(Outcome.from_json, kept[1:]) if outcome.name in wanted}
    left = [job for job in work if job.name not in found]
    with bar("reading", len(work)) as step, growing(part, kept or [by]) if part else nullcontext(_nowhere) as write:
        step(len(found))
        for outcome in extract_all(left, setup, workers_for(jobs, len(left))):
            found[outcome.name] = outcome
            write(outcome.to_json())
            step()
    return found


def _nowhere(_line: Mapping[str, Any]) -> None:
    """Keeps nothing."""


def _judge(
    outcomes: Mapping[str, Outcome],
    entries: Sequence[Entry],
    manifests: Sequence[Path],
    split: str | None,
    types: Mapping[str, DocumentType],
    setup: Setup,
) -> EvaluationReport:
    from extractor.measure.evaluate import evaluate as judge
    from extractor.measure.evaluate import truth_of, vendor_keys
    from extractor.measure.manifest import read_manifests
    from extractor.recognise import out_of_fold
    from models.nets.bundle import Bundle

    assert setup.bundle is not None
    others = [entry for entry in read_manifests(manifests) if split is not None and entry.split != split]
    return judge(
        {name: found.extraction.recognition for name, found in outcomes.items() if found.extraction},
        [truth_of(entry, types, str(entry.path)) for entry in entries],
        types,
        vendor_keys([truth_of(entry, types) for entry in others], types),
        out_of_fold(Bundle.load(setup.bundle)),
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
    from extractor.measure import measures
    from extractor.measure.charts import reliability_svg, risk_coverage_svg

    folder.mkdir(parents=True, exist_ok=True)
    for name in ["all", *result.numbers["types"]]:
        rows = [row for row in result.rows if name in ("all", row.document_type)]
        pairs = measures.arrays([(row.confidence, row.exact) for row in rows if row.answered])
        everything = measures.arrays([(row.confidence if row.answered else -1.0, row.exact) for row in rows])
        reliability = reliability_svg(measures.bins(*pairs), f"{name}: reliability")
        (folder / f"{name}-reliability.svg").write_text(reliability, encoding="utf-8")
        curve = risk_coverage_svg(measures.curve(*everything), f"{name}: risk and coverage")
        (folder / f"{name}-risk-coverage.svg").write_text(curve, encoding="utf-8")
