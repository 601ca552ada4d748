"""Values of several fields are chosen together where a check of their type binds them."""

from __future__ import annotations

import numpy as np

from extractor.doctypes import load_document_types
from extractor.fields.scoring.features import make_scene
from extractor.fields.scoring.together import Ranking, settle_together
from models.doctype import DocumentType
from tests.extractor.fields.documents import page_of

INVOICE = load_document_types()["invoice"]
ROWS = ("Acme Ltd", "Brook Inc", "Net   100.00", "VAT   20.00", "Total   120.00", "Paid   70.00", "1/5/2026   1/4/2026")


def ranking(doctype: DocumentType, name: str, scores: dict[str, float]) -> Ranking:
    """A ranking of `name` in which the values have these scores."""
    field = doctype.field(name)
    table = make_scene([page_of(ROWS)], doctype).tables[field.kind]
    keys = sorted(scores, key=lambda key: -scores[key])
    found = [table.keys.index(key) for key in keys]
    best = np.array([int(np.flatnonzero(table.value == n)[0]) for n in found], np.int64)
    score = np.array([scores[key] for key in keys], np.float32)
    return Ranking(field, keys, best, score, score, score, score, (-9.0, -9.0, -9.0), table)


def first(rankings: dict[str, Ranking]) -> dict[str, str]:
    return {name: found.keys[0] for name, found in rankings.items()}


def settled(scores: dict[str, dict[str, float]]) -> dict[str, Ranking]:
    check = tuple(c for c in INVOICE.checks if set(c.fields) <= set(scores))
    spec = INVOICE.model_copy(update={"checks": check})
    return settle_together({name: ranking(spec, name, of) for name, of in scores.items()}, spec, {})


def test_amounts_that_add_up_come_before_a_likelier_one_that_does_not() -> None:
    found = settled(
        {
            "net": {"100": -0.1},
            "tax": {"70": -0.6, "20": -1.2},
            "total": {"120": -0.1},
        }
    )
    assert first(found) == {"net": "100", "tax": "20", "total": "120"}
    assert found["tax"].settled
    assert not found["net"].settled


def test_a_value_that_is_much_likelier_stays() -> None:
    found = settled({"net": {"100": -0.1}, "tax": {"70": -0.1, "20": -6.0}, "total": {"120": -0.1}})
    assert first(found)["tax"] == "70"


def test_who_sells_does_not_buy() -> None:
    found = settled({"seller": {"ACMELTD": -0.1}, "buyer": {"ACMELTD": -0.5, "BROOKINC": -1.0}})
    assert first(found) == {"seller": "ACMELTD", "buyer": "BROOKINC"}


def test_an_invoice_is_not_due_before_it_is_written() -> None:
    found = settled(
        {
            "issue_date": {"2026-04-01": -0.4, "2026-05-01": -0.3},
            "due_date": {"2026-04-01": -0.3, "2026-05-01": -3.0},
        }
    )
    assert first(found) == {"issue_date": "2026-04-01", "due_date": "2026-04-01"}
