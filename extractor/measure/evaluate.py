"""How good the extractor is on labelled documents: values, confidence, coverage at a given error, cost.

One row is one decision, that is one field of one document. A wrong document type makes all its fields wrong; an
unlabelled field is not scored; a list is right if the multisets are equal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
from rapidfuzz import fuzz

from extractor.kinds import key, label_value, same
from extractor.measure import measures
from extractor.measure.manifest import Entry, Label, texts_of
from models.doctype import DocumentType, FieldSpec, Kind
from models.values import Page, Reading, Recognition, ValueState

TARGETS = (0.01, 0.02, 0.05)
FUZZY = 0.9
FUZZY_KINDS = frozenset({Kind.NAME, Kind.ADDRESS, Kind.LINE})
SEED = 20261

Value = str | list[str] | None


@dataclass(frozen=True)
class Truth:
    """What is known of one document: normalised values, and fields proven absent."""

    document: str
    document_type: str
    values: dict[str, Value]
    absent: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Row:
    """One decision, judged."""

    document: str
    document_type: str
    field: str
    confidence: float
    answered: bool  # the machine said found or absent
    given: bool  # the machine gave a value
    wanted: bool  # the document carries one
    exact: bool
    fuzzy: bool
    seen: bool | None = None  # the vendor occurs in the training documents
    items: tuple[int, int, int] | None = None  # of a list: items right, given, wanted
    said: Value = None
    label: Value = None
    cause: str = (
        ""  # why it is wrong (`extractor.measure.causes.Cause`); nothing if it is right, or the pages are not known
    )


@dataclass(frozen=True)
class EvaluationReport:
    """All measures as plain data (`numbers`), and the rows they come from."""

    rows: tuple[Row, ...]
    numbers: dict[str, Any]
    thresholds: dict[str, dict[float, float]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return self.numbers | {"rows": [asdict(row) for row in self.rows]}

    def table(self) -> str:
        """The measures as text, one line a field."""
        head = f"{'':44}{'n':>5} {'exact F1':>8} {'fuzzy':>6} {'95 % interval':>14} {'ECE':>6} {'AUROC':>6}" + "".join(
            f" {f'<={t:.0%} err':>10}" for t in TARGETS
        )
        lines = [head]
        for name, group in self.numbers["types"].items():
            lines += [_line(f"{name}.{f}", numbers) for f, numbers in group["fields"].items()]
            lines += [
                f"  {f}: F1 of its items {numbers['items_f1']:.3f}"
                for f, numbers in group["fields"].items()
                if numbers["items_f1"] is not None
            ]
            lines += [_line(f"{name}: {part}", group[part]) for part in ("micro", "seen", "unseen") if group[part]["n"]]
            if group["causes"]:
                causes = ", ".join(f"{count} {cause}" for cause, count in group["causes"].items())
                lines.append(f"  {name}: wrong by {causes}")
        lines.append(_line("all: micro", self.numbers["micro"]))
        lines.append(f"document types right: {self.numbers['type_accuracy']:.4f} of {self.numbers['documents']}")
        return "\n".join(lines)


def truth_of(entry: Entry, types: Mapping[str, DocumentType], document: str | None = None) -> Truth:
    """The labels of a manifest entry, normalised. One that cannot be parsed stays as it is, and nothing equals it."""
    name = entry.document_type or ""
    spec = types.get(name)
    fields = {f.name: f for f in spec.fields} if spec else {}
    values = {k: _normalised(v, fields[k], spec) for k, v in entry.labels.items() if k in fields}
    return Truth(document or entry.file, name, values, entry.absent & frozenset(fields))


def evaluate(
    recognitions: Mapping[str, Recognition],
    truths: Iterable[Truth],
    types: Mapping[str, DocumentType],
    train_values: Mapping[str, frozenset[str]] | None = None,
    out_of_fold: Mapping[str, Sequence[tuple[float, bool]]] | None = None,
    pages: Mapping[str, Sequence[Page]] | None = None,
) -> EvaluationReport:
    """Judge `recognitions` (by document) against `truths`. With `pages` (by document) wrong values have their cause.

    `train_values`: keys of the vendor field of the training documents, by type (see `vendor_keys`). `out_of_fold`:
    pairs of confidence and "right" of the training documents by type; they fix the thresholds of the coverage columns
    (see `measures.promised_coverage`).
    """
    known = list(truths)
    rows = [row for truth in known for row in _rows(recognitions.get(truth.document), truth, types, train_values or {})]
    rows = _with_causes(rows, pages or {}, recognitions, types)
    thresholds = {name: _thresholds(pairs) for name, pairs in (out_of_fold or {}).items()}
    numbers: dict[str, Any] = {
        "documents": len(known),
        "type_accuracy": _type_accuracy(recognitions, known),
        "types": {
            name: _by_type(name, rows, thresholds.get(name, {})) for name in sorted({r.document_type for r in rows})
        },
        "micro": scores(rows, {}),
    }
    return EvaluationReport(tuple(rows), numbers, thresholds)


def vendor_field(spec: DocumentType) -> FieldSpec | None:
    """The field that says whose document it is: the first name that is not a list."""
    return next((f for f in spec.fields if f.kind is Kind.NAME and not f.repeated), None)


def vendor_keys(truths: Iterable[Truth], types: Mapping[str, DocumentType]) -> dict[str, frozenset[str]]:
    """By document type, the vendors that occur in `truths`."""
    found: dict[str, set[str]] = {}
    for truth in truths:
        vendor = _vendor(truth, types)
        if vendor:
            found.setdefault(truth.document_type, set()).add(vendor)
    return {name: frozenset(keys) for name, keys in found.items()}


def is_right(reading: Reading | None, wanted: Value, kind: Kind) -> bool:
    """Whether a reading is the wanted value; `wanted` of None means that absence is proven."""
    if reading is None:
        return False
    if wanted is None:
        return reading.state is ValueState.ABSENT
    return reading.state is ValueState.FOUND and same(kind, reading.value, wanted)


# --- rows ---


def _rows(
    recognition: Recognition | None,
    truth: Truth,
    types: Mapping[str, DocumentType],
    train_values: Mapping[str, frozenset[str]],
) -> list[Row]:
    spec = types.get(truth.document_type)
    if spec is None:
        return []
    matches = recognition is not None and recognition.document_type == truth.document_type
    readings = {r.field: r for r in recognition.readings} if recognition and matches else {}
    vendor = _vendor(truth, types)
    seen = vendor in train_values[truth.document_type] if vendor and truth.document_type in train_values else None
    wanted = {name: truth.values.get(name) for name in (*truth.values, *sorted(truth.absent))}
    return [_row(truth, spec.field(name), readings.get(name), value, seen) for name, value in wanted.items()]


def _row(truth: Truth, spec: FieldSpec, reading: Reading | None, wanted: Value, seen: bool | None) -> Row:
    exact = is_right(reading, wanted, spec.kind)
    return Row(
        document=truth.document,
        document_type=truth.document_type,
        field=spec.name,
        confidence=reading.confidence if reading else 0.0,
        answered=reading is not None and reading.state in (ValueState.FOUND, ValueState.ABSENT),
        given=reading is not None and reading.state is ValueState.FOUND,
        wanted=wanted is not None,
        exact=exact,
        fuzzy=exact or (reading is not None and _is_near(reading.value, wanted, spec.kind)),
        seen=seen,
        items=_items(reading, wanted, spec.kind) if isinstance(wanted, list) else None,
        said=reading.value if reading else None,
        label=wanted,
    )


def _with_causes(
    rows: Sequence[Row],
    pages: Mapping[str, Sequence[Page]],
    recognitions: Mapping[str, Recognition],
    types: Mapping[str, DocumentType],
) -> list[Row]:
    from extractor.measure.causes import Cause, Causes  # candidates: only where they are asked for

    causes_of = cache(lambda document, name: Causes(pages[document], types[name]))

    def cause(row: Row) -> str:
        if row.exact or row.document not in pages:
            return ""
        if recognitions[row.document].document_type != row.document_type:
            return Cause.TYPE.value
        spec = types[row.document_type].field(row.field)
        return str(causes_of(row.document, row.document_type).of(spec, row.said, row.label).value)

    return [replace(row, cause=cause(row)) for row in rows]


def _items(reading: Reading | None, wanted: list[str], kind: Kind) -> tuple[int, int, int]:
    given = reading.value if reading and isinstance(reading.value, list) else []
    hits = Counter(key(kind, value) for value in given) & Counter(key(kind, value) for value in wanted)
    return hits.total(), len(given), len(wanted)


def _is_near(value: Value, wanted: Value, kind: Kind) -> bool:
    if kind not in FUZZY_KINDS or not value or not wanted:
        return False
    if isinstance(value, str) and isinstance(wanted, str):
        return fuzz.ratio(key(kind, value), key(kind, wanted)) >= 100 * FUZZY
    if isinstance(value, list) and isinstance(wanted, list) and len(value) == len(wanted):
        pairs = zip(sorted(value, key=lambda v: key(kind, v)), sorted(wanted, key=lambda v: key(kind, v)), strict=True)
        return all(_is_near(a, b, kind) for a, b in pairs)
    return False


def _vendor(truth: Truth, types: Mapping[str, DocumentType]) -> str:
    spec = types.get(truth.document_type)
    vendor = vendor_field(spec) if spec else None
    return key(vendor.kind, truth.values.get(vendor.name)) if vendor else ""


def _normalised(label: Label, spec: FieldSpec, doctype: DocumentType | None) -> Value:
    texts = texts_of(label, [column.name for column in spec.columns])
    if isinstance(texts, list):
        return [label_value(spec.kind, text, doctype, spec) for text in texts]
    single = label_value(spec.kind, texts, doctype, spec)
    return [single] if spec.repeated or spec.kind is Kind.TABLE else single


# --- measures over rows ---


def scores(rows: Sequence[Row], thresholds: Mapping[float, float]) -> dict[str, Any]:
    """All measures of one group of rows. Coverage is a share of all its rows, also of those without an answer."""
    answered = [row for row in rows if row.answered]
    confidence, right = measures.arrays([(r.confidence, r.exact) for r in answered])
    everything = measures.arrays([(r.confidence if r.answered else -1.0, r.exact) for r in rows])
    counted = [row.items for row in rows if row.items]
    hits, given, wanted = (sum(counts[k] for counts in counted) for k in range(3))
    return {
        "n": len(rows),
        "exact_f1": _f1(rows, "exact"),
        "items_f1": measures.f1(hits, given - hits, wanted - hits) if counted else None,
        "fuzzy_f1": _f1(rows, "fuzzy"),
        "interval": measures.f1_interval(_counts(rows), np.random.default_rng(SEED)),
        "ece": measures.calibration_error(confidence, right),
        "ece_debiased": measures.debiased_calibration_error(confidence, right),
        "auroc": measures.auroc(confidence, right),
        "coverage": {f"{t:g}": _coverage(everything, t, thresholds.get(t)) for t in TARGETS},
    }


def _coverage(rows: tuple[measures.Floats, measures.Flags], target: float, threshold: float | None) -> dict[str, Any]:
    oracle = measures.best_coverage(*rows, target)
    fixed = measures.coverage_at(*rows, threshold) if threshold is not None else None
    return {
        "oracle": oracle.accepted,
        "threshold": threshold if threshold is not None and np.isfinite(threshold) else None,
        "accepted": fixed.accepted if fixed else None,
        "error": fixed.error if fixed else None,
    }


def _by_type(name: str, rows: Sequence[Row], thresholds: Mapping[float, float]) -> dict[str, Any]:
    mine = [row for row in rows if row.document_type == name]
    fields = list(dict.fromkeys(row.field for row in mine))
    return {
        "fields": {f: scores([row for row in mine if row.field == f], thresholds) for f in fields},
        "micro": scores(mine, thresholds),
        "seen": scores([row for row in mine if row.seen is True], thresholds),
        "unseen": scores([row for row in mine if row.seen is False], thresholds),
        "causes": dict(Counter(row.cause for row in mine if row.cause).most_common()),
    }


def _thresholds(pairs: Sequence[tuple[float, bool]]) -> dict[float, float]:
    confidence, right = measures.arrays(pairs)
    return {target: measures.promised_coverage(confidence, right, target).threshold for target in TARGETS}


def _f1(rows: Sequence[Row], judged: str) -> float:
    hits = sum(row.wanted and bool(getattr(row, judged)) for row in rows)
    given = sum(row.given for row in rows)
    wanted = sum(row.wanted for row in rows)
    return measures.f1(hits, given - hits, wanted - hits)


def _counts(rows: Sequence[Row]) -> Any:
    index = {document: k for k, document in enumerate(dict.fromkeys(row.document for row in rows))}
    counts = np.zeros((len(index), 3), dtype=np.int64)
    for row in rows:
        hit = row.wanted and row.exact
        counts[index[row.document]] += (hit, row.given and not hit, row.wanted and not hit)
    return counts


def _type_accuracy(recognitions: Mapping[str, Recognition], truths: Sequence[Truth]) -> float:
    hits = [
        truth.document in recognitions and recognitions[truth.document].document_type == truth.document_type
        for truth in truths
    ]
    return sum(hits) / max(len(hits), 1)


def _line(name: str, numbers: Mapping[str, Any]) -> str:
    low, high = numbers["interval"]
    cells = [f"{numbers['n']:>5} {numbers['exact_f1']:8.3f} {numbers['fuzzy_f1']:6.3f}  [{low:.3f}, {high:.3f}]"]
    cells += [f"{'-' if numbers[k] is None else format(numbers[k], '.3f'):>6}" for k in ("ece_debiased", "auroc")]
    for coverage in numbers["coverage"].values():
        if coverage["accepted"] is None:
            cells.append(f"{coverage['oracle']:9.0%}*")
        else:
            cells.append(f"{coverage['accepted']:4.0%}@{coverage['error']:5.1%}")
    return f"{name[:44]:44}" + " ".join(cells)
