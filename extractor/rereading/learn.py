"""Confirmed documents to a text model, judged on documents that it did not see.

Words for the fields and their calibration are read again by a model built without the fold of their document, so that
nothing is learned from a line that its own transcript mended. The model is used only if, on such documents, it makes
more lines right than wrong and takes no amount, date or identifier away.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from rapidfuzz import fuzz, process

from extractor.fields.folds import folds_of
from extractor.kinds.text import compact
from extractor.measure.cost import cpu_seconds
from extractor.rereading.ngrams import TextModel
from extractor.rereading.reread import changed_lines, reread
from models.doctype import DocumentType, FieldSpec, Kind
from models.values import Page, ValueState

if TYPE_CHECKING:
    from extractor.fields import TrainingDocument

TEXT = frozenset({Kind.NAME, Kind.ADDRESS, Kind.LINE})  # kinds of values whose wording is learned
NUMBERS = frozenset({Kind.MONEY, Kind.DATE, Kind.IDENTIFIER})  # and those that it may not touch
PART = 4  # letters and figures from which a line counts as a part of a value
NEAR = 60.0  # per cent of equal characters from which a transcript is that of the line


@dataclass(frozen=True)
class Effect:
    """What a text model did to lines whose truth is known, on documents that it was built without."""

    documents: int = 0
    changed: int = 0  # lines, whether their truth is known or not
    gained: int = 0  # from wrong to right
    lost: int = 0  # from right to wrong
    hurt: int = 0  # amounts, dates and identifiers that a line no longer holds
    fields: Mapping[str, int] = field(default_factory=dict)  # values that stand whole in a line now and did not before

    @property
    def is_good(self) -> bool:
        return self.gained > self.lost and not self.hurt

    def __str__(self) -> str:
        told = f"{self.gained} lines from wrong to right, {self.lost} from right to wrong on {self.documents} documents"
        return told + (f"; {self.hurt} numbers lost" if self.hurt else "")


@dataclass(frozen=True)
class TextLearned:
    """What was learned of the wording of one document type. `used`: whether it helped, and pages are read by it."""

    document_type: str
    documents: int
    ngrams: int
    effect: Effect
    used: bool
    cpu_seconds: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Reader:
    """A text model with its report, and the documents as read again by models that had not seen them."""

    model: TextModel
    learned: TextLearned
    documents: list[TrainingDocument]


def learn_reader(
    documents: Sequence[TrainingDocument],
    spec: DocumentType,
    seed: int,
    held: Sequence[TrainingDocument] = (),
) -> Reader:
    """The text model of `spec` from what is confirmed of `documents`. `held` are for judging it alone."""
    started = cpu_seconds()
    folds = folds_of([d.group for d in documents], seed)
    texts = [(folds[d.group], d.group, text) for d in documents for text in confirmed(d, spec)]
    again: dict[str, TrainingDocument] = {}
    tried: list[tuple[TrainingDocument, TextModel]] = []
    for fold in sorted(set(folds.values())):
        part = TextModel.of((group, text) for k, group, text in texts if k != fold)
        for document in (d for d in documents if folds[d.group] == fold):
            again[document.id] = replace(document, pages=reread(document.pages, part))
            tried.append((document, part))
    model = TextModel.of((group, text) for _, group, text in texts)
    effects = [judge(tried, spec)] + ([judge([(d, model) for d in held], spec)] if held else [])
    effect = together(effects)
    used = effect.is_good and all(e.gained >= e.lost for e in effects)
    counted = len({d.id for d in documents if any(True for _ in confirmed(d, spec))})
    learned = TextLearned(spec.name, counted, len(model.counts), effect, used, cpu_seconds() - started)
    return Reader(model, learned, [again[d.id] for d in documents] if used else list(documents))


def confirmed(document: TrainingDocument, spec: DocumentType) -> Iterator[str]:
    """What people confirmed of the wording of a document: transcripts of its lines, names, addresses and lines."""
    yield from document.lines
    for name in (f.name for f in spec.fields if f.kind in TEXT):
        yield from _said(document, name)


def _said(document: TrainingDocument, name: str) -> list[str]:
    label = document.labels.get(name)
    if label is None or label.state is not ValueState.FOUND or label.value is None:
        return []
    return [label.value] if isinstance(label.value, str) else list(label.value)


def judge(tried: Sequence[tuple[TrainingDocument, TextModel]], spec: DocumentType) -> Effect:
    """What text models do to documents that they were built without."""
    return together([_judge_document(document, document.pages, model, spec) for document, model in tried])


def together(effects: Sequence[Effect]) -> Effect:
    """The sum of several effects."""
    totals = {
        name: sum(getattr(e, name) for e in effects) for name in ("documents", "changed", "gained", "lost", "hurt")
    }
    fields: Counter[str] = Counter()
    for effect in effects:
        fields.update(effect.fields)
    return Effect(**totals, fields=dict(fields))


def _judge_document(document: TrainingDocument, pages: Sequence[Page], model: TextModel, spec: DocumentType) -> Effect:
    lines = [compact(line) for line in document.lines]
    values = [(f, [compact(v) for v in _said(document, f.name)]) for f in spec.fields]
    wordings = [v for f, said in values if f.kind in TEXT for v in said]
    numbers = [v for f, said in values if f.kind in NUMBERS for v in said if len(v) >= PART]
    found: Counter[str] = Counter()
    fields: Counter[str] = Counter()
    for before, after in ((compact(b), compact(a)) for page in pages for b, a in changed_lines(page, model)):
        found["changed"] += 1
        was, now = (_is_right(text, before, lines, wordings) for text in (before, after))
        found["gained"] += now and not was
        found["lost"] += was and not now
        found["hurt"] += any(n in before and n not in after for n in numbers)
        fields.update(f.name for f, said in values if _holds_more(f, said, before, after))
    return Effect(1, found["changed"], found["gained"], found["lost"], found["hurt"], dict(fields))


def _is_right(text: str, before: str, lines: Sequence[str], wordings: Sequence[str]) -> bool:
    """Whether a line is as its transcript has it; without transcripts, whether it is a part of a value or holds one."""
    if lines:
        nearest = process.extractOne(before, lines, scorer=fuzz.ratio, score_cutoff=NEAR)
        return nearest is not None and text == nearest[0]
    return any((len(text) >= PART and text in value) or (len(value) >= PART and value in text) for value in wordings)


def _holds_more(spec: FieldSpec, said: Sequence[str], before: str, after: str) -> bool:
    """Whether a value, or a part of it, stands in the line now and did not before."""
    return spec.kind in TEXT and any(
        len(v) >= PART and ((v in after and v not in before) or (len(after) >= PART and after in v and before not in v))
        for v in said
    )
