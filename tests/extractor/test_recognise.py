"""Recognition: unknown types, types without examples, checks, and confidence that includes the type's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pytest

from extractor.doctypes import load_document_types
from extractor.fields.decisions import EVIDENCE
from extractor.fields.model import _calibrator_table, read_calibrator
from extractor.learn import LearnReport, NothingToLearn, learn
from extractor.recognise import IMPOSSIBLE, Recogniser, apply_checks, recognise
from models.doctype import DocumentType
from models.nets.bundle import Bundle
from models.nets.calibration import Calibrator
from models.values import Reading, ValueState
from tests.extractor.fields.documents import BILL, bill, page_of

TYPES = load_document_types() | {"bill": BILL}
AD_BUY = TYPES["ad_buy"]


def readings(**values: str) -> list[Reading]:
    return [Reading(name, ValueState.FOUND, value, value, 0.95) for name, value in values.items()]


def by_name(found: Sequence[Reading]) -> dict[str, Reading]:
    return {reading.field: reading for reading in found}


def test_a_failed_check_is_named_and_keeps_the_calibrated_confidence() -> None:
    found, problems = apply_checks(readings(flight_from="2020-03-09", flight_to="2020-03-02", advertiser="A"), AD_BUY)
    assert problems == ["check 'order' fails for flight_from, flight_to"]
    assert by_name(found)["flight_to"].provenance["failed_checks"] == ["order"]
    assert by_name(found)["flight_to"].confidence == 0.95
    assert by_name(found)["advertiser"].provenance == {}


def test_what_only_today_can_tell_caps_the_confidence() -> None:
    found, problems = apply_checks(readings(date="2031-01-01", company="A"), TYPES["receipt"], date(2024, 1, 1))
    assert by_name(found)["date"].confidence == IMPOSSIBLE
    assert by_name(found)["company"].confidence == 0.95
    assert problems == ["check 'not_in_future' fails for date"]


def test_an_empty_bundle_knows_no_type() -> None:
    recogniser = Recogniser.from_bundle(Bundle(), TYPES)
    found = recognise([page_of(["Total 3.00"])], recogniser)
    assert (found.document_type, found.readings) == ("unknown", ())
    assert found.model_version == Bundle().version


def test_a_type_without_examples_goes_to_people_entirely() -> None:
    recogniser = Recogniser.from_bundle(Bundle(), TYPES)
    found = recognise([page_of(["Invoice 7"])], recogniser, "invoice")
    assert found.document_type == "invoice"
    assert found.document_type_confidence == 1.0
    assert [r.field for r in found.readings] == [f.name for f in TYPES["invoice"].fields]
    assert {(r.state, r.value, r.confidence) for r in found.readings} == {(ValueState.NOT_FOUND, None, 0.0)}
    assert not recogniser.knows("invoice")


def test_a_type_that_does_not_exist_is_the_callers_mistake() -> None:
    with pytest.raises(KeyError, match="no document type 'poem'"):
        recognise([page_of(["x"])], Recogniser.from_bundle(Bundle(), TYPES), "poem")


Learned = tuple[Bundle, LearnReport]
COUNT = len(EVIDENCE)
OF_KEPT = Calibrator(np.full(COUNT, 0.25), np.full(COUNT, 2.0), np.ones(COUNT), 0.0, np.zeros(1), 200)


@pytest.fixture(scope="module")
def learned() -> Learned:
    """Learned once for all tests here, on a base that knows another type."""
    calibrator = _calibrator_table(OF_KEPT)
    base = Bundle({"types": {"kept": {}}}, {}, {}, {"fields/kept/calibrator": calibrator, "fields/bill/old": 1})
    return learn([bill(n) for n in range(10)], {"bill": BILL}, base, 3)


@pytest.fixture
def bundle(learned: Learned) -> Bundle:
    return learned[0]


def test_what_was_learned_is_read_with_and_without_the_type(bundle: Bundle) -> None:
    recogniser = Recogniser.from_bundle(bundle, TYPES)
    given = recognise(bill(40).pages, recogniser, "bill")
    assert {r.field for r in given.readings} == {f.name for f in BILL.fields}
    assert by_name(given.readings)["total"].state is ValueState.FOUND
    guessed = recognise(bill(40).pages, recogniser)
    if guessed.document_type == "bill":
        for one, other in zip(given.readings, guessed.readings, strict=True):
            assert other.confidence == pytest.approx(one.confidence * guessed.document_type_confidence)


def test_a_guessed_type_that_is_not_in_use_is_unknown(bundle: Bundle) -> None:
    without: dict[str, DocumentType] = {name: spec for name, spec in TYPES.items() if name != "bill"}
    assert recognise(bill(40).pages, Recogniser.from_bundle(bundle, without)).document_type == "unknown"


def test_learning_replaces_named_sections_and_keeps_the_others(learned: Learned) -> None:
    bundle, report = learned
    assert bundle.tables["fields/kept/calibrator"] == _calibrator_table(OF_KEPT)
    assert "fields/bill/old" not in bundle.tables
    assert set(bundle.meta["types"]) == {"kept", "bill"}
    assert bundle.meta["types"]["bill"]["documents"] == 10
    assert set(report.types) == {"bill"}
    assert len(report.rows) == 10
    assert report.cpu_seconds > 0
    assert set(report.as_dict()) == {"types", "classifier", "cpu_seconds", "readers", "rows"}
    assert {row.field for row in report.out_of_fold} == {f.name for f in BILL.fields}
    assert len(bundle.tables["out_of_fold/bill/rows"]) == len(report.out_of_fold)


def test_confidence_of_a_new_type_borrows_from_the_types_that_are_known(bundle: Bundle) -> None:
    fitted = read_calibrator(bundle.section("fields/bill/")[2]["calibrator"])
    assert fitted.mean == pytest.approx(OF_KEPT.mean)  # weighed in the units of the others, in which they are shrunk
    assert fitted.decisions == 10 * len(BILL.fields)
    assert fitted.weights[EVIDENCE.index("second")] == pytest.approx(1.0, abs=0.05)  # never varied here: as elsewhere


def test_a_bundle_holds_no_names_of_training_documents(bundle: Bundle) -> None:
    text = repr(bundle.tables) + repr(bundle.meta)
    assert not any(bill(n).id in text for n in range(10))


def test_nothing_to_learn_is_said() -> None:
    with pytest.raises(NothingToLearn, match="none of the 1 documents"):
        learn([bill(1)], {"receipt": TYPES["receipt"]}, None, 1)
