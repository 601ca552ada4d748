"""Invoices of sellers that nobody prepared the product for: types, values and confidence, every family held out whole.

`make bench-strangers` runs this over the invoices in COUNTERSIGN_REAL_DATA, without embedded XML. One learning as for
the bundle that ships: each family, each language and each layout is in one fold, read by scorers and judged by a
calibration that saw none of its documents. COUNTERSIGN_STRANGERS=all also reads the split dev: once a release.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import beta

from api.commands.many import setup_of, training_documents
from api.commands.reading import SEED
from extractor.classify.papers import Sample, held_out_logits, learn_judge
from extractor.classify.profile import profile
from extractor.doctypes import load_document_types
from extractor.fields import TrainingDocument, learn_fields
from extractor.measure.causes import Causes
from extractor.measure.manifest import Entry, read_manifest, read_manifests
from models.values import ValueState
from scripts.bundle import INVOICES, WORK, generated
from tests.bench.test_guarantee import tell

pytestmark = [pytest.mark.bench, pytest.mark.timeout(7200)]

ACCEPTED, MOST_WRONG = 0.9, 0.02
LEAST_TYPES, LEAST_EXACT, LEAST_ACCEPTED = 0.95, 0.80, 0.45


@dataclass(frozen=True)
class Value:
    """One value of one document as it was read by a model that knew nobody like it."""

    family: str
    document: str
    field: str
    confidence: float
    right: bool
    cause: str


def bound(wrong: int, n: int) -> float:
    """Upper end of the 95 % interval of a share (Clopper-Pearson, one side)."""
    return float(beta.ppf(0.95, wrong + 1, n - wrong)) if n > wrong else 1.0


def documents_of(entries: Sequence[Entry]) -> list[TrainingDocument]:
    return training_documents(
        entries, setup_of(None, None, None, WORK / "words", "rapidocr", needs_bundle=False, data=False), 1
    )


def cross_fitted(samples: Sequence[Sample], name: str, seed: int) -> NDArray[np.float64]:
    """The confidence of each sample by a judge that saw no sample of its group."""
    numbers = np.stack([sample.numbers for sample in samples]).astype(np.float64)
    right = np.array([s.document_type == name for s in samples], np.float64)
    judge = learn_judge(samples, numbers, name, seed)
    logits = judge.slope * held_out_logits(samples, numbers, right, seed) + judge.intercept
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))), np.float64)


def called_right(documents: Sequence[TrainingDocument], families: set[str]) -> dict[str, float]:
    """By document of `families` the confidence of a judge of types that saw none of its family."""
    samples = [Sample(d.document_type, d.group, profile(d.pages)) for d in documents]
    sure = cross_fitted(samples, "invoice", SEED)
    return {d.id: float(p) for d, p in zip(documents, sure, strict=True) if d.group in families}


def values_of(documents: Sequence[TrainingDocument], families: set[str]) -> list[Value]:
    spec = load_document_types(None)["invoice"]
    mine = [d for d in documents if d.document_type == "invoice"]
    model = learn_fields(mine, spec, SEED, lambda _step, _share: None, memory=False)
    by_id = {d.id: d for d in mine if d.group in families}
    causes = {name: Causes(d.pages, spec) for name, d in by_id.items()}
    found = []
    for row in model.oof:
        document = by_id.get(row.document)
        label = document.labels.get(row.field) if document else None
        if document and label and label.state is ValueState.FOUND:
            wanted = label.value
            cause = "" if row.correct else causes[document.id].of(spec.field(row.field), row.value, wanted).value
            found.append(Value(document.group, document.id, row.field, row.confidence, row.correct, cause))
    return found


def summed(values: Iterable[Value]) -> dict[str, float | int]:
    rows = list(values)
    accepted = [v for v in rows if v.confidence >= ACCEPTED]
    wrong = sum(not v.right for v in accepted)
    return {
        "n": len(rows),
        "exact": round(mean(v.right for v in rows), 3),
        "accepted": len(accepted),
        "wrong": wrong,
        "bound": round(bound(wrong, len(accepted)), 3),
    }


@pytest.mark.skipif("COUNTERSIGN_REAL_DATA" not in os.environ, reason="needs the real documents")
def test_families_never_seen_are_read_or_honestly_in_doubt() -> None:
    folder = Path(os.environ["COUNTERSIGN_REAL_DATA"])
    split = None if os.environ.get("COUNTERSIGN_STRANGERS") == "all" else "train"
    invoices = read_manifest(folder / "invoices" / "manifest.jsonl", split)
    families = {entry.group for entry in invoices}
    known = [folder / name / "manifest.jsonl" for name in ("receipts", "adbuy", "nda")]
    others = read_manifests(known, "train")
    made = [entry for manifest in generated(WORK, INVOICES) for entry in read_manifest(manifest)]
    documents = documents_of([*invoices, *others, *made])
    types = called_right(documents, families)
    values = values_of(documents, families)
    fields, by_family = defaultdict(list), defaultdict(list)
    for value in values:
        fields[value.field].append(value)
        by_family[value.family].append(value)
    tell("strangers_by_family", **{name: summed(rows) for name, rows in sorted(by_family.items())})
    tell("strangers_by_field", **{name: summed(rows) for name, rows in fields.items()})
    whole = summed(values)
    right_type = mean(p >= 0.5 for p in types.values())
    doubtful = sum(p < 0.5 for p in types.values())
    tell(
        "strangers",
        types_right=round(right_type, 3),
        types_in_doubt=doubtful,
        families=len(families),
        mean_exact_of_families=round(mean(mean(v.right for v in rows) for rows in by_family.values()), 3),
        causes=dict(Counter(v.cause for v in values if not v.right)),
        **whole,
    )
    assert right_type >= LEAST_TYPES
    assert whole["wrong"] <= MOST_WRONG * whole["accepted"]
    assert whole["accepted"] >= LEAST_ACCEPTED * whole["n"]
    assert mean(v.right for v in values if v.field != "line_items") >= LEAST_EXACT
