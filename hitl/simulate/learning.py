"""Models of the zero-label sequence: learned by the production code, judged by the gate, kept by their training set."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hitl.learning import gate
from hitl.simulate.rows import FieldRow, SimDocument
from models.doctype import DocumentType
from models.values import Reading, ValueState

if TYPE_CHECKING:
    from extractor.fields import TrainingDocument
    from models.nets.bundle import Bundle

SEED = 20150
SILENT = (ValueState.ABSENT, ValueState.NOT_FOUND, ValueState.EMPTY)

Rows = Mapping[str, tuple[FieldRow, ...]]  # by document


@dataclass(frozen=True)
class Learned:
    """One model: what it reads on every document, and on those it was trained on what models without them read."""

    name: str
    trained: frozenset[str]
    rows: Rows
    held_out: Rows
    cpu_seconds: float

    def read(self, document: SimDocument) -> tuple[FieldRow, ...]:
        return self.rows[document.name]


class Learner:
    """Trains models on some of the labelled documents. `folder` keeps them by the hash of their training set.

    `base`: the bundle that they start from, as in production they do from the one that serves; None: from nothing.
    """

    def __init__(
        self,
        documents: Sequence[TrainingDocument],
        doctypes: Mapping[str, DocumentType],
        folder: Path | None,
        base: Bundle | None = None,
    ) -> None:
        self.documents = {document.id: document for document in documents}
        self.doctypes, self.folder, self.base = dict(doctypes), folder, base
        self._held: dict[str, Learned] = {}

    def blank(self) -> list[SimDocument]:
        """The documents as a machine that has learned nothing sees them: no value is found."""
        return [SimDocument(name, document.group, self._unread(document)) for name, document in self.documents.items()]

    def learn(self, names: Collection[str]) -> Learned:
        """The model of exactly these documents."""
        trained = frozenset(names)
        key = self._key(trained)
        if key not in self._held:
            self._held[key] = self._load(key, trained) or self._train(key, trained)
        return self._held[key]

    def _key(self, trained: frozenset[str]) -> str:
        from extractor.learn import row_hash

        rows = sorted(row_hash(self.documents[name]) for name in trained)
        types = {name: spec.model_dump(mode="json") for name, spec in sorted(self.doctypes.items())}
        everything = sorted(row_hash(document) for document in self.documents.values())
        start = [self.base.version] if self.base else []
        return hashlib.sha256(json.dumps([rows, types, everything, SEED, *start]).encode()).hexdigest()[:24]

    def _train(self, key: str, trained: frozenset[str]) -> Learned:
        from extractor.learn import learn
        from extractor.recognise import Recogniser, recognise

        some = [document for name, document in self.documents.items() if name in trained]
        bundle, report = learn(some, self.doctypes, self.base, SEED)
        recogniser = Recogniser.from_bundle(bundle, self.doctypes)
        rows = {
            name: self._rows(document, recognise(document.pages, recogniser, document.document_type).readings)
            for name, document in self.documents.items()
        }
        held_out: dict[str, list[FieldRow]] = {}
        for one in report.out_of_fold:
            kind = self._spec(self.documents[one.document]).field(one.field).kind.value
            found = one.state != ValueState.NOT_FOUND.value
            held_out.setdefault(one.document, []).append(
                FieldRow(one.field, kind, one.confidence, not one.correct, found)
            )
        model = Learned(key, trained, rows, {k: tuple(v) for k, v in held_out.items()}, report.cpu_seconds)
        self._keep(model)
        return model

    def _spec(self, document: TrainingDocument) -> DocumentType:
        return self.doctypes[document.document_type]

    def _unread(self, document: TrainingDocument) -> tuple[FieldRow, ...]:
        fields = (f for f in self._spec(document).fields if document.labels.get(f.name) is not None)
        return tuple(FieldRow(f.name, f.kind.value, 0.0, True, found=False) for f in fields)

    def _rows(self, document: TrainingDocument, readings: Sequence[Reading]) -> tuple[FieldRow, ...]:
        said = {reading.field: reading for reading in readings}
        rows = []
        for row in self._unread(document):
            reading = said[row.field]
            wrong = not self._is_right(document, reading)
            rows.append(
                FieldRow(row.field, row.kind, reading.confidence, wrong, reading.state is not ValueState.NOT_FOUND)
            )
        return tuple(rows)

    def _is_right(self, document: TrainingDocument, reading: Reading) -> bool:
        from extractor.fields.labels import normalised
        from extractor.kinds import same

        spec, label = self._spec(document).field(reading.field), document.labels[reading.field]
        assert label is not None
        if label.state in SILENT or reading.state in SILENT:
            return label.state in SILENT and reading.state in SILENT
        values = normalised(label, spec, self._spec(document))
        return same(spec.kind, reading.value, values if spec.repeated else values[0])

    def _load(self, key: str, trained: frozenset[str]) -> Learned | None:
        path = self.folder / f"{key}.json" if self.folder else None
        if path is None or not path.exists():
            return None
        kept = json.loads(path.read_text(encoding="utf-8"))
        return Learned(key, trained, _unpacked(kept["rows"]), _unpacked(kept["held_out"]), kept["cpu_seconds"])

    def _keep(self, model: Learned) -> None:
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = {
            "trained": sorted(model.trained),
            "rows": _packed(model.rows),
            "held_out": _packed(model.held_out),
            "cpu_seconds": model.cpu_seconds,
        }
        part = self.folder / f"{model.name}.tmp"
        part.write_text(json.dumps(kept), encoding="utf-8")
        part.replace(self.folder / f"{model.name}.json")


def passes(candidate: Learned, champion: Learned | None, select: Collection[str], target: float, floor: float) -> bool:
    """The gate's decision: on the select fold, and on training documents by models that were not trained on them."""
    known = champion.trained if champion else frozenset()
    pairs = [(name, candidate.rows[name], True) for name in sorted(select)]
    pairs += [(name, rows, False) for name, rows in candidate.held_out.items() if name not in known]
    decisions = []
    for name, rows, selected in pairs:
        olds = {row.field: row for row in champion.rows[name]} if champion else {}
        for row in rows:
            old = olds.get(row.field)
            decisions.append(
                gate.PairedDecision(
                    name,
                    row.field,
                    not row.wrong,
                    row.score,
                    not old.wrong if old else None,
                    old.score if old else None,
                    selected=selected,
                )
            )
    return gate.judge(decisions, target=target, floor=floor, seed=SEED).passed


def _packed(rows: Rows) -> dict[str, list[list[Any]]]:
    return {name: [[r.field, r.kind, r.score, r.wrong, r.found] for r in some] for name, some in rows.items()}


def _unpacked(kept: Mapping[str, Sequence[Sequence[Any]]]) -> dict[str, tuple[FieldRow, ...]]:
    return {name: tuple(FieldRow(*row) for row in some) for name, some in kept.items()}
