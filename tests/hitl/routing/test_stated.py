"""A reading of which the file says something else goes to people, however sure it is; the reason keeps no value."""

from __future__ import annotations

from dataclasses import asdict

from hitl.routing.rules import Claim, Context, reasons_for
from hitl.workspace.policy import Policy
from models.doctype import FieldSpec, Kind
from models.values import ValueState


def reasons(*agrees: bool) -> list[str]:
    notes = tuple(
        {"source": "xml", "origin": "factur-x.xml", "value": "9305.20", "agrees": one, "read": "1305.20"}
        for one in agrees
    )
    claim = Claim(ValueState.FOUND, "1305.20", 0.999, stated=notes)
    context = Context(FieldSpec(name="total", kind=Kind.MONEY), Policy(), 0.9, "fixed")
    found = reasons_for(claim, context)
    assert "305.20" not in str([asdict(reason) for reason in found])
    return [reason.rule for reason in found]


def test_a_difference_between_file_and_print_is_a_reason_of_its_own() -> None:
    assert reasons(False) == ["file_and_print_differ"]
    assert reasons(True, False) == ["file_and_print_differ"]


def test_agreement_is_no_reason() -> None:
    assert reasons() == []
    assert reasons(True) == []
