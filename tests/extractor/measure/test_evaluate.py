"""What counts as right, what is not scored, and how the groups are cut."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from extractor.doctypes import load_document_types
from extractor.measure.evaluate import EvaluationReport, Truth, evaluate, is_right, truth_of, vendor_keys
from extractor.measure.manifest import Entry
from models.doctype import Kind
from models.values import Reading, Recognition, ValueState

TYPES = load_document_types()


def found(field: str, value: str | list[str], confidence: float = 0.9) -> Reading:
    return Reading(field, ValueState.FOUND, value, str(value), confidence)


def silent(field: str, state: ValueState, confidence: float = 0.5) -> Reading:
    return Reading(field, state, None, None, confidence)


def said(name: str, *readings: Reading) -> Recognition:
    return Recognition(name, 0.99, readings, "b-1")


def judged(recognition: Recognition | None, truth: Truth) -> EvaluationReport:
    return evaluate({truth.document: recognition} if recognition else {}, [truth], TYPES)


RECEIPT = Truth("r1", "receipt", {"company": "ACME SDN BHD", "date": "2018-05-19", "total": "52.80"})


def test_right_values_by_kind_and_unlabelled_fields_unscored() -> None:
    readings = [
        found("company", "Acme Sdn. Bhd."),
        found("date", "2018-05-19"),
        found("total", "52.80"),
        found("address", "x"),
    ]
    report = judged(said("receipt", *readings), RECEIPT)
    assert {row.field for row in report.rows} == {"company", "date", "total"}
    assert report.numbers["micro"]["exact_f1"] == 1.0
    assert report.numbers["type_accuracy"] == 1.0


def test_a_near_name_is_fuzzy_and_a_near_amount_is_wrong() -> None:
    readings = [found("company", "ACME SDN BHO"), found("date", "2018-05-19"), found("total", "52.30")]
    rows = {row.field: row for row in judged(said("receipt", *readings), RECEIPT).rows}
    assert (rows["company"].exact, rows["company"].fuzzy) == (False, True)
    assert (rows["total"].exact, rows["total"].fuzzy) == (False, False)


@pytest.mark.parametrize("recognition", [None, said("nda", found("party", ["A"])), said("unknown")])
def test_a_wrong_type_or_no_answer_makes_all_fields_wrong(recognition: Recognition | None) -> None:
    report = judged(recognition, RECEIPT)
    assert not any(row.exact or row.given for row in report.rows)
    assert report.numbers["micro"]["exact_f1"] == 0.0
    assert report.numbers["type_accuracy"] == 0.0


def test_a_list_is_right_as_a_multiset() -> None:
    truth = Truth("n", "nda", {"party": ["B Inc.", "A Ltd"]})
    assert judged(said("nda", found("party", ["A LTD", "B INC"])), truth).rows[0].exact
    short = judged(said("nda", found("party", ["A LTD"])), truth)
    assert not short.rows[0].exact
    assert short.numbers["types"]["nda"]["fields"]["party"]["items_f1"] == pytest.approx(2 / 3)
    assert "party: F1 of its items 0.667" in short.table()
    assert judged(said("nda", found("party", ["A Ltd", "B Ync."])), truth).rows[0].fuzzy is False
    near = Truth("n", "nda", {"party": ["B Inc", "Alpha Holding Ltd"]})
    assert judged(said("nda", found("party", ["Alpha Holdings Ltd", "B Inc."])), near).rows[0].fuzzy


def test_absence_is_right_only_when_said() -> None:
    truth = Truth("n", "nda", {}, frozenset({"term"}))
    right = judged(said("nda", silent("term", ValueState.ABSENT)), truth)
    assert right.rows[0].exact
    assert right.rows[0].answered
    assert not right.rows[0].wanted
    unsure = judged(said("nda", silent("term", ValueState.NOT_FOUND)), truth)
    assert not unsure.rows[0].exact
    assert not unsure.rows[0].answered
    assert is_right(silent("term", ValueState.ABSENT), None, Kind.LINE)
    assert not is_right(silent("term", ValueState.ABSENT), "2 years", Kind.LINE)


def test_f1_counts_missing_and_wrong_values() -> None:
    readings = [found("company", "Other"), found("date", "2018-05-19"), silent("total", ValueState.NOT_FOUND, 0.0)]
    report = judged(said("receipt", *readings), RECEIPT)
    assert report.numbers["micro"]["exact_f1"] == pytest.approx(2 * 1 / (2 * 1 + 1 + 2))


def test_labels_are_normalised_in_the_order_of_the_type() -> None:
    entry = Entry(
        Path("a"), "a", "receipt", "dev", {"date": "05/03/18", "total": "RM 1,052.8", "other": "x"}, frozenset()
    )
    assert truth_of(entry, TYPES).values == {"date": "2018-03-05", "total": "1052.80"}
    entry = Entry(Path("a"), "a", "ad_buy", "dev", {"flight_from": "05/03/18", "flight_to": "9/99/20"}, frozenset())
    assert truth_of(entry, TYPES).values == {"flight_from": "2018-05-03", "flight_to": "9/99/20"}


def test_seen_and_unseen_vendors_are_told_apart() -> None:
    train = vendor_keys([Truth("t", "receipt", {"company": "Acme Sdn Bhd"})], TYPES)
    other = Truth("r2", "receipt", {"company": "Else", "total": "1.00"})
    answers = {
        "r1": said("receipt", found("company", "ACME SDN BHD"), found("date", "2018-05-19"), found("total", "52.80")),
        "r2": said("receipt", found("company", "Wrong"), found("total", "2.00")),
    }
    group = evaluate(answers, [RECEIPT, other], TYPES, train).numbers["types"]["receipt"]
    assert (group["seen"]["n"], group["seen"]["exact_f1"]) == (3, 1.0)
    assert (group["unseen"]["n"], group["unseen"]["exact_f1"]) == (2, 0.0)


def test_thresholds_come_from_the_training_folds() -> None:
    folds = {"receipt": [(0.995, True)] * 200 + [(0.6, False)] * 50}
    answers = {
        "r1": said(
            "receipt", found("company", "Wrong", 0.996), found("date", "2018-05-19", 0.996), found("total", "1", 0.7)
        )
    }
    coverage = evaluate(answers, [RECEIPT], TYPES, out_of_fold=folds).numbers["types"]["receipt"]["micro"]["coverage"][
        "0.01"
    ]
    assert coverage["threshold"] == 0.995
    assert coverage["accepted"] == pytest.approx(2 / 3)
    assert coverage["error"] == pytest.approx(1 / 2)


def test_the_report_is_a_table_and_plain_json() -> None:
    report = judged(said("receipt", found("company", "Acme Sdn Bhd")), RECEIPT)
    assert "receipt.company" in report.table()
    assert "document types right: 1.0000 of 1" in report.table()
    assert json.loads(json.dumps(report.to_json()))["rows"][0]["field"] == "company"
