"""`countersign extract` and `learn`: reading without a server and without a database."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.growing import Resume, growing, kept_lines, replace_lines
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
    named_types,
    setup_of,
    training_documents,
    write_json,
)
from api.commands.shared import CommandError, belongs_to_another, err, out
from api.commands.vendors import Vendors, facts_of
from models.text import path_as_text

if TYPE_CHECKING:
    from extractor.batch import Job, Outcome
    from extractor.learn import LearnReport
    from extractor.read import Extraction
    from models.nets.bundle import Bundle
    from models.values import Reading

SEED = 20151


def extract(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files, or folders of files.")] = None,
    jsonl: Annotated[
        Path, typer.Option("--jsonl", help="Where the lines go, one a document; - is standard output.")
    ] = Path("-"),
    document_type: OneType = None,
    bundle: BundleFolder = None,
    manifest: Annotated[Path | None, typer.Option("--manifest", help="Take the files from a manifest.")] = None,
    split: Annotated[str | None, typer.Option("--split", help="Only this split of the manifest.")] = None,
    limit: Limit = None,
    jobs: Jobs = None,
    cache: Cache = None,
    doctypes: Doctypes = None,
    engine: EngineName = "rapidocr",
    xml: UseData = True,
    resume: Resume = False,
    parts: Annotated[
        bool, typer.Option("--parts/--whole", help="Files may hold several documents; else each is one.")
    ] = True,
) -> None:
    """Read documents: fields with their confidence as JSON Lines, one line a document, also of a file of several."""
    from extractor.batch import extract_all, workers_for

    work = _files(paths or [], manifest, split, limit)
    setup = replace(setup_of(bundle, doctypes, document_type, cache, engine, data=xml), parts=parts)
    names = [path_as_text(job.name) for job in work]
    lines = _whole(_kept(jsonl, resume), names)
    left = [job for job in work if path_as_text(job.name) not in lines]
    with bar("reading", len(work)) as step, _sink(jsonl, names, lines) as write:
        step(len(lines))
        for outcome in extract_all(left, setup, workers_for(jobs, len(left))):
            lines[path_as_text(outcome.name)] = lines_of(outcome)
            if outcome.extraction is None:
                err.print(f"{path_as_text(outcome.name)} is passed over: {outcome.problem}", markup=False)
            for line in lines[path_as_text(outcome.name)]:
                write(line)
            step()
    found = [line for name in names for line in lines[name]]  # in the order of the files
    if str(jsonl) != "-":
        replace_lines(jsonl, found)
    refused = sum(line["document_type"] is None for line in found)
    err.print(f"{len(found)} documents, {refused} refused" if refused else f"{len(found)} documents", markup=False)


def learn(
    manifest: Manifests,
    bundle: Annotated[
        Path, typer.Option("--bundle", help="The model to start from, and without --out the place of the new one.")
    ],
    split: Split = None,
    limit: Limit = None,
    output: Annotated[Path | None, typer.Option("--out", help="Where the new model goes.")] = None,
    report: Annotated[Path | None, typer.Option("--json", help="Write the report there.")] = None,
    memory: Annotated[
        bool, typer.Option(help="Keep known values of vendors. Off for a model that is given away.")
    ] = True,
    vendors: Vendors = None,
    only: Annotated[
        str | None,
        typer.Option("--only", help="Learn the fields of this type; the others only show what it is not like."),
    ] = None,
    replacing: Annotated[
        bool,
        typer.Option("--replace", help="From these documents alone: what the model knew of their types goes."),
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = SEED,
    jobs: Jobs = None,
    cache: Cache = None,
    doctypes: Doctypes = None,
    engine: EngineName = "rapidocr",
    xml: UseData = True,
) -> None:
    """Learn document types from labelled documents, on top of what the model knows of them; other types stay."""
    from extractor.bundle import BUILT_IN
    from extractor.doctypes import load_document_types
    from extractor.learn import learn as learn_bundle
    from extractor.measure.manifest import read_manifests

    entries = read_manifests(manifest, split, limit)
    named = named_types(load_document_types(doctypes), entries, only=only, strangers=True)
    base = _base(bundle)
    if base is None:
        err.print(
            f"{bundle} holds no model yet: learning from nothing. "
            f"To build on the one that ships: --bundle {BUILT_IN} --out {output or bundle}",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
    known = facts_of(vendors, named, memory)
    documents = training_documents(
        entries, setup_of(None, doctypes, None, cache, engine, needs_bundle=False, data=xml), jobs
    )
    with bar("learning", 100) as step:
        new, learned = learn_bundle(
            documents, named, base, seed, lambda _, s: step(int(100 * s)), memory, known, replacing=replacing
        )
    new.save(output or bundle)
    _tell(learned, new, output or bundle)
    if report is not None:
        write_json(report, learned.as_dict() | {"bundle": new.version})


# --- files in, lines out ---


def lines_of(outcome: Outcome) -> list[dict[str, Any]]:
    """The lines of one file, one a document, as the contract of `extract` has it."""
    if outcome.extraction is not None:
        return [line_of(outcome, found) for found in (outcome.extraction, *outcome.further)]
    seconds = round(outcome.seconds, 3)
    return [_start(outcome) | {"fields": {}, "seconds": seconds, "problems": [outcome.problem]}]


def _start(outcome: Outcome) -> dict[str, Any]:
    file: dict[str, Any] = {"file": path_as_text(outcome.name), "part": 1, "parts": 1, "page_range": []}
    return file | {"document_type": None, "document_type_confidence": 0.0, "pages": 0}


def line_of(outcome: Outcome, found: Extraction) -> dict[str, Any]:
    """The line of one document of a file."""
    recognition = found.recognition
    return _start(outcome) | {
        "part": found.part,
        "parts": found.parts,
        "page_range": found.page_range,
        "document_type": recognition.document_type,
        "document_type_confidence": round(recognition.document_type_confidence, 5),
        "pages": len(found.pages),
        "fields": {reading.field: _field(reading) for reading in recognition.readings},
        "seconds": round(sum(found.seconds.values()) if found.parts > 1 else outcome.seconds, 3),
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
        line["items"] = [_rounded(item.as_dict()) for item in reading.items]
    return line


def _rounded(item: dict[str, Any]) -> dict[str, Any]:
    rounded = item | {"confidence": round(item["confidence"], 5)}
    return rounded | ({"cells": {n: _rounded(cell) for n, cell in item["cells"].items()}} if "cells" in item else {})


def _files(paths: Sequence[Path], manifest: Path | None, split: str | None, limit: int | None) -> list[Job]:
    from extractor.batch import Job
    from extractor.measure.manifest import read_manifest

    if bool(paths) == bool(manifest):
        raise CommandError("Name files or folders, or a manifest.", "countersign extract SCANS --jsonl OUT.jsonl")
    found = [Job(entry.path, entry.file) for entry in read_manifest(manifest, split)] if manifest else []
    for path in paths:
        if path.is_dir():
            found += [Job(p, p.relative_to(path).as_posix()) for p in _inside(path) if not belongs_to_another(p)]
        elif path.exists():
            found.append(Job(path, str(path)))
        else:
            raise CommandError(f"There is no file {path}.", "Check the name and run the command again.")
    if not found:
        raise CommandError("There are no documents to read.", "The folder holds no file, or hidden ones alone.")
    unique = list({job.name if len(paths) < 2 else str(job.path): job for job in found}.values())
    if len({job.name for job in unique}) < len(unique):  # two folders with equal names inside: say the whole path
        unique = [Job(job.path, str(job.path)) for job in unique]
    return unique if limit is None else unique[:limit]


def _inside(folder: Path) -> list[Path]:
    """Every file of a folder, of whatever name: what is no document gets a line that says so. Hidden ones are left."""
    names = (p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    return [folder / name for name in sorted(names) if not any(part.startswith(".") for part in name.parts)]


def _kept(target: Path, resume: bool) -> list[dict[str, Any]]:
    if resume and str(target) == "-":
        raise CommandError("Only a file can be gone on with.", "Name it with --jsonl.")
    return kept_lines(target) if resume else []


def _whole(kept: Sequence[dict[str, Any]], names: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """The kept lines by file, of files all of whose documents are there."""
    wanted, found = set(names), dict[str, list[dict[str, Any]]]()
    for line in kept:
        found.setdefault(line["file"], []).append(line)
    return {name: of for name, of in found.items() if name in wanted and len(of) == of[0].get("parts", 1)}


@contextmanager
def _sink(
    target: Path, names: Sequence[str], lines: Mapping[str, Sequence[Mapping[str, Any]]]
) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Where lines go as they are done: to a file, or in the order of `names` to standard output."""
    if str(target) != "-":
        with growing(target, [line for of_file in lines.values() for line in of_file]) as add:
            yield add
        return
    waiting = list(reversed(names))

    def tell(_line: Mapping[str, Any]) -> None:
        while waiting and waiting[-1] in lines:
            for line in lines[waiting.pop()]:
                typer.echo(json.dumps(line, ensure_ascii=False))

    yield tell


# --- learning ---


def _base(folder: Path) -> Bundle | None:
    from models.nets.bundle import INDEX, Bundle, BundleUnreadable

    if not (folder / INDEX).exists():
        return None
    try:
        return Bundle.load(folder)
    except BundleUnreadable as error:
        raise CommandError(str(error)) from error


def _tell(learned: LearnReport, bundle: Bundle, folder: Path) -> None:
    for name, of_type in learned.types.items():
        out.print(f"{name}: {of_type.documents} documents, {of_type.cpu_seconds:.0f} CPU s", markup=False)
        if of_type.known:
            learnt = "the type stays as it is" if not of_type.documents else "they teach nothing again"
            out.print(f"  {of_type.known} are known to the model: {learnt}. --replace forgets it.", markup=False)
        if of_type.share:
            out.print(f"  what the model knew before has {of_type.share:.0%} of the voice", markup=False)
        for field, numbers in of_type.fields.items():
            ece = "-" if numbers.ece is None else f"{numbers.ece:.3f}"
            out.print(f"  {field:20} n {numbers.n:4}  right {numbers.accuracy:.3f}  ECE {ece}", markup=False)
    if learned.classifier:
        missed = ", ".join(f"{k} {v:.2f}" for k, v in learned.classifier.unknown_detected.items())
        right = f"types right in folds: {learned.classifier.accuracy:.4f}"
        out.print(f"{right}; unknown when held out: {missed}", markup=False)
    out.print(f"{bundle.version} in {folder}, {learned.cpu_seconds:.0f} CPU s", markup=False)
