"""Each validator and check holds, fails, or cannot tell."""

from __future__ import annotations

from datetime import date

import pytest

from extractor.checks import CHECKS, VALIDATORS, Failure, find_failures, unknown_names
from models.doctype import Check, DocumentType, FieldSpec, Kind

TODAY = date(2024, 5, 1)


@pytest.mark.parametrize(
    ("name", "value", "answer"),
    [
        ("not_in_future", "2024-05-01", True),
        ("not_in_future", "2024-05-02", False),
        ("not_in_future", "1.5.2024", None),
        ("not_negative", "0.00", True),
        ("not_negative", "-1.00", False),
        ("not_negative", "ten", None),
        ("iban", "DE89 3704 0044 0532 0130 00", True),
        ("iban", "DE88370400440532013000", False),
        ("iban", "370400440532013000", False),
        ("luhn", "4539 1488 0343 6467", True),
        ("luhn", "4539 1488 0343 6466", False),
        ("luhn", "4", None),
        ("has_digit", "A-7", True),
        ("has_digit", "A", False),
    ],
)
def test_validators(name: str, value: str, answer: bool | None) -> None:
    assert VALIDATORS[name](value, TODAY) is answer


@pytest.mark.parametrize(
    ("name", "values", "answer"),
    [
        ("order", ["2020-01-01", "2020-01-01"], True),
        ("order", ["2020-01-02", "2020-01-01"], False),
        ("order", ["2020-01-02", None], None),
        ("order", ["2020-01-02", None, "2020-01-01"], False),
        ("sum", ["10.00", "1.90", "11.90"], True),
        ("sum", ["10.00", "1.90", "11.92"], True),
        ("sum", ["10.00", "1.90", "11.93"], False),
        ("sum", ["10.00", None, "11.93"], None),
        ("not_more_than", ["1.00", "2.00"], True),
        ("not_more_than", ["3.00", "2.00"], False),
        ("not_more_than", ["3.00", None], None),
        ("different", ["Acme Ltd", "Brook Inc"], True),
        ("different", ["Acme Ltd", "ACME LTD."], False),
        ("different", ["Acme Ltd", None], None),
    ],
)
def test_checks(name: str, values: list[str | None], answer: bool | None) -> None:
    assert CHECKS[name](values) is answer


def test_every_table_entry_is_tried_here() -> None:
    marks = [mark for test in (test_validators, test_checks) for mark in test.pytestmark]  # type: ignore[attr-defined]
    tried = {case[0] for mark in marks for case in mark.args[1]}
    assert tried == set(VALIDATORS) | set(CHECKS)


def test_without_today_the_future_is_no_failure() -> None:
    assert VALIDATORS["not_in_future"]("2999-01-01", None) is None


SPEC = DocumentType(
    name="bill",
    label="Bill",
    fields=(
        FieldSpec(name="start", kind=Kind.DATE, validators=("not_in_future",)),
        FieldSpec(name="end", kind=Kind.DATE),
        FieldSpec(name="ibans", kind=Kind.IDENTIFIER, repeated=True, validators=("iban",)),
    ),
    checks=(Check(kind="order", fields=("start", "end")),),
)


def test_failures_name_rule_and_fields_in_the_order_of_the_file() -> None:
    values = {"start": "2025-01-01", "end": "2024-01-01", "ibans": ["DE89370400440532013000", "DE00"]}
    failures = find_failures(values, SPEC, TODAY)
    assert failures == (
        Failure("not_in_future", ("start",)),
        Failure("iban", ("ibans",)),
        Failure("order", ("start", "end")),
    )
    assert str(failures[2]) == "check 'order' fails for start, end"


def test_missing_values_break_nothing() -> None:
    assert find_failures({"start": None, "ibans": []}, SPEC, TODAY) == ()


def test_unknown_names_are_listed() -> None:
    field = FieldSpec(name="a", kind=Kind.LINE, validators=("no_such",))
    spec = DocumentType(name="x", label="X", fields=(field,), checks=(Check(kind="nor_this", fields=("a",)),))
    assert unknown_names(spec) == ["no_such", "nor_this"]
    assert unknown_names(SPEC) == []
