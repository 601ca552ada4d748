"""Many documents at once: worker processes that read and recognise, each with its own engine and models.

A file that is refused, or that takes its worker down, costs one answer with its reason; the others go on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from extractor.doctypes import load_document_types
from extractor.ink.tickboxes import marked, types_with_boxes
from extractor.measure.cost import Meter
from extractor.page.triage import Refusal, TooLarge
from extractor.processes import apart
from extractor.read import Extraction, ReadOptions, extract, extract_documents, read_document
from extractor.recognise import Recogniser
from extractor.stated.reading import NOTHING, Stated, read_stated
from models.nets.bundle import Bundle
from models.values import Page, Recognition

Answer = TypeVar("Answer")

WORKER_DIED = "the reading process died; the file may be hostile, or memory ran out"


@dataclass(frozen=True)
class Job:
    """One file to read. `name` is what the answer is filed under."""

    path: Path
    name: str
    document_type: str | None = None  # where it is known, `read_all` sets boxes to tick among the words if it has any


@dataclass(frozen=True)
class Setup:
    """What a worker loads once."""

    options: ReadOptions
    bundle: Path | None = None
    doctypes: Path | None = None  # folder with document types of one's own
    document_type: str | None = None
    today: date | None = None
    parts: bool = False  # whether a file may hold several documents


@dataclass(frozen=True)
class Outcome:
    """What became of one file: an extraction, or the problem that stopped it."""

    name: str
    extraction: Extraction | None  # of its first document
    problem: str = ""
    seconds: float = 0.0  # CPU seconds, also of a refusal
    further: tuple[Extraction, ...] = ()  # of the other documents that the file holds

    def to_json(self) -> dict[str, Any]:
        """The outcome as a line of a file; `from_json` is its inverse."""
        found = self.extraction
        told = found and {
            "recognition": found.recognition.to_json(),
            "pages": [page.to_json() for page in found.pages],
            "problems": list(found.problems),
            "seconds": found.seconds,
        }
        return {"name": self.name, "extraction": told, "problem": self.problem, "seconds": self.seconds}

    @classmethod
    def from_json(cls, line: dict[str, Any]) -> Outcome:
        told = line["extraction"]
        found = told and Extraction(
            Recognition.from_json(told["recognition"]),
            tuple(Page.from_json(page) for page in told["pages"]),
            tuple(told["problems"]),
            told["seconds"],
        )
        return cls(line["name"], found, line["problem"], line["seconds"])


@dataclass(frozen=True)
class Words:
    """The pages of one file, or the problem that stopped it."""

    name: str
    pages: tuple[Page, ...]
    problem: str = ""
    stated: Stated = NOTHING


def extract_all(jobs: Sequence[Job], setup: Setup, workers: int) -> Iterator[Outcome]:
    """Read and recognise every file; outcomes come as they are ready."""
    yield from _run(_extract_one, jobs, setup, workers, lambda job: Outcome(job.name, None, WORKER_DIED))


def read_all(jobs: Sequence[Job], setup: Setup, workers: int) -> Iterator[Words]:
    """Read every file to words."""
    yield from _run(_read_one, jobs, setup, workers, lambda job: Words(job.name, (), WORKER_DIED))


def workers_for(asked: int | None, jobs: int) -> int:
    """How many processes to start: as asked, else one a core, never more than there are files."""
    return max(1, min(asked or os.cpu_count() or 1, jobs))


# --- in the parent ---


def _run(
    work: Callable[[Job], Answer], jobs: Sequence[Job], setup: Setup, workers: int, died: Callable[[Job], Answer]
) -> Iterator[Answer]:
    left = dict.fromkeys(jobs)
    while left:
        try:
            for job, answer in _pooled(work, list(left), setup, workers):
                del left[job]
                yield answer
        except BrokenProcessPool:  # one of those at work is to blame; one at a time shows which
            for job in list(left)[: 2 * workers]:
                del left[job]
                yield _alone(work, job, setup, died)


def _alone(work: Callable[[Job], Answer], job: Job, setup: Setup, died: Callable[[Job], Answer]) -> Answer:
    try:
        return next(_pooled(work, [job], setup, 1))[1]
    except BrokenProcessPool:
        return died(job)


def _pooled(
    work: Callable[[Job], Answer], jobs: Sequence[Job], setup: Setup, workers: int
) -> Iterator[tuple[Job, Answer]]:
    with apart.pool(workers, _start, setup) as executor:
        running: dict[Future[Answer], Job] = {executor.submit(work, job): job for job in jobs}
        try:
            for future in as_completed(running):
                yield running[future], future.result()
        finally:
            executor.shutdown(wait=False, cancel_futures=True)


# --- in a worker ---

_worker: dict[str, Any] = {}


def _start(setup: Setup) -> None:
    _worker["setup"] = setup
    _worker["with_boxes"] = types_with_boxes(setup.doctypes)
    if setup.bundle is not None:
        types = load_document_types(setup.doctypes)
        _worker["recogniser"] = Recogniser.from_bundle(Bundle.load(setup.bundle), types)


def _extract_one(job: Job) -> Outcome:
    setup: Setup = _worker["setup"]
    meter = Meter()
    try:
        with meter.stage("all"):
            given = (
                _bytes_of(job.path, setup.options), _worker["recogniser"], setup.document_type, setup.options,
                setup.today, _beside(job),
            )  # fmt: skip
            found = extract_documents(*given) if setup.parts else [extract(*given)]
    except (Refusal, OSError) as error:
        return Outcome(job.name, None, _sentence(error), meter.total)
    return Outcome(job.name, found[0], seconds=meter.total, further=tuple(found[1:]))


def _beside(job: Job) -> dict[str, bytes]:
    """The XML of the same stem in the same folder, which belongs to the file."""
    xml = job.path.with_suffix(".xml")
    return {xml.name: xml.read_bytes()} if xml != job.path and xml.is_file() else {}


def _read_one(job: Job) -> Words:
    try:
        options = _worker["setup"].options
        data = _bytes_of(job.path, options)
        document = read_document(data, options)
        stated = read_stated(data, document.pages, _beside(job)) if options.data else NOTHING
        boxes = job.document_type in _worker["with_boxes"]
        return Words(job.name, marked(document.pages, document.image_of) if boxes else document.pages, stated=stated)
    except (Refusal, OSError) as error:
        return Words(job.name, (), _sentence(error))


def _bytes_of(path: Path, options: ReadOptions) -> bytes:
    """The bytes of a file; one that is far too large is not even opened."""
    if (size := path.stat().st_size) > options.limits.max_bytes:
        raise TooLarge(f"The file has {size:,} bytes; at most {options.limits.max_bytes:,} are accepted.")
    return path.read_bytes()


def _sentence(error: Exception) -> str:
    if isinstance(error, Refusal):
        return f"{error.code}: {error.message} {error.next_step}"
    return f"unreadable_file: {error}"
