"""Learning the fields of a document type: scorers, out-of-fold decisions, memory, calibration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from extractor import kinds
from extractor.effort import effort
from extractor.fields.decisions import EVIDENCE, Decision, decide
from extractor.fields.folds import folds_of
from extractor.fields.labels import Goal, TrainingDocument, goal_of, normalised
from extractor.fields.lists import Cutoff, candidates_of, fit_cutoff
from extractor.fields.memory.memory import REMEMBERED, Fact, Memory, Reread, fit_ratios, numbers_of
from extractor.fields.memory.spelling import RESPELLED, Spelling
from extractor.fields.model import FieldModel, OutOfFold, checked, most_of, with_second_reader
from extractor.fields.scoring.before import best_share, blended
from extractor.fields.scoring.features import Scene, make_scene
from extractor.fields.scoring.scorers import Scorers, train_scorers
from extractor.fields.scoring.together import Ranking
from extractor.fields.tables.learn import learn_tables
from extractor.fields.tickgoals import settle
from extractor.measure.cost import rare_collections
from models.doctype import DocumentType, FieldSpec, Kind
from models.nets import calibration
from models.nets.calibration import Calibrator, Prior
from models.values import ValueState

EVERY_FOLD = -1  # of a fact that no training document gave
COMMON = 5  # without memory, only words and values seen in so many documents are kept

Progress = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A training document ready for the scorers."""

    document: TrainingDocument
    scene: Scene
    goals: dict[str, Goal]
    fold: int


@dataclass(frozen=True, eq=False)
class _Trial:
    """A held-out document, ranked by scorers that had not seen it."""

    row: _Prepared
    scorers: Scorers
    rankings: dict[str, Ranking]  # each field by itself, then with what was known before, and settled


@dataclass(frozen=True, eq=False)
class _Held:
    """A decision on a held-out document, with the key of what was right; None: the value is absent."""

    row: _Prepared
    decision: Decision
    right: str | None

    @property
    def correct(self) -> bool:
        return (self.decision.key if self.decision.choices else None) == self.right


def learn_fields(
    documents: Sequence[TrainingDocument],
    doctype: DocumentType,
    seed: int,
    progress: Progress,
    memory: bool = True,
    known: Sequence[Fact] = (),
    prior: Prior | None = None,
    before: FieldModel | None = None,
) -> FieldModel:
    """A model of `doctype` with calibrated confidence.

    Confidence comes from predictions on documents held out by `group`. With `memory` off, nothing that few documents
    share is kept: that is the form in which a bundle may be given away. `known` are facts from master data, which the
    memory holds from the start: no fold is held out from them. `prior` is what evidence means on other types.
    `before` is a model that has seen none of the documents: it keeps a voice as far as it is right on them.
    """
    with rare_collections():
        rows = _prepare(documents, doctype, seed, progress)
    folds = sorted({r.fold for r in rows})
    train = _Trainer(doctype, seed, 1 if memory else COMMON)
    trials: list[_Trial] = []
    for number, fold in enumerate(folds if len(folds) > 1 else []):
        part = _part(progress, number, len(folds) + 1)
        scorers = train([r for r in rows if r.fold != fold], part, effort().fold_share)
        trials += [_Trial(r, scorers, scorers.alone(r.scene)) for r in rows if r.fold == fold]
    scorers = train(rows, _part(progress, len(folds), len(folds) + 1))
    trials, scorers = _joined(trials, scorers, before.scorers if before else None)
    cutoffs = _fit_cutoffs(trials, doctype)
    held = _respelled(rows, _decisions(trials, cutoffs, doctype), doctype)
    facts = [*_facts(rows, doctype), *((EVERY_FOLD, fact) for fact in known)] if memory else []
    remembered = _fit_memory(facts, rows, held)
    if remembered:
        held = _with_memory(facts, held, remembered)
    held = [_with_second_reader(h, doctype) for h in held]
    calibrator, oof = _calibrate(held, doctype, prior)
    folds_of_rows = [r.fold for r in rows]
    layouts = [r.scene.layout for r in rows]
    tables, read = learn_tables(
        [r.document for r in rows], layouts, folds_of_rows, doctype, before.tables if before else None
    )
    oof += [OutOfFold(t.document, t.field, t.value, ValueState.FOUND.value, t.confidence, t.correct) for t in read]
    return FieldModel(
        doctype, scorers, calibrator, cutoffs, remembered, oof, _spelling(rows, doctype), tables, given_away=not memory
    )


def _joined(trials: Sequence[_Trial], scorers: Scorers, before: Scorers | None) -> tuple[list[_Trial], Scorers]:
    """The trials as they are ranked in the end, with what was known before; and the scorers with it."""
    if before is None:
        return [replace(t, rankings=t.scorers.settled(t.rankings)) for t in trials], scorers
    known = [before.alone(t.row.scene) for t in trials]
    share = best_share([(t.rankings, old, t.row.goals) for t, old in zip(trials, known, strict=True)])
    joined = [
        replace(t, scorers=on, rankings=on.settled(blended(t.rankings, old, share)))
        for t, old in zip(trials, known, strict=True)
        for on in (t.scorers.on(before, share),)
    ]
    return joined, scorers.on(before, share)


@dataclass(frozen=True)
class _Trainer:
    doctype: DocumentType
    seed: int
    least: int

    def __call__(
        self, rows: Sequence[_Prepared], progress: Callable[[float], None], steps_share: float = 1.0
    ) -> Scorers:
        scenes = [r.scene for r in rows]
        goals = settle(scenes, [r.goals for r in rows], self.doctype)
        return train_scorers(scenes, goals, self.doctype, self.seed, self.least, progress, steps_share)


def _part(progress: Progress, number: int, of: int) -> Callable[[float], None]:
    name = "train" if number == of - 1 else f"hold out {number + 1}/{of - 1}"
    return lambda share: progress(name, (number + share) / of)


def _prepare(
    documents: Sequence[TrainingDocument], doctype: DocumentType, seed: int, progress: Progress
) -> list[_Prepared]:
    rows = []
    folds = folds_of([d.group for d in documents], seed)
    for number, document in enumerate(documents):
        scene = make_scene(document.pages, doctype)
        single = [f for f in doctype.fields if f.kind is not Kind.TABLE]  # tables have a reader of their own
        found = {f.name: goal_of(document.labels.get(f.name), scene, f, doctype) for f in single}
        goals = {name: goal for name, goal in found.items() if goal is not None}
        rows.append(_Prepared(document, scene, goals, folds[document.group]))
        progress("prepare", (number + 1) / len(documents))
    return rows


def _right(row: _Prepared, field: FieldSpec, doctype: DocumentType) -> str | None:
    label = row.document.labels[field.name]
    assert label is not None
    if label.state is not ValueState.FOUND:
        return None
    values = normalised(label, field, doctype)
    return kinds.key(field.kind, values if field.repeated else values[0])


def _decisions(trials: Sequence[_Trial], cutoffs: dict[str, Cutoff], doctype: DocumentType) -> list[_Held]:
    held = []
    for trial in trials:
        decisions = checked(decide(trial.row.scene, trial.rankings, trial.scorers, cutoffs), doctype)
        held += [
            _Held(trial.row, decisions[f.name], _right(trial.row, f, doctype))
            for f in doctype.fields
            if f.name in trial.row.goals
        ]
    return held


def _fit_cutoffs(trials: Sequence[_Trial], doctype: DocumentType) -> dict[str, Cutoff]:
    """For repeated fields, which values of a ranking make the list."""
    found = {}
    for name in (f.name for f in doctype.fields if f.repeated):
        mine = [t for t in trials if name in t.row.goals and t.rankings[name].keys]
        found[name] = fit_cutoff([(candidates_of(t.rankings[name]), t.row.goals[name].keys) for t in mine])
    return found


def _spelling(rows: Iterable[_Prepared], doctype: DocumentType) -> Spelling:
    """How the words of verified addresses and names are spelled."""
    names = [f.name for f in doctype.fields if f.kind in RESPELLED]
    given = [[row.document.labels.get(name) for name in names] for row in rows]
    return Spelling.of([label.value for label in labels if label and isinstance(label.value, str)] for labels in given)


def _respelled(rows: Sequence[_Prepared], held: Sequence[_Held], doctype: DocumentType) -> list[_Held]:
    """The held-out decisions as spelled by the documents of the other folds."""
    books = {k: _spelling([r for r in rows if r.fold != k], doctype) for k in {r.fold for r in rows}}
    return [
        replace(h, decision=books[h.row.fold].apply({h.decision.field.name: h.decision})[h.decision.field.name])
        for h in held
    ]


def _facts(rows: Sequence[_Prepared], doctype: DocumentType) -> list[tuple[int, Fact]]:
    """(fold, fact) of every verified name and address."""
    found = []
    for row in rows:
        numbers = numbers_of(row.scene)
        for field in doctype.fields:
            label = row.document.labels.get(field.name)
            if field.kind in REMEMBERED and not field.repeated and label and label.state is ValueState.FOUND:
                value = normalised(label, field, doctype)[0]
                found.append((row.fold, Fact(field.name, value, kinds.key(field.kind, value), numbers)))
    return found


def _fit_memory(facts: Sequence[tuple[int, Fact]], rows: Sequence[_Prepared], held: Sequence[_Held]) -> Memory | None:
    if not facts or not held:
        return None
    numbers = {r.document.id: numbers_of(r.scene) for r in rows}
    tried = [Reread(h.row.fold, h.decision, numbers[h.row.document.id], h.right or "") for h in held]
    return Memory(tuple(f for _, f in facts), fit_ratios(facts, tried, sorted({f.field for _, f in facts})))


def _with_memory(facts: Sequence[tuple[int, Fact]], held: Sequence[_Held], memory: Memory) -> list[_Held]:
    """The held-out decisions as a memory without their own fold would have corrected them."""
    folds = {h.row.fold for h in held}
    books = {fold: Memory(tuple(f for k, f in facts if k != fold), memory.ratios) for fold in folds}
    return [
        replace(
            h, decision=books[h.row.fold].apply(h.row.scene, {h.decision.field.name: h.decision})[h.decision.field.name]
        )
        for h in held
    ]


def _with_second_reader(held: _Held, doctype: DocumentType) -> _Held:
    """The held-out decision with what the second reader says of it, if the type has one."""
    name = held.decision.field.name
    decisions = with_second_reader(held.row.scene, {name: held.decision}, doctype, held.row.document.image_of)
    return replace(held, decision=decisions[name])


def _calibrate(held: Sequence[_Held], doctype: DocumentType, prior: Prior | None) -> tuple[Calibrator, list[OutOfFold]]:
    """The calibrator of all held-out decisions; each decision's own confidence from those of the other folds."""
    number = {f.name: i for i, f in enumerate(doctype.fields)}
    evidence = np.array([h.decision.vector() for h in held], np.float64).reshape(-1, len(EVIDENCE))
    field = np.array([number[h.decision.field.name] for h in held], np.int64)
    correct = np.array([h.correct for h in held], np.float64)
    weight = np.array([h.row.goals[h.decision.field.name].weight for h in held], np.float64)
    fold = np.array([h.row.fold for h in held], np.int64)
    crossed = np.zeros(len(held))
    for k in np.unique(fold):
        rest, mine = fold != k, fold == k
        part = calibration.fit(evidence[rest], field[rest], correct[rest], weight[rest], len(number), prior)
        crossed[mine] = part.confidence(evidence[mine], field[mine])
    crossed = np.minimum(crossed, [most_of(h.decision, doctype) for h in held]) if held else crossed
    oof = [
        OutOfFold(
            h.row.document.id, h.decision.field.name, h.decision.value, h.decision.state.value, float(p), h.correct
        )
        for h, p in zip(held, crossed, strict=True)
    ]
    return calibration.fit(evidence, field, correct, weight, len(number), prior), oof
