"""Sums of amounts by their roles, firms as first lines of addresses, and numbers that fill their word."""

from __future__ import annotations

import numpy as np

from extractor.doctypes import load_document_types
from extractor.fields.layout import lay_out
from extractor.fields.scoring.features import BASE, make_scene
from extractor.fields.scoring.relations import LATER, sum_strength
from models.doctype import Kind
from tests.extractor.fields.documents import page_of

INVOICE = load_document_types()["invoice"]


def later(rows: list[str], kind: Kind) -> dict[str, list[float]]:
    """What came later of the relations, by value."""
    table = make_scene([page_of(rows)], INVOICE).tables[kind]
    numbers = table.numbers[:, BASE : BASE + LATER]
    return {table.keys[v]: numbers[n].tolist() for n, v in enumerate(table.value)}


def test_net_tax_and_total_are_known_by_their_sum_and_the_printed_rate() -> None:
    found = later(["Shovel   70.00", "Rake   30.00", "Net   100.00", "VAT 20 %   20.00", "Due   120.00"], Kind.MONEY)
    assert found["100"][:3] == [2.0, 0.0, 0.0]
    assert found["120"][2] == 2.0
    assert found["20"][1] == 2.0


def test_a_sum_at_no_printed_rate_is_weaker() -> None:
    found = later(["100.00", "13.00", "113.00"], Kind.MONEY)
    assert [found[key][place] for place, key in enumerate(("100", "13", "113"))] == [1.0, 1.0, 1.0]


def test_a_firm_stands_over_its_address_and_is_like_its_domain() -> None:
    rows = [
        "Brookdale Tools Ltd",
        "12 High Street",
        "12345 Quarry",
        "",
        "www.brookdale.example",
        "Shovels and rakes" + " " * 60 + "x",
    ]
    found = later(rows, Kind.NAME)
    domain, legal_form, town, opens, _ = found["BROOKDALETOOLSLTD"]
    assert (domain, legal_form, opens) == (1.0, 1.0, 1.0)
    assert town > 0
    assert found["SHOVELSANDRAKES"][:3] == [0.0, 0.0, 0.0]


def test_a_number_that_fills_its_word_is_told_from_its_parts() -> None:
    found = later(["Invoice RE-20140703/502"], Kind.IDENTIFIER)
    assert found["RE20140703502"][0] == 1.0
    assert {key: numbers[0] for key, numbers in found.items() if key != "RE20140703502"} == dict.fromkeys(
        found.keys() - {"RE20140703502"}, 0.0
    )


def test_the_strength_of_a_papers_sums() -> None:
    def strength(*rows: str) -> float:
        return sum_strength(lay_out([page_of(rows)]))

    assert strength("100.00", "20.00", "120.00", "20 %") == 2.0
    assert strength("100,00", "20,00", "120,00") == 1.0
    assert strength("100.00", "50.00") == 0.0
    assert np.isfinite(strength("none"))
