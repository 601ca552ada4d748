"""Learning curves: what 10, 50, 100 and 200 labelled documents of a type give on its split "dev".

`make bench-reading COUNTERSIGN_REAL_DATA=FOLDER` writes `build/bench-reading.json` and a table beside it. Each size is
a random part of the train split, and the next one contains it. The type is given, so that only the fields are measured.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from api.commands.reading import SEED
from extractor.batch import Job, Setup, read_all, workers_for
from extractor.doctypes import load_document_types
from extractor.learn import learn, training_document
from extractor.measure.evaluate import evaluate, truth_of
from extractor.measure.manifest import Entry, read_manifest
from extractor.read import ReadOptions
from extractor.recognise import Recogniser, recognise
from models.doctype import DocumentType
from models.values import Page
from scripts.bundle import manifests

SIZES = (10, 50, 100, 200)


@dataclass(frozen=True)
class Point:
    """One model: how many documents it learned from, and what it gives on documents it never saw."""

    document_type: str
    documents: int
    measured_on: int
    exact_f1: float
    interval: tuple[float, float]
    fuzzy_f1: float
    ece: float | None
    fields: dict[str, float]
    cpu_seconds: float


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of folders with a manifest.jsonl each")
    parser.add_argument("--out", type=Path, default=Path("build/bench-reading.json"))
    parser.add_argument("--type", action="append", help="only this type; may be given again")
    parser.add_argument("--size", type=int, action="append", help="only this size; may be given again")
    parser.add_argument("--cache", type=Path, default=Path("build/words"))
    parser.add_argument("--jobs", type=int)
    chosen = parser.parse_args(arguments)
    entries = [entry for path in manifests(chosen.data) for entry in read_manifest(path)]
    wanted = [entry for entry in entries if not chosen.type or entry.document_type in chosen.type]
    pages = _pages(wanted, Setup(ReadOptions(cache=chosen.cache, data=False)), chosen.jobs)
    points: list[Point] = []
    for point in curves(wanted, pages, tuple(chosen.size or SIZES)):
        points.append(point)
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
        chosen.out.write_text(json.dumps([asdict(p) for p in points], indent=1) + "\n", encoding="utf-8")
        chosen.out.with_suffix(".md").write_text(table(points), encoding="utf-8")


def curves(entries: Sequence[Entry], pages: dict[str, tuple[Page, ...]], sizes: Sequence[int]) -> Iterator[Point]:
    """The points of every type, from few documents to many; the last size may be all that there are."""
    types = load_document_types()
    for name in sorted({entry.document_type for entry in entries if entry.document_type}):
        mine = [e for e in entries if e.document_type == name and e.labels and pages.get(str(e.path))]
        train = [e for e in mine if e.split == "train"]
        dev = [e for e in mine if e.split == "dev"]
        random.Random(f"{SEED}/{name}").shuffle(train)  # noqa: S311
        for size in sorted({min(size, len(train)) for size in sizes}):
            if size and dev:
                yield _point(types[name], train[:size], dev, pages)


def _point(
    spec: DocumentType, train: Sequence[Entry], dev: Sequence[Entry], pages: dict[str, tuple[Page, ...]]
) -> Point:
    documents = [training_document(entry, pages[str(entry.path)]) for entry in train]
    bundle, report = learn(documents, {spec.name: spec}, None, SEED)
    recogniser = Recogniser.from_bundle(bundle, {spec.name: spec})
    found = {str(e.path): recognise(pages[str(e.path)], recogniser, spec.name) for e in dev}
    types = {spec.name: spec}
    numbers = evaluate(found, [truth_of(e, types, str(e.path)) for e in dev], types).numbers["types"][spec.name]
    micro = numbers["micro"]
    return Point(
        spec.name,
        len(train),
        len(dev),
        round(micro["exact_f1"], 4),
        micro["interval"],
        round(micro["fuzzy_f1"], 4),
        micro["ece_debiased"],
        {field: round(measured["exact_f1"], 4) for field, measured in numbers["fields"].items()},
        round(report.cpu_seconds, 1),
    )


def table(points: Sequence[Point]) -> str:
    """The curves in Markdown."""
    head = "| type | documents | exact F1 (95 %) | fuzzy | ECE | CPU s | by field |\n|---|---|---|---|---|---|---|\n"
    return head + "".join(_line(point) for point in points)


def _line(p: Point) -> str:
    fields = ", ".join(f"{name} {score:.2f}" for name, score in p.fields.items())
    interval = f"{p.exact_f1:.3f} [{p.interval[0]:.3f}, {p.interval[1]:.3f}]"
    ece = "-" if p.ece is None else f"{p.ece:.3f}"
    return (
        f"| {p.document_type} | {p.documents} | {interval} | {p.fuzzy_f1:.3f} | {ece} | {p.cpu_seconds} | {fields} |\n"
    )


def _pages(entries: Sequence[Entry], setup: Setup, jobs: int | None) -> dict[str, tuple[Page, ...]]:
    work = [Job(entry.path, str(entry.path)) for entry in entries]
    return {words.name: words.pages for words in read_all(work, setup, workers_for(jobs, len(work)))}


if __name__ == "__main__":
    main()
