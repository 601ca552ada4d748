"""How a document writes is inferred from its own words; what they do not show is not known."""

from __future__ import annotations

import pytest

from extractor.doctypes import load_document_types
from extractor.locales import countries, infer_locale

INVOICE = load_document_types()["invoice"]
RECEIPT = load_document_types()["receipt"]


@pytest.mark.parametrize(
    ("text", "order", "mark", "currency"),
    [
        ("Date 03/04/2026\nABN 51 824 753 556, Geelong VIC 3220\nTotal AUD $1,100.00", "DMY", ".", "AUD"),
        ("Date 03/04/2026\nAlbany, NY 12207, USA\nTotal $1,100.00", "MDY", ".", "USD"),
        ("Date 03/04/2026, due 04/25/2026\nTotal 1,100.00", "MDY", ".", ""),
        ("Datum 03/04/2026\nUSt-IdNr. DE123456789\nSumme 1.100,00 €", "DMY", ",", "EUR"),
        ("Date 03/04/2026\nTel. +61 3 9999 1111\nTotal $11.00", "DMY", ".", "AUD"),
        ("Date 03/04/2026\nIBAN GB33 BUKB 2020 1555 5555 55\nTotal £11.00", "DMY", ".", "GBP"),
        ("March 4, 2026\nDue 04/03/2026\nTotal 1,100.00", "MDY", ".", ""),
        ("Rechnung\nTotal CHF 2\u2019400.00", "DMY", ".", "CHF"),
    ],
)
def test_the_page_decides(text: str, order: str, mark: str, currency: str) -> None:
    locale = infer_locale(text, INVOICE)
    assert (locale.date_order, locale.decimal_mark, locale.currency) == (order, mark, currency)
    assert locale.knows_order
    assert locale.knows_mark


def test_where_nothing_decides_nothing_is_known() -> None:
    locale = infer_locale("Date 03/04/2026\nTotal $1100", INVOICE)  # many countries have a dollar
    assert (locale.knows_order, locale.knows_mark, locale.currency) == (False, False, "")


def test_countries_that_write_differently_decide_nothing() -> None:
    text = "Date 03/04/2026\nAlbany, NY 12207, USA\nBill to: Bristol, United Kingdom"
    assert set(countries(text)) == {"US", "GB"}
    assert not infer_locale(text, INVOICE).knows_order


def test_a_type_of_one_country_is_believed() -> None:
    locale = infer_locale("Date 04/25/2026, total 1.234,00", RECEIPT)
    assert (locale.date_order, locale.decimal_mark, locale.knows_order) == ("DMY", ".", True)
