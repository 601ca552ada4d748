"""The model that serves and the candidate on the same documents: what the gate judges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hitl.learning import gate
from hitl.learning.gate import Cost, TypeDecision
from hitl.learning.plan import Plan, pages_of, weight_of
from models.states import Fold
from models.values import Page, Reading, ValueState

if TYPE_CHECKING:
    from extractor.classify.classifier import TypeClassifier, TypeGuess, TypeReport
    from extractor.fields import TrainingDocument
    from extractor.recognise import Recogniser
    from models.nets.bundle import Bundle

Folds = Mapping[Fold, list["TrainingDocument"]]

COST_DOCUMENTS = 8  # are read by both models to compare what reading costs


def paired_decisions(
    work: Plan, champion: Bundle, candidate: Bundle, report: Any, folds: Mapping[Fold, list[TrainingDocument]]
) -> list[gate.PairedDecision]:
    """Both models on the select fold; on the train fold the candidate's out-of-fold predictions stand for it.

    Of the train fold only what is new to the champion too: on what it was trained on, it would be judged too well.
    """
    from extractor.recognise import Recogniser, recognise

    old = Recogniser.from_bundle(champion, work.doctypes)
    new = Recogniser.from_bundle(candidate, work.doctypes)
    weights = {d["document"]: d["labels"] for d in work.documents}
    rows = []
    for document in folds[Fold.SELECT]:
        before = recognise(document.pages, old, document.document_type, document.image_of).readings
        after = recognise(document.pages, new, document.document_type, document.image_of).readings
        known = champion.has_section(f"fields/{document.document_type}/")
        rows += _select_rows(document, work, before if known else (), after, weights[document.id])
    return rows + _out_of_fold_rows(work, champion, old, report, folds[Fold.TRAIN], weights)


def _select_rows(
    document: TrainingDocument,
    work: Plan,
    before: Sequence[Reading],
    after: Sequence[Reading],
    labels: Mapping[str, Any],
) -> list[gate.PairedDecision]:
    olds = {r.field: r for r in before}
    rows = []
    for reading in after:
        label = document.labels.get(reading.field)
        if label is None:
            continue
        old = olds.get(reading.field)
        rows.append(
            gate.PairedDecision(
                document=document.id,
                segment=f"{document.document_type}.{reading.field}",
                candidate_right=_right(work, document, reading.field, reading.state, reading.value),
                candidate_confidence=reading.confidence,
                champion_right=_right(work, document, old.field, old.state, old.value) if old else None,
                champion_confidence=old.confidence if old else None,
                weight=weight_of(labels[reading.field]),
            )
        )
    return rows


def _out_of_fold_rows(
    work: Plan,
    champion: Bundle,
    old: Any,
    report: Any,
    documents: Sequence[TrainingDocument],
    labels: Mapping[str, Any],
) -> list[gate.PairedDecision]:
    from extractor.recognise import recognise

    by_id = {d.id: d for d in documents}
    champions: dict[str, dict[str, Reading]] = {}
    rows = []
    for row in report.out_of_fold:
        if row.document in work.known:
            continue
        document = by_id[row.document]
        if document.id not in champions:
            known = champion.has_section(f"fields/{document.document_type}/")
            found = recognise(document.pages, old, document.document_type, document.image_of) if known else None
            readings = found.readings if found else ()
            champions[document.id] = {r.field: r for r in readings}
        before = champions[document.id].get(row.field)
        rows.append(
            gate.PairedDecision(
                document=document.id,
                segment=f"{document.document_type}.{row.field}",
                candidate_right=row.correct,
                candidate_confidence=row.confidence,
                champion_right=_right(work, document, row.field, before.state, before.value) if before else None,
                champion_confidence=before.confidence if before else None,
                weight=weight_of(labels[document.id][row.field]),
                selected=False,
            )
        )
    return rows


def _right(work: Plan, document: TrainingDocument, field: str, state: ValueState, value: Any) -> bool:
    from extractor.kinds import same

    label = document.labels[field]
    assert label is not None
    silent = {ValueState.ABSENT, ValueState.NOT_FOUND, ValueState.EMPTY}
    if label.state in silent or state in silent:
        return label.state in silent and state in silent
    return same(work.doctypes[document.document_type].field(field).kind, value, label.value)


# --- document types ---------------------------------------------------------------------------------------------------


def type_decisions(
    work: Plan, champion: Bundle, candidate: Bundle, report: TypeReport | None, folds: Folds
) -> list[TypeDecision]:
    """Which type each model says a document is, over all types of the workspace and of the bundle that serves.

    Of the trained types: the select fold, and out of fold the train fold as far as it is new to the champion. Of the
    others: the workspace's labelled documents, and the examples that the champion carries. Both models were fitted on
    some of those, and on the same ones.
    """
    from extractor.recognise import Recogniser

    old = Recogniser.from_bundle(champion, work.doctypes)
    new = Recogniser.from_bundle(candidate, work.doctypes)
    rows = [_called(d.id, d.document_type, d.pages, old, new) for d in folds[Fold.SELECT]]
    rows += [_called(w["document"], w["type"], pages_of(w), old, new) for w in work.witnesses]
    rows += _carried(work, champion, candidate)
    if report is None:
        return rows
    for name in work.types:
        with_words = [d for d in folds[Fold.TRAIN] if d.document_type == name and any(p.words for p in d.pages)]
        said = zip(report.confidences.get(name, ()), report.right.get(name, ()), strict=True)
        for document, (confidence, right) in zip(with_words, said, strict=True):
            if document.id not in work.known:
                guess = old.guess_type(document.pages)
                rows.append(TypeDecision(document.id, name, right, confidence, guess.name == name, guess.confidence))
    return rows


def keep_types_known(
    work: Plan, champion: Bundle, candidate: Bundle, rows: list[TypeDecision]
) -> tuple[Bundle, list[TypeDecision], str]:
    """The candidate with the champion's type classifier, if fitted anew it loses a type, and why; else as it is.

    Where the champion cannot know the trained types, the candidate keeps its own, and the gate says what is lost.
    """
    from extractor.recognise import TYPES

    lost = gate.lost_types(rows)
    if not lost or not set(work.types) <= set(_classifier(champion).names):
        return candidate, rows, ""
    kept = candidate.with_section(TYPES, champion.section(TYPES))
    kept = kept.with_meta(classifier=champion.meta.get("classifier", {}))
    as_now = [
        replace(row, candidate_right=row.champion_right, candidate_confidence=row.champion_confidence) for row in rows
    ]
    return kept, as_now, lost


def _called(
    document_id: str, document_type: str, pages: Sequence[Page], old: Recogniser, new: Recogniser
) -> TypeDecision:
    return _decision(document_id, document_type, old.guess_type(pages), new.guess_type(pages))


def _decision(document_id: str, document_type: str, old: TypeGuess, new: TypeGuess) -> TypeDecision:
    return TypeDecision(
        document_id,
        document_type,
        new.name == document_type,
        new.confidence,
        old.name == document_type,
        old.confidence,
    )


def _carried(work: Plan, champion: Bundle, candidate: Bundle) -> Iterator[TypeDecision]:
    """The examples in the champion of the types that were not trained now. They are kept as features, not as pages."""
    from extractor.classify.classifier import examples_of
    from extractor.recognise import TYPES

    if not champion.has_section(TYPES):
        return
    old, new = _classifier(champion), _classifier(candidate)
    for name, examples in examples_of(old).items():
        if name in work.types or name not in work.doctypes:
            continue
        for number, example in enumerate(examples):
            guesses = old.guess_described(example), new.guess_described(example)
            yield _decision(f"{name} {number} of the bundle", name, *guesses)


def _classifier(bundle: Bundle) -> TypeClassifier:
    from extractor.classify.classifier import TypeClassifier
    from extractor.recognise import TYPES

    return TypeClassifier.from_parts(bundle.section(TYPES))


# --- what reading costs -----------------------------------------------------------------------------------------------


def costs(work: Plan, champion: Bundle, candidate: Bundle, folds: Folds) -> Cost:
    """Seconds of CPU that either model takes for the same documents, and the size of either."""
    from extractor.recognise import Recogniser

    documents = [*folds[Fold.SELECT], *folds[Fold.TRAIN]][:COST_DOCUMENTS]
    reads_all = all(champion.has_section(f"fields/{d.document_type}/") for d in documents)
    return Cost(
        documents=len(documents),
        candidate_seconds=_seconds(Recogniser.from_bundle(candidate, work.doctypes), documents),
        champion_seconds=_seconds(Recogniser.from_bundle(champion, work.doctypes), documents) if reads_all else None,
        candidate_bytes=candidate.size,
        champion_bytes=champion.size,
    )


def _seconds(recogniser: Recogniser, documents: Sequence[TrainingDocument]) -> float:
    from extractor.measure.cost import cpu_seconds
    from extractor.recognise import recognise

    for again in (False, True):  # once to unpack the models
        started = cpu_seconds()
        for document in documents if again else documents[:1]:
            recognise(document.pages, recogniser, document.document_type, document.image_of)
    return cpu_seconds() - started
