"""Labelled documents to a new bundle: a field model for each named type, and the classifier of all types.

The named types are learned on what the base knew of them (`extractor.growth`), the others stay as they were. The
classifier is fitted anew on the examples that the base bundle carries and on the new documents.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from extractor.classify.classifier import TypeClassifier, TypeReport, examples_of, learn_types
from extractor.classify.features import Example, describe
from extractor.growth import Ground, ground, marks
from extractor.measure import measures
from extractor.measure.cost import cpu_seconds
from extractor.measure.manifest import Entry, texts_of
from extractor.recognise import FIELDS, OUT_OF_FOLD, PAPERS, READER, STATED, TYPES, papers_of
from extractor.rereading.learn import TextLearned, learn_reader
from extractor.stated.compare import says, stated_fields
from extractor.stated.weight import Weights, count
from models.doctype import DocumentType
from models.nets.bundle import Bundle
from models.nets.calibration import pooled
from models.values import Page, Statement, ValueState

if TYPE_CHECKING:
    from extractor.fields import OutOfFold, TrainingDocument
    from extractor.fields.memory.memory import Fact

Progress = Callable[[str, float], None]


class NothingToLearn(ValueError):
    """No document of any of the named types carries a label."""


@dataclass(frozen=True)
class FieldLearned:
    """Out-of-fold figures of one field."""

    n: int
    accuracy: float
    ece: float | None


@dataclass(frozen=True)
class TypeLearned:
    """What was learned of one document type."""

    documents: int
    fields: dict[str, FieldLearned]
    cpu_seconds: float
    known: int = 0  # documents that the base had learned from: they taught nothing again
    share: float = 0.0  # of what the base knew, in the ranking of values


@dataclass(frozen=True)
class LearnReport:
    """Counts, out-of-fold quality, cost, and the hash of every training row."""

    types: dict[str, TypeLearned]
    classifier: TypeReport | None
    cpu_seconds: float
    rows: dict[str, str]  # document id -> hash of its words and labels
    readers: dict[str, TextLearned] = field(default_factory=dict)  # what was learned of the wording, by type
    out_of_fold: tuple[OutOfFold, ...] = field(default=(), repr=False)

    def as_dict(self) -> dict[str, Any]:
        """Plain data without the rows of the folds."""
        return {
            "types": {name: asdict(learned) for name, learned in self.types.items()},
            "classifier": asdict(self.classifier) if self.classifier else None,
            "cpu_seconds": round(self.cpu_seconds, 2),
            "readers": {name: reader.as_dict() for name, reader in self.readers.items()},
            "rows": self.rows,
        }


def learn(
    documents: Sequence[TrainingDocument],
    doctypes: Mapping[str, DocumentType],
    base: Bundle | None,
    seed: int,
    progress: Progress = lambda _step, _share: None,
    memory: bool = True,
    known: Mapping[str, Sequence[Fact]] | None = None,
    held: Sequence[TrainingDocument] = (),
    replacing: bool = False,
) -> tuple[Bundle, LearnReport]:
    """A bundle that can read the types in `doctypes`, learned from `documents`. Raises `NothingToLearn`.

    What `base` knew of a type stays and is added to, see `extractor.growth`, unless `replacing`. With `memory` off
    nothing that few documents share is kept: a bundle that may be given away. `known` are facts of the customer's
    master data, by document type. `held` documents teach nothing; the text models are judged on them, too. Types with
    most documents come first: later ones borrow from them.
    """
    by_type = {name: [d for d in documents if d.document_type == name] for name in sorted(doctypes)}
    by_type = {n: rows for n, rows in sorted(by_type.items(), key=lambda item: -_labelled(item[1])) if rows}
    if not by_type:
        raise NothingToLearn(f"none of the {len(documents)} documents is of type {', '.join(sorted(doctypes)) or '-'}")
    started = cpu_seconds()
    base = base or Bundle()
    grounds = {name: ground(rows, doctypes[name], base, replacing=replacing) for name, rows in by_type.items()}
    bundle, classifier = _learn_classifier(documents, by_type, base, grounds, seed, progress)
    sure = {name: _called(rows, classifier, name) for name, rows in by_type.items()}
    bundle = _learn_papers(documents, doctypes, bundle, seed)
    learned = {name: TypeLearned(0, {}, 0.0, known=one.known) for name, one in grounds.items() if one.stays}
    by_type = {name: one.documents for name, one in grounds.items() if not one.stays}
    bundle, by_type, readers = _learn_readers(by_type, doctypes, bundle, seed, held)
    out_of_fold: list[OutOfFold] = []
    for k, (name, rows) in enumerate(by_type.items()):
        span = 0.8 / len(by_type)
        step = _share_of(progress, 0.1 + k * span, span)
        on = replace(grounds[name], documents=rows)
        bundle, learned[name], judged = _learn_type(
            on, doctypes[name], bundle, seed, step, sure[name], memory, (known or {}).get(name, ())
        )
        out_of_fold += judged
    hashes = {d.id: row_hash(d) for d in documents if d.document_type in by_type}
    report = LearnReport(learned, classifier, cpu_seconds() - started, hashes, readers, tuple(out_of_fold))
    return bundle.with_meta(**_meta(bundle, report, seed)), report


def training_document(
    entry: Entry, pages: Sequence[Page], spec: DocumentType | None = None, stated: tuple[Statement, ...] = ()
) -> TrainingDocument:
    """An entry of a manifest with its words. The entry must name its type; `spec` says the order of columns."""
    from extractor.fields import Label, TrainingDocument
    from extractor.read import ReadOptions, pictures_of

    assert entry.document_type is not None
    columns = spec.tables if spec else {}
    texts = {name: texts_of(value, columns.get(name, ())) for name, value in entry.labels.items()}
    labels: dict[str, Label | None] = {name: Label(ValueState.FOUND, text) for name, text in texts.items()}
    labels |= {name: Label(ValueState.ABSENT, None) for name in entry.absent}
    pictures = pictures_of(entry.path.read_bytes, ReadOptions(), tuple(pages))
    group = entry.group or str(entry.path)
    return TrainingDocument(
        str(entry.path), group, entry.document_type, tuple(pages), labels, pictures, stated, entry.lines
    )


def _learn_classifier(
    documents: Sequence[TrainingDocument],
    by_type: Mapping[str, Sequence[TrainingDocument]],
    base: Bundle,
    grounds: Mapping[str, Ground],
    seed: int,
    progress: Progress,
) -> tuple[Bundle, TypeReport]:
    """The classifier by documents of the named types, and of the others that the base knows where they are more."""
    progress("document types", 0.0)
    known: dict[str, list[Example]] = {}
    if base.has_section(TYPES):
        known = examples_of(TypeClassifier.from_parts(base.section(TYPES)))
    fresh = {name: [d for d in _with_words(documents) if d.document_type == name] for name in {*by_type, *known}}
    better = {n: rows for n, rows in fresh.items() if rows and (n in by_type or len(rows) > len(known[n]))}
    seen = {n: [describe(d.pages) for d in rows] for n, rows in better.items()}
    kept = {n: _besides(seen[n], known.get(n, [])) for n, one in grounds.items() if n in seen and one.adds}
    fitted, report = learn_types(known | seen | kept, seed)
    told = {name: len(rows) for name, rows in seen.items()}  # of those besides nothing is reported
    confidences = {name: sure[: told.get(name, len(sure))] for name, sure in report.confidences.items()}
    right = {name: rows[: told.get(name, len(rows))] for name, rows in report.right.items()}
    return base.with_section(TYPES, fitted.to_parts()), replace(report, confidences=confidences, right=right)


def _called(rows: Sequence[TrainingDocument], report: TypeReport, name: str) -> dict[str, tuple[float, bool]]:
    """By document how sure its type was out of fold, and whether it was right."""
    said = zip(report.confidences.get(name, ()), report.right.get(name, ()), strict=True)
    return dict(zip((d.id for d in _with_words(rows)), said, strict=True))


def _besides(fresh: Sequence[Example], known: Sequence[Example]) -> list[Example]:
    """Both, the new ones first, and none that is known twice: whoever stood in two folds would know itself."""
    told = {example.buckets.tobytes() for example in fresh}
    return [*fresh, *(example for example in known if example.buckets.tobytes() not in told)]


def _learn_papers(
    documents: Sequence[TrainingDocument], doctypes: Mapping[str, DocumentType], bundle: Bundle, seed: int
) -> Bundle:
    """The bundle with judges of the papers of trade that come from several countries, as far as strangers are known.

    A judge looks at labels and titles of trade alone: of what has none of them, a sheet with three words looks alike.
    """
    from extractor.classify.papers import Sample, learn_papers
    from extractor.classify.profile import profile, titled

    known = papers_of(bundle)
    fresh = [Sample(d.document_type, d.group, profile(d.pages)) for d in _with_words(documents)]
    before = known.samples if known else ()
    had, has = (Counter(sample.document_type for sample in samples) for samples in (before, fresh))
    kept = [s for s in before if has[s.document_type] < had[s.document_type]]  # a few new ones do not stand for all
    names = {name for name, spec in doctypes.items() if spec.mixed_locales and name in titled()}
    names |= {judge.name for judge in known.judges} if known else set()
    papers = learn_papers([*kept, *fresh], sorted(names), seed)
    return bundle.with_section(PAPERS, papers.to_parts()) if papers else bundle


def _learn_readers(
    by_type: Mapping[str, Sequence[TrainingDocument]],
    doctypes: Mapping[str, DocumentType],
    bundle: Bundle,
    seed: int,
    held: Sequence[TrainingDocument],
) -> tuple[Bundle, dict[str, list[TrainingDocument]], dict[str, TextLearned]]:
    """The bundle with a text model of each type that it helps, and the documents as their fields will be read."""
    again: dict[str, list[TrainingDocument]] = {}
    learned: dict[str, TextLearned] = {}
    for name, rows in by_type.items():
        reader = learn_reader(rows, doctypes[name], seed, [d for d in held if d.document_type == name])
        again[name], learned[name] = reader.documents, reader.learned
        parts = {"model": reader.model.to_table(), "learned": reader.learned.as_dict()} if reader.learned.used else {}
        bundle = bundle.with_section(f"{READER}{name}/", ({}, {}, parts))
    return bundle, again, learned


def _with_words(documents: Sequence[TrainingDocument]) -> list[TrainingDocument]:
    return [document for document in documents if any(page.words for page in document.pages)]


def _learn_type(
    on: Ground,
    spec: DocumentType,
    bundle: Bundle,
    seed: int,
    progress: Progress,
    sure: Mapping[str, tuple[float, bool]],
    memory: bool,
    known: Sequence[Fact],
) -> tuple[Bundle, TypeLearned, list[OutOfFold]]:
    from extractor.fields import learn_fields
    from extractor.fields.model import read_calibrator

    started, documents = cpu_seconds(), on.documents
    prior = pooled([read_calibrator(table) for table in _calibrators_of_others(bundle, spec.name)])
    model = learn_fields(documents, spec, seed, progress, memory, known, prior, on.before)
    model = replace(model, seen=marks(documents))
    judged = list(model.oof)
    pairs = [_pair(row, *sure.get(row.document, (1.0, True))) for row in judged]
    bundle = bundle.with_section(f"{FIELDS}{spec.name}/", model.to_parts())
    bundle = bundle.with_section(f"{OUT_OF_FOLD}{spec.name}/", ({}, {}, {"rows": pairs}))
    bundle = bundle.with_section(STATED, ({}, {}, {"weights": _weights(documents, judged, spec, bundle)}))
    fields = {f.name: _field_learned([row for row in judged if row.field == f.name]) for f in spec.fields}
    seconds = cpu_seconds() - started
    return bundle, TypeLearned(len(documents), fields, seconds, on.known, model.scorers.share), judged


def _weights(
    documents: Sequence[TrainingDocument], judged: Sequence[OutOfFold], spec: DocumentType, bundle: Bundle
) -> dict[str, list[int]]:
    """How often files said what was read, where that was right and where it was wrong, with what was counted before."""
    before = Weights.from_table(bundle.section(STATED)[2].get("weights", {}))
    said = {d.id: stated_fields(d.stated, spec) for d in documents if d.stated}
    compared = [
        (statement.source, bool(row.correct), agrees)
        for row in judged
        for statement in said.get(row.document, {}).get(row.field, ())
        if row.state == ValueState.FOUND and (agrees := says(statement, row.value, spec.field(row.field))) is not None
    ]
    return count(compared, before).to_table()


def _labelled(documents: Sequence[TrainingDocument]) -> int:
    return sum(bool(document.labels) for document in documents)


def _calibrators_of_others(bundle: Bundle, name: str) -> list[Any]:
    tables = bundle.section(FIELDS)[2]
    return [tables[key] for key in sorted(tables) if key.endswith("/calibrator") and key != f"{name}/calibrator"]


def _pair(row: OutOfFold, sure: float, type_right: bool) -> list[str | float | bool]:
    """A decision as it would have been given to people: with a wrong type no field is right."""
    return [row.field, round(row.confidence * sure, 5), bool(row.correct) and type_right]


def _field_learned(judged: Sequence[OutOfFold]) -> FieldLearned:
    confidence, right = measures.arrays([(row.confidence, bool(row.correct)) for row in judged])
    accuracy = float(right.mean()) if len(right) else 0.0
    return FieldLearned(len(right), accuracy, measures.debiased_calibration_error(confidence, right))


def _meta(bundle: Bundle, report: LearnReport, seed: int) -> dict[str, Any]:
    """What the bundle says of itself: per type the newest training, without ids of documents."""
    before = dict(bundle.meta.get("types", {}))
    rows = hashlib.sha256(json.dumps(sorted(report.rows.values())).encode()).hexdigest()
    fresh = {
        name: {
            "documents": t.documents,
            "fields": {f: asdict(v) for f, v in t.fields.items()},
            "seed": seed,
            "rows": rows,
        }
        for name, t in report.types.items()
        if t.documents
    }
    types = asdict(report.classifier) if report.classifier else {}
    for name in ("confidences", "right"):
        types.pop(name, None)
    return {"types": before | fresh, "classifier": types}


def row_hash(document: TrainingDocument) -> str:
    labels = {name: repr(label) for name, label in sorted(document.labels.items())}
    words = [[word.text for word in page.words] for page in document.pages]
    return hashlib.sha256(json.dumps([document.document_type, labels, words]).encode()).hexdigest()[:16]


def _share_of(progress: Progress, start: float, span: float) -> Progress:
    return lambda step, share: progress(step, start + span * share)
