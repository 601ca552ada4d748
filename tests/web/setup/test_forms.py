"""Forms of the set-up pages without a browser: what a form makes of a type and of a policy."""

from __future__ import annotations

import pytest

from api.web.setup.policies import policy_of_form
from api.web.setup.types import spec_of_form
from hitl.workspace.policy import AuditRates, Policy


def test_a_form_becomes_a_document_type():
    form = {
        "name": "note", "label": "Note", "error_target": "1,5 %", "f0.name": "total", "f0.kind": "money",
        "f0.required": "yes", "f1.name": "",
        "f2.name": "lines", "f2.kind": "table", "f2.columns": "what: line, price: money",
        "f3.name": "gone", "f3.kind": "line", "f3.remove": "yes", "c0.kind": "order", "c0.fields": "a, b",
    }  # fmt: skip
    spec = spec_of_form(form)
    assert spec["error_target"] == pytest.approx(0.015)
    assert [field["name"] for field in spec["fields"]] == ["total", "lines"]
    assert spec["fields"][1]["columns"] == [{"name": "what", "kind": "line"}, {"name": "price", "kind": "money"}]
    assert spec["checks"] == [{"kind": "order", "fields": ["a", "b"]}]


def test_an_empty_share_in_the_policy_form_keeps_what_was():
    before = Policy(classification_threshold=0.8, review_budget=0.25, audit_rate=AuditRates(review=0.1, fresh=0.4))
    after = policy_of_form(
        before, {"fixed_threshold": "0", "audit_accept": "20", "audit_elsewhere": "3", "single_operator": "yes"}
    )
    assert (after.classification_threshold, after.review_budget, after.fixed_threshold) == (0.8, 0.25, 0.0)
    assert after.audit_rate == AuditRates(accept=0.2, review=0.1, fresh=0.4, elsewhere=0.03)
    assert after.single_operator
