"""Learning on top of what a bundle knew: few documents of one's own add to it, and none is learned from twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from extractor.effort import spending
from extractor.fields import FieldModel, Label, TrainingDocument
from extractor.growth import FEWEST, MARK, ground, mark
from extractor.learn import learn
from models.nets.bundle import Bundle
from models.values import ValueState
from tests.extractor.fields.documents import BILL, bill

SECTION = "fields/bill/"
TYPES = {"bill": BILL}
GIVEN, OWN, FRESH = range(40), range(100, 108), range(200, 230)


@pytest.fixture(scope="module")
def quick() -> Iterator[None]:
    with spending(trees=30, folds=3, first_steps=50, steps_per_document=1):
        yield


@pytest.fixture(scope="module")
def given(quick: None) -> Bundle:
    """A bundle that was given away."""
    return learn([bill(n) for n in GIVEN], TYPES, None, 1, memory=False)[0]


@pytest.fixture(scope="module")
def own(given: Bundle) -> Bundle:
    """Eight documents of one's own on top of it."""
    return learn([bill(n) for n in OWN], TYPES, given, 1)[0]


def right(bundle: Bundle) -> int:
    """Values read right on documents that nobody has seen."""
    model = FieldModel.from_parts(*bundle.section(SECTION))
    found = 0
    for document in (bill(n) for n in FRESH):
        for reading in model.read(document.pages):
            label = document.labels[reading.field]
            assert label is not None
            found += reading.state is label.state and reading.value == label.value
    return found


def test_few_documents_add_to_what_the_bundle_knew(given: Bundle, own: Bundle, tmp_path: Path) -> None:
    alone = learn([bill(n) for n in OWN], TYPES, given, 1, replacing=True)[0]
    assert FieldModel.from_parts(*alone.section(SECTION)).scorers.before is None
    own.save(tmp_path)
    again = Bundle.load(tmp_path)
    model = FieldModel.from_parts(*again.section(SECTION))
    assert model.scorers.before is not None
    assert 0 < model.scorers.share < 1
    assert right(again) > right(alone)
    assert right(again) >= right(given) - len(FRESH) // 10


def test_a_retraining_keeps_what_was_given_and_reads_all_its_documents(own: Bundle) -> None:
    more = [bill(n) for n in (*OWN, *range(108, 112))]
    found = ground(more, BILL, own, replacing=False)
    assert found.documents == more  # also those that the last training knew
    before = FieldModel.from_parts(*own.section(SECTION)).scorers.before
    assert before is not None
    assert found.before is not None
    assert found.before.scorers.absences == before.absences  # what was given, not what was learned on it


def test_documents_that_the_given_bundle_knows_teach_nothing_again(given: Bundle) -> None:
    known = [bill(n) for n in GIVEN][:10]
    bundle, report = learn(known, TYPES, given, 1)
    assert report.types["bill"].documents == 0
    assert report.types["bill"].known == len(known)
    assert bundle.section(SECTION)[0].keys() == given.section(SECTION)[0].keys()
    assert bundle.meta["types"]["bill"] == given.meta["types"]["bill"]
    some = ground([*known, *(bill(n) for n in OWN)], BILL, given, replacing=False)
    assert (len(some.documents), some.known) == (len(OWN), len(known))
    few = ground([*known, *(bill(n) for n in OWN[: FEWEST - 1])], BILL, given, replacing=False)
    assert few.stays


def test_what_a_workspace_learned_with_a_memory_is_no_ground(quick: None) -> None:
    documents = [bill(n) for n in range(12)]
    workspace = learn(documents, TYPES, None, 1)[0]
    assert ground(documents, BILL, workspace, replacing=False).before is None
    assert ground([bill(n) for n in OWN], BILL, workspace, replacing=False).before is None  # or with other labels


def test_another_set_of_fields_begins_anew(given: Bundle) -> None:
    fewer = BILL.model_copy(update={"fields": BILL.fields[:-1]})
    assert ground([bill(n) for n in OWN], fewer, given, replacing=False).before is None


def test_a_mark_tells_documents_again_and_gives_no_value_away() -> None:
    first = bill(1)
    assert mark(first) == mark(replace(first, pages=(), id="elsewhere"))
    assert mark(first) < 2**MARK
    other = TrainingDocument("x", "x", "bill", (), first.labels | {"seller": Label(ValueState.FOUND, "Sun Market")})
    assert mark(other) != mark(first)
