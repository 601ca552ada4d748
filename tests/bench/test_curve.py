"""What a few invoices of one's own add to a bundle that never saw a real one, on sellers that nobody has seen.

`make bench-curve` learns a bundle from generated invoices alone, then on top of it from 10, 25 and all real ones of two
families of sellers of the train split in COUNTERSIGN_REAL_DATA, and reads the two other families; then the other way
round. Beside it the same real ones alone (`--replace`). Without embedded XML and without a memory of vendors.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from api.commands.many import setup_of, training_documents
from api.commands.reading import SEED
from extractor import kinds
from extractor.doctypes import load_document_types
from extractor.fields import TrainingDocument
from extractor.fields.labels import normalised
from extractor.learn import learn
from extractor.measure.manifest import Entry, read_manifest
from extractor.recognise import Recogniser, recognise
from models.nets.bundle import Bundle
from models.values import ValueState
from scripts.bundle import INVOICES, WORK, generated
from tests.bench.test_guarantee import tell
from tests.bench.test_strangers import ACCEPTED, bound

pytestmark = [pytest.mark.bench, pytest.mark.timeout(10_800)]

SIZES = (10, 25, 1_000)
CACHE = Path(os.environ.get("COUNTERSIGN_WORDS", WORK / "words"))


def read_documents(entries: Sequence[Entry]) -> list[TrainingDocument]:
    return training_documents(entries, setup_of(None, None, None, CACHE, "rapidocr", needs_bundle=False, data=False), 1)


def figures(bundle: Bundle, documents: Sequence[TrainingDocument]) -> tuple[int, int, int, int, int]:
    """Documents called an invoice; values, and those right, accepted, and wrong among these, with the type told."""
    spec = load_document_types(None)["invoice"]
    recogniser = Recogniser.from_bundle(bundle, {"invoice": spec})
    called = values = right = accepted = wrong = 0
    for document in documents:
        guess = recogniser.guess_type(document.pages)
        called += guess.name == "invoice" and guess.confidence >= 0.5
        found = {r.field: r for r in recognise(document.pages, recogniser, "invoice", document.image_of).readings}
        for field in spec.fields:
            label = document.labels.get(field.name)
            if label is None or label.state is not ValueState.FOUND:
                continue
            wanted = normalised(label, field, spec)
            reading = found[field.name]
            is_list = field.repeated or isinstance(label.value, list)
            same = kinds.same(field.kind, reading.value, wanted if is_list else wanted[0])
            sure = reading.state is ValueState.FOUND and reading.confidence >= ACCEPTED
            values, right, accepted, wrong = values + 1, right + same, accepted + sure, wrong + (sure and not same)
    return called, values, right, accepted, wrong


@pytest.mark.skipif("COUNTERSIGN_REAL_DATA" not in os.environ, reason="needs the real documents")
def test_a_few_documents_add_to_what_a_bundle_knew() -> None:
    types = {"invoice": load_document_types(None)["invoice"]}
    folder = Path(os.environ["COUNTERSIGN_REAL_DATA"])
    real = read_documents(read_manifest(folder / "invoices" / "manifest.jsonl", "train"))
    made = read_documents([entry for manifest in generated(WORK, INVOICES) for entry in read_manifest(manifest)])
    base = learn(made, types, None, SEED, memory=False)[0]
    families = sorted({document.group for document in real})
    halves = [set(families[::2]), set(families[1::2])]
    taught = [[d for d in real if d.group in half] for half in halves]
    ways: list[tuple[str, int, Callable[[Sequence[TrainingDocument]], Bundle]]] = [("before", 0, lambda _some: base)]
    for size in SIZES:
        ways.append(("added", size, lambda some: learn(some, types, base, SEED, memory=False)[0]))
        ways.append(("alone", size, lambda some: learn(some, types, base, SEED, memory=False, replacing=True)[0]))
    exact = {}
    for way, size, made_by in ways:
        sums = [0] * 5
        for own, others in (taught, taught[::-1]):
            every = own[:: max(1, len(own) // size)][:size] if size else []
            sums = [a + b for a, b in zip(sums, figures(made_by(every), others), strict=True)]
        called, values, right, accepted, wrong = sums
        exact[way, size] = right / values
        tell(
            "curve",
            way=way,
            documents="all" if size == SIZES[-1] else size,
            types=f"{called} of {len(real)}",
            exact=round(right / values, 3),
            accepted=round(accepted / values, 3),
            wrong=f"{wrong} of {accepted}",
            bound=round(bound(wrong, accepted), 3),
        )
    for size in SIZES:
        assert exact["added", size] >= max(exact["alone", size], exact["before", 0]) - 0.02
