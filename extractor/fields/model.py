"""The field model of one document type: pages in, readings with calibrated confidence out; its parts for a bundle."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from extractor.checks import find_failures, held_fields
from extractor.fields.ambiguity import with_doubts
from extractor.fields.decisions import EVIDENCE, Choice, Decision, decide
from extractor.fields.labels import Images
from extractor.fields.lists import Cutoff
from extractor.fields.memory.memory import Fact, Memory
from extractor.fields.memory.spelling import UNTAUGHT, Spelling
from extractor.fields.scoring import parts
from extractor.fields.scoring.features import BASE, Scene, make_scene
from extractor.fields.scoring.scorers import Scorers
from extractor.fields.tables.model import LearnedTable
from models.doctype import DocumentType, Kind
from models.nets.calibration import Calibrator
from models.values import Box, Item, Page, Reading, ValueState

Parts = tuple[parts.Tensors, dict[str, str], dict[str, Any]]
DOUBTED = 0.49  # most confidence of what stands beside another label, while its own label names something else
NUMBERED = frozenset({Kind.DATE, Kind.MONEY, Kind.IDENTIFIER})
ABSENT_MOST = 0.89  # of a type from many countries: its labels may be in words that nobody knows
UNPROVEN = 0.5  # most confidence of a value that master data put in place of what was read: nothing calibrates it


@dataclass(frozen=True)
class OutOfFold:
    """One decision on a training document that its model had not seen. `confidence` is cross-fitted too."""

    document: str
    field: str
    value: str | list[str] | None
    state: str
    confidence: float
    correct: bool


@dataclass(frozen=True, eq=False)
class FieldModel:
    """What `learn_fields` makes and a bundle keeps."""

    doctype: DocumentType
    scorers: Scorers
    calibrator: Calibrator
    cutoffs: dict[str, Cutoff]  # repeated fields: which values make the list
    memory: Memory | None = None
    oof: list[OutOfFold] = field(default_factory=list)
    spelling: Spelling = UNTAUGHT
    tables: dict[str, LearnedTable] = field(default_factory=dict)
    master_data: Memory | None = None  # of the workspace that asks; never part of a bundle
    seen: frozenset[int] = frozenset()  # marks of the documents it learned from, see `extractor.growth`
    given_away: bool = False  # learned without memory: who has it has other documents

    def with_master_data(self, facts: Iterable[Fact]) -> FieldModel:
        """This model with the master data of one workspace."""
        return replace(self, master_data=Memory.of_master_data(facts))

    def read(self, pages: Sequence[Page], image_of: Images | None = None) -> tuple[Reading, ...]:
        """One reading for every field of the document type. `image_of` is asked only for a second reader."""
        scene = make_scene(pages, self.doctype, labels=len(self.scorers.mean) > BASE)
        decisions = with_second_reader(scene, self.decide(scene), self.doctype, image_of)
        order = [f.name for f in self.doctype.fields]
        evidence = np.array([decisions[name].vector() for name in order])
        sure = self.calibrator.confidence(evidence, np.arange(len(order)))
        listed = self.master_data.apply(scene, decisions) if self.master_data else decisions
        most = {name: UNPROVEN if listed[name].value != decisions[name].value else 1.0 for name in order}
        most = {name: min(cap, most_of(decisions[name], self.doctype)) for name, cap in most.items()}
        readings = {n: _reading(scene, listed[n], min(most[n], float(p))) for n, p in zip(order, sure, strict=True)}
        readings = with_doubts(readings, scene.layout, self.doctype)
        readings |= {name: table.read(pages, self.doctype) for name, table in self.tables.items()}
        return tuple(readings.values())

    def decide(self, scene: Scene) -> dict[str, Decision]:
        """Decisions with all their evidence, before calibration."""
        decisions = decide(scene, self.scorers.rank(scene), self.scorers, self.cutoffs)
        decisions = self.spelling.apply(decisions)
        if self.memory is not None:
            decisions = self.memory.apply(scene, decisions)
        return checked(decisions, self.doctype)

    def to_parts(self) -> Parts:
        """Tensors, texts and tables: all that `from_parts` needs. No pickle."""
        tensors, tables = parts.to_parts(self.scorers)
        tensors["spelling"] = np.array(sorted(self.spelling.words), np.uint32)
        for name, table in self.tables.items():
            tensors |= {f"table.{name}.{part}": array for part, array in table.to_arrays().items()}
        tables |= {
            "cutoffs": {name: dataclasses.asdict(cutoff) for name, cutoff in self.cutoffs.items()},
            "calibrator": _calibrator_table(self.calibrator),
            "memory": self.memory.to_table() if self.memory else None,
            "seen": sorted(self.seen),
            "given_away": self.given_away,
        }
        return tensors, {}, tables

    @classmethod
    def from_parts(
        cls,
        tensors: Mapping[str, NDArray[Any]],
        texts: Mapping[str, str],  # noqa: ARG003 (a bundle section has three parts)
        tables: Mapping[str, Any],
    ) -> FieldModel:
        scorers = parts.from_parts(tensors, tables)
        doctype = scorers.doctype
        memory = Memory.from_table(tables["memory"], doctype) if tables["memory"] else None
        spelling = Spelling(frozenset(tensors["spelling"].tolist() if "spelling" in tensors else ()))
        rows = {f.name: (f, parts.under(tensors, f"table.{f.name}.")) for f in doctype.fields if f.kind is Kind.TABLE}
        learned = {name: LearnedTable.from_arrays(arrays, spec) for name, (spec, arrays) in rows.items() if arrays}
        return cls(
            doctype,
            scorers,
            read_calibrator(tables["calibrator"]),
            read_cutoffs(tables),
            memory,
            spelling=spelling,
            tables=learned,
            seen=frozenset(tables.get("seen", ())),
            given_away=tables.get("given_away", False),
        )


def most_of(decision: Decision, doctype: DocumentType) -> float:
    """The most confidence that a decision may have, whatever its calibrator says.

    Doubted where the field's own label stands elsewhere: what is beside it could not be read, or was not believed.
    """
    is_elsewhere = bool(decision.evidence.get("label_elsewhere"))
    if decision.state is ValueState.ABSENT:
        return DOUBTED if is_elsewhere else ABSENT_MOST if doctype.mixed_locales else 1.0
    is_misnamed = is_elsewhere and decision.field.kind in NUMBERED and bool(decision.evidence.get("misnamed"))
    return DOUBTED if is_misnamed else 1.0


def checked(decisions: dict[str, Decision], doctype: DocumentType) -> dict[str, Decision]:
    """Decisions that know which of the type's validators and checks they fail."""
    values = {name: d.value for name, d in decisions.items()}
    failed = {name for failure in find_failures(values, doctype) for name in failure.fields}
    held = held_fields(values, doctype)
    return {
        name: d.with_evidence(check_failed=float(name in failed), check_held=float(name in held))
        for name, d in decisions.items()
    }


def with_second_reader(
    scene: Scene, decisions: Mapping[str, Decision], doctype: DocumentType, image_of: Images | None
) -> dict[str, Decision]:
    """Decisions that know whether the second reader agrees, if the type has one: 1, -1, or 0 where it was not asked."""
    if not doctype.second_reader or image_of is None:
        return dict(decisions)
    return {name: d.with_evidence(second=_agreement(scene, d, doctype, image_of)) for name, d in decisions.items()}


def _agreement(scene: Scene, decision: Decision, doctype: DocumentType, image_of: Images) -> float:
    """The least over the values of a field; what stands in a text layer has been compared with the ink already."""
    from extractor.second_reader import agrees

    found = []
    for choice in decision.choices:
        number, box, lines = place(scene, decision, choice)
        page = next(p for p in scene.layout.pages if p.number == number)
        if not page.is_from_layer and decision.field.kind is not Kind.CHECKBOX:
            text = engine_text(scene, decision, choice)
            found.append(agrees(image_of(number), box, max(1, len(lines)), text, decision.field, doctype))
    return min((1.0 if agreed else -1.0 for agreed in found), default=0.0)


def read_cutoffs(tables: Mapping[str, Any]) -> dict[str, Cutoff]:
    """Which values make the lists of each repeated field, from the tables of a bundle."""
    if "cutoffs" not in tables:  # a bundle of before: one threshold, however long the list
        return {name: Cutoff(1, least, least) for name, least in tables["thresholds"].items()}
    return {name: Cutoff(**parts) for name, parts in tables["cutoffs"].items()}


def _calibrator_table(calibrator: Calibrator) -> dict[str, Any]:
    return {
        "evidence": list(EVIDENCE),
        "mean": calibrator.mean.tolist(),
        "scale": calibrator.scale.tolist(),
        "weights": calibrator.weights.tolist(),
        "intercept": calibrator.intercept,
        "fields": calibrator.fields.tolist(),
        "decisions": calibrator.decisions,
    }


def read_calibrator(table: Mapping[str, Any]) -> Calibrator:
    """The calibrator of a type from its table in a bundle."""
    known = tuple(table["evidence"])
    if known != EVIDENCE[: len(known)]:
        raise ValueError("the bundle was calibrated on other evidence; train it again")
    arrays = {name: np.array(table[name], np.float64) for name in ("mean", "scale", "weights", "fields")}
    for name, value in (("mean", 0.0), ("scale", 1.0), ("weights", 0.0)):  # evidence that came later counts nothing
        arrays[name] = np.append(arrays[name], np.full(len(EVIDENCE) - len(known), value))
    mean, scale, weights, fields = arrays.values()
    found = Calibrator(mean, scale, weights, float(table["intercept"]), fields)
    return replace(found, decisions=int(table["decisions"])) if "decisions" in table else found


def _reading(scene: Scene, decision: Decision, confidence: float) -> Reading:
    spec = decision.field
    base = Reading(
        field=spec.name,
        state=decision.state,
        value=decision.value,
        text=None,
        confidence=confidence,
        score=decision.evidence.get("score"),
        alternatives=decision.alternatives,
        provenance=dict(decision.provenance) | {"rule": "candidates"} | _retelling(scene, decision),
    )
    if not decision.choices:
        return base
    if spec.repeated:
        items = tuple(_item(scene, decision, choice, confidence) for choice in decision.choices)
        return replace(base, text="; ".join(i.text for i in items), page=items[0].page, box=items[0].box, items=items)
    page, box, lines = place(scene, decision, decision.choices[0])
    return replace(base, text=raw_text(scene, decision, decision.choices[0]), page=page, box=box, lines=lines)


def _item(scene: Scene, decision: Decision, choice: Choice, confidence: float) -> Item:
    page, box, _ = place(scene, decision, choice)
    return Item(choice.value, raw_text(scene, decision, choice), confidence, page, box)


def raw_text(scene: Scene, decision: Decision, choice: Choice) -> str:
    """The words as the engine read them, before any repair."""
    words = _words(scene, decision, choice)
    return " ".join(scene.layout.pages[page].words[word].text for page, word in words)


def engine_text(scene: Scene, decision: Decision, choice: Choice) -> str:
    """The words as the engine read them, also where confirmed text made others of them."""
    words = [scene.layout.pages[page].words[word] for page, word in _words(scene, decision, choice)]
    texts = [word.seen or word.text for word in words]
    parts = zip(("", *texts), texts, words, strict=False)  # one word that became two has its old text on both
    return " ".join(text for before, text, word in parts if not (word.seen and " " not in word.text and text == before))


def _retelling(scene: Scene, decision: Decision) -> dict[str, str]:
    """What the engine had read, where confirmed text made another text of it."""
    told = [(engine_text(scene, decision, c), raw_text(scene, decision, c)) for c in decision.choices]
    before = [was for was, now in told if was != now]
    return {"read_as": "; ".join(before), "settled_by": "confirmed text"} if before else {}


def _words(scene: Scene, decision: Decision, choice: Choice) -> list[tuple[int, int]]:
    span = scene.tables[decision.field.kind].spans[choice.candidate]
    layout = scene.layout
    return list(dict.fromkeys((int(layout.page[t]), int(layout.word[t])) for t in span.tokens))


def place(scene: Scene, decision: Decision, choice: Choice) -> tuple[int, Box, tuple[Box, ...]]:
    """Page number, box around all words of the first page, and one box a line where there are several."""
    words = _words(scene, decision, choice)
    page = scene.layout.pages[words[0][0]]
    by_line: dict[int, list[Box]] = {}
    for index, word in words:
        if index == words[0][0]:
            by_line.setdefault(page.words[word].line, []).append(page.words[word].box)
    lines = tuple(Box.union(boxes) for boxes in by_line.values())
    return page.number, Box.union(lines), lines if len(lines) > 1 else ()
