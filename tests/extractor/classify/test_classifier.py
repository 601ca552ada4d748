"""The classifier tells types apart, knows what it does not know, and comes back from its parts as it was."""

from __future__ import annotations

import random

import numpy as np
import pytest

from extractor.classify.classifier import EXAMPLES_A_TYPE, UNKNOWN, TypeClassifier, TypeReport, examples_of, learn_types
from extractor.classify.features import BUCKETS, describe
from models.values import Page
from tests.extractor.fields.documents import page_of

WORDS = {
    "bill": [
        "total",
        "cash",
        "change",
        "tax",
        "table",
        "guest",
        "waiter",
        "soup",
        "tea",
        "invoice",
        "rounding",
        "tender",
        "items",
        "cashier",
    ],
    "letter": [
        "dear",
        "sincerely",
        "regards",
        "thank",
        "visit",
        "hope",
        "kind",
        "family",
        "weather",
        "travel",
        "wish",
        "soon",
        "yours",
        "friend",
    ],
    "form": [
        "name",
        "surname",
        "date",
        "birth",
        "signature",
        "applicant",
        "section",
        "officer",
        "approve",
        "reference",
        "tick",
        "box",
        "nationality",
    ],
    "report": [
        "figure",
        "results",
        "method",
        "analysis",
        "section",
        "table",
        "discussion",
        "sample",
        "mean",
        "error",
        "data",
        "study",
        "trend",
        "axis",
    ],
}


def document(kind: str, number: int) -> list[Page]:
    rng = random.Random(f"{kind}{number}")
    rows = [" ".join(rng.choices(WORDS[kind], k=5)) for _ in range(12)]
    rows.append(f"{kind[:2]}{rng.randint(100, 999)} {rng.randint(1, 99)}.{rng.randint(10, 99)}")
    return [page_of(rows)] * (2 if kind in ("report", "letter") else 1)


@pytest.fixture(scope="module")
def learned() -> tuple[TypeClassifier, TypeReport]:
    return learn_types(
        {kind: [describe(document(kind, n)) for n in range(14)] for kind in ("bill", "letter", "form")}, 1
    )


def test_new_documents_of_known_types_are_recognised(learned: tuple[TypeClassifier, TypeReport]) -> None:
    classifier, report = learned
    for kind in ("bill", "letter", "form"):
        guess = classifier.guess(document(kind, 99))
        assert guess.name == kind
        assert guess.confidence > 0.7
        assert guess.ranking[0][0] == kind
        assert len(guess.ranking) == 3
    assert report.accuracy > 0.9
    assert report.documents == 42
    assert {len(c) for c in report.confidences.values()} == {14}
    assert {len(r) for r in report.right.values()} == {14}
    assert sum(map(sum, report.right.values())) == pytest.approx(report.accuracy * 42)


def test_a_type_never_seen_is_unknown(learned: tuple[TypeClassifier, TypeReport]) -> None:
    guesses = [learned[0].guess(document("report", n)) for n in range(5)]
    assert [g.name for g in guesses].count(UNKNOWN) == 5
    assert set(learned[1].unknown_detected) == {"bill", "letter", "form"}


def test_a_blank_document_is_unknown(learned: tuple[TypeClassifier, TypeReport]) -> None:
    assert learned[0].guess([page_of([])]).name == UNKNOWN
    assert learned[0].guess([]).name == UNKNOWN


def test_parts_rebuild_the_same_classifier(learned: tuple[TypeClassifier, TypeReport]) -> None:
    parts = learned[0].to_parts()
    again = TypeClassifier.from_parts(parts)
    one, other = (c.guess(document("form", 77)) for c in (learned[0], again))
    assert one.name == other.name
    assert one.confidence == pytest.approx(other.confidence, abs=0.01)
    assert sum(array.nbytes for array in parts[0].values()) < 1_000_000


def test_the_same_seed_gives_the_same_classifier(learned: tuple[TypeClassifier, TypeReport]) -> None:
    examples = {kind: [describe(document(kind, n)) for n in range(14)] for kind in ("bill", "letter", "form")}
    again = learn_types(examples, 1)[0]
    assert all(
        np.array_equal(a, b)
        for a, b in zip(again.to_parts()[0].values(), learned[0].to_parts()[0].values(), strict=True)
    )


def test_a_type_can_be_added_from_the_kept_examples(learned: tuple[TypeClassifier, TypeReport]) -> None:
    known = examples_of(TypeClassifier.from_parts(learned[0].to_parts()))
    assert {name: len(rows) for name, rows in known.items()} == {"bill": 14, "letter": 14, "form": 14}
    known["report"] = [describe(document("report", n)) for n in range(14)]
    classifier = learn_types(known, 1)[0]
    assert classifier.guess(document("report", 50)).name == "report"
    assert classifier.guess(document("bill", 50)).name == "bill"


def test_no_more_examples_are_kept_than_the_cap() -> None:
    many = [describe(document("bill", n)) for n in range(EXAMPLES_A_TYPE + 20)]
    classifier, _ = learn_types({"bill": many, "letter": [describe(document("letter", n)) for n in range(5)]}, 1)
    assert len(examples_of(classifier)["bill"]) == EXAMPLES_A_TYPE


def test_one_type_alone_can_be_learned() -> None:
    classifier, report = learn_types({"bill": [describe(document("bill", n)) for n in range(3)]}, 1)
    assert classifier.names == ("bill",)
    assert report.unknown_detected == {}
    assert 0 <= classifier.guess(document("letter", 1)).confidence <= 1


def test_a_description_holds_no_text_and_counts_digits_as_digits() -> None:
    one, other = (describe([page_of([f"Room {n}"])]) for n in (17, 4711))
    assert np.array_equal(one.buckets, other.buckets)
    assert one.buckets.max() < BUCKETS


def test_words_never_seen_make_a_document_unfamiliar(learned: tuple[TypeClassifier, TypeReport]) -> None:
    familiarity = learned[0].familiarity
    own, other = familiarity.of([describe(document("bill", 60)), describe(document("report", 60))])
    bill = learned[0].names.index("bill")
    assert own[:, bill].min() > -3
    assert other[:, bill].max() < own[:, bill].min() - 2
    blank = familiarity.of([describe([page_of([])])])
    assert np.isfinite(blank).all()


def test_more_evidence_never_makes_a_type_less_likely(learned: tuple[TypeClassifier, TypeReport]) -> None:
    assert min(learned[0].calibration[1:]) >= 0
