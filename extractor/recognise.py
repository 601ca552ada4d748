"""Pages to a recognition: the document type, then the fields of that type, then the checks over their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache, cached_property
from typing import TYPE_CHECKING

from extractor.checks import Failure, find_failures
from extractor.classify.classifier import UNKNOWN, TypeClassifier, TypeGuess
from extractor.classify.papers import Papers
from extractor.ink.doubts import ImageOf, doubted
from extractor.ink.tickboxes import with_ticks
from extractor.rereading.ngrams import TextModel
from extractor.rereading.reread import reread
from extractor.stated.compare import compare
from extractor.stated.reading import NOTHING, Stated, joined, read_zones
from extractor.stated.weight import Weights
from models.doctype import DocumentType, FieldSpec
from models.nets.bundle import Bundle
from models.values import Page, Reading, Recognition, ValueState

if TYPE_CHECKING:
    from extractor.fields import FieldModel
    from extractor.fields.memory.memory import Fact

TYPES = "types/"  # section of the classifier in a bundle
PAPERS = "papers/"  # section of the judges of papers from many countries
FIELDS = "fields/"  # sections of the field models, by document type
STATED = "stated/"  # how much the data in files counts
READER = "reader/"  # text models of confirmed text, by document type; a file of its own
OUT_OF_FOLD = "out_of_fold/"  # confidence and "right" of the training documents, by document type

UNSEEN_TYPE = 0.3  # chance of a type that the machine did not see and the file names, before the file is heard
IMPOSSIBLE = 0.25  # most confidence of a value that fails a check which the calibration could not know of


@dataclass
class Recogniser:
    """A loaded bundle with the document types it is used for. Models are unpacked when first needed and then kept."""

    bundle: Bundle
    types: dict[str, DocumentType]
    facts: Mapping[str, Sequence[Fact]] = field(default_factory=dict)  # master data of the workspace that asks, by type
    base: Recogniser | None = field(default=None, repr=False)  # the same without master data: what it unpacks is shared
    _classifier: TypeClassifier | None = field(default=None, repr=False)
    _papers: Papers | None = field(default=None, repr=False)
    _models: dict[str, FieldModel] = field(default_factory=dict, repr=False)
    unread: frozenset[str] = frozenset()  # types whose pages are taken as the engine read them, by policy
    _text_models: dict[str, TextModel] = field(default_factory=dict, repr=False)
    _reread: tuple[Sequence[Page], str, tuple[Page, ...]] | None = field(default=None, repr=False)  # the last document

    @classmethod
    def from_bundle(cls, bundle: Bundle, doctypes: Mapping[str, DocumentType]) -> Recogniser:
        return cls(bundle, dict(doctypes))

    def with_master_data(self, facts: Mapping[str, Sequence[Fact]]) -> Recogniser:
        """This recogniser with the master data of one workspace."""
        return Recogniser(self.bundle, self.types, facts, base=self, unread=self.unread)

    def without_text_models(self, names: Sequence[str]) -> Recogniser:
        """This recogniser with the pages of some types taken as the engine read them; what is unpacked is shared."""
        return replace(self, unread=frozenset(names), _reread=None) if names else self

    @property
    def version(self) -> str:
        return self.bundle.version

    def knows(self, name: str) -> bool:
        """Whether the bundle has examples of the document type `name`."""
        return self.bundle.has_section(f"{FIELDS}{name}/")

    @cached_property
    def weights(self) -> Weights:
        """How much what a file states counts beside what was read from its print."""
        if self.base is not None:
            return self.base.weights
        return Weights.from_table(self.bundle.section(STATED)[2].get("weights", {}))

    def guess_type(self, pages: Sequence[Page], stated: Stated = NOTHING) -> TypeGuess:
        """The document type, or `unknown`; always `unknown` without a classifier or for a type that is not in use.

        A file that says of itself what it is (an invoice in XML) is believed where the machine does not know.
        """
        guess = self._guess(pages)
        said = stated.document_type
        if said is None or said not in self.types or guess.name not in (UNKNOWN, said):
            return guess
        prior = guess.confidence if guess.name == said else UNSEEN_TYPE
        return replace(guess, name=said, confidence=self.weights.of(stated.source_of_type).agreeing(prior))

    def _guess(self, pages: Sequence[Page]) -> TypeGuess:
        if self.base is not None:
            return self.base._guess(pages)
        if self._classifier is None:
            if not self.bundle.has_section(TYPES):
                return TypeGuess(UNKNOWN, 0.0)
            self._classifier = TypeClassifier.from_parts(self.bundle.section(TYPES))
            self._papers = papers_of(self.bundle)
        guess = self._classifier.guess(pages)
        if self._papers is not None and any(page.words for page in pages):
            guess = self._papers.judged(guess, pages)
        return guess if guess.name in self.types or guess.name == UNKNOWN else replace(guess, name=UNKNOWN)

    def model(self, name: str) -> FieldModel | None:
        """The field model of a document type, or None if the bundle has none."""
        if name not in self._models and self.knows(name):
            model = (self.base or self)._unpacked(name)
            self._models[name] = model.with_master_data(self.facts[name]) if self.facts.get(name) else model
        return self._models.get(name)

    def reread(self, pages: Sequence[Page], name: str) -> tuple[Page, ...]:
        """The pages of a document of type `name` as its text model has them; as they are if there is none."""
        if name in self.unread or not self.bundle.has_section(f"{READER}{name}/"):
            return tuple(pages)
        if self._reread is None or self._reread[0] is not pages or self._reread[1] != name:
            self._reread = (pages, name, reread(pages, (self.base or self)._text_model(name)))
        return self._reread[2]

    def _text_model(self, name: str) -> TextModel:
        if name not in self._text_models:
            self._text_models[name] = TextModel.from_table(self.bundle.section(f"{READER}{name}/")[2]["model"])
        return self._text_models[name]

    def _unpacked(self, name: str) -> FieldModel:
        from extractor.fields import FieldModel

        if name not in self._models:
            self._models[name] = FieldModel.from_parts(*self.bundle.section(f"{FIELDS}{name}/"))
        return self._models[name]


def papers_of(bundle: Bundle) -> Papers | None:
    """The judges of a bundle; none in a bundle that was learned without documents of no type."""
    return Papers.from_parts(bundle.section(PAPERS)) if bundle.has_section(PAPERS) else None


def out_of_fold(bundle: Bundle) -> dict[str, list[tuple[float, bool]]]:
    """Confidence and "right" of the training decisions that a bundle keeps, by document type."""
    tables = bundle.section(OUT_OF_FOLD)[2]
    return {name.partition("/")[0]: [(row[1], row[2]) for row in rows] for name, rows in tables.items()}


def recognise(
    pages: Sequence[Page],
    recogniser: Recogniser,
    document_type: str | None = None,
    image_of: ImageOf | None = None,
    today: date | None = None,
    stated: Stated = NOTHING,
) -> Recognition:
    """Type, fields and checks of one document. `stated` is what the file says beside its print.

    With `document_type` the type is taken as certain. A type that the bundle has no examples of is read as "not found"
    with confidence 0 in every field, so that all of it goes to people. `today` is for checks that ask what lies ahead.
    Raises KeyError for a `document_type` that does not exist.
    """
    if document_type is not None and document_type not in recogniser.types:
        raise KeyError(f"no document type {document_type!r}; known: {', '.join(sorted(recogniser.types))}")
    stated = joined(stated, read_zones(pages, today))
    guess = TypeGuess(document_type, 1.0) if document_type else recogniser.guess_type(pages, stated)
    if guess.name == UNKNOWN:
        return Recognition(UNKNOWN, guess.confidence, (), recogniser.version, stated.problems)
    spec = recogniser.types[guess.name]
    pages = recogniser.reread(pages, spec.name)
    readings = _read_fields(pages, recogniser, spec, cache(image_of) if image_of else None)  # many values, one picture
    readings, differences = compare(readings, stated.statements, pages, spec, recogniser.weights)
    readings, problems = apply_checks(readings, spec, today)
    problems = [*stated.problems, *differences, *problems]
    sure = guess.confidence
    return Recognition(
        spec.name, sure, tuple(_given_type(r, sure) for r in readings), recogniser.version, tuple(problems)
    )


def apply_checks(
    readings: Sequence[Reading], spec: DocumentType, today: date | None = None
) -> tuple[list[Reading], list[str]]:
    """Readings that name the checks they fail, and one sentence for each failure.

    The field models know the checks and calibrate with them; what only `today` can tell caps the confidence here.
    """
    values = {r.field: r.value for r in readings}
    failures = find_failures(values, spec, today)
    timeless = frozenset(find_failures(values, spec))
    return [_noted(r, [f for f in failures if r.field in f.fields], timeless) for r in readings], [
        str(failure) for failure in failures
    ]


def not_found(spec: FieldSpec) -> Reading:
    """The reading of a field that nobody taught the machine to read."""
    return Reading(spec.name, ValueState.NOT_FOUND, None, None, 0.0)


def _read_fields(
    pages: Sequence[Page], recogniser: Recogniser, spec: DocumentType, image_of: ImageOf | None
) -> list[Reading]:
    model = recogniser.model(spec.name)
    readings = {r.field: r for r in model.read(with_ticks(pages, spec, image_of), image_of)} if model else {}
    if image_of is not None:
        drawn = {page.number for page in pages if not page.is_from_layer}
        readings = doubted(readings, spec, drawn, image_of)
    return [readings.get(f.name) or not_found(f) for f in spec.fields]


def _noted(reading: Reading, failures: Sequence[Failure], timeless: frozenset[Failure]) -> Reading:
    if not failures:
        return reading
    cap = 1.0 if timeless.issuperset(failures) else IMPOSSIBLE
    notes = {"failed_checks": [failure.rule for failure in failures]}
    return reading.with_confidence(lambda sure: min(sure, cap), notes)


def _given_type(reading: Reading, sure: float) -> Reading:
    """A value is right only if the document type is: P(right) = P(type) x P(right | type)."""
    return reading if sure >= 1.0 else reading.with_confidence(lambda of_value: of_value * sure)
