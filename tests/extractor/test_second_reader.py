"""The second reader reads one value, and says nothing where nothing is."""

from __future__ import annotations

import numpy as np
import pytest

from extractor.doctypes import load_document_types
from extractor.second_reader import agrees, lines_in, percentiles, second_reading
from models.values import Box
from tests.extractor import pages

IMAGE = pages.bgr(pages.picture())
HEIGHT, WIDTH = IMAGE.shape[:2]


def box(first: int, last: int) -> Box:
    return Box(75 / WIDTH, (62 + 70 * first) / HEIGHT, 700 / WIDTH, (96 + 70 * last) / HEIGHT)


@pytest.mark.parametrize("n", range(len(pages.LINES)))
def test_it_reads_one_line(n: int) -> None:
    text, confidence = second_reading(IMAGE, box(n, n))
    assert text == pages.LINES[n]
    assert 0.8 < confidence <= 1


def test_it_reads_a_value_of_several_lines_as_one() -> None:
    assert second_reading(IMAGE, box(0, 2))[0] == " ".join(pages.LINES[:3])


@pytest.mark.parametrize("empty", [Box(0.9, 0.1, 0.99, 0.15), Box(0.5, 0.5, 0.5, 0.5), Box(0, 0, 0, 0)])
def test_where_nothing_is_it_says_nothing(empty: Box) -> None:
    assert second_reading(IMAGE, empty) == ("", 0.0)


def test_small_print_is_enlarged() -> None:
    small = pages.bgr(pages.picture(["Total 84.20"], size=(300, 90), font_size=11))
    assert second_reading(small, Box(0.2, 0.6, 0.6, 0.9))[0] == "Total 84.20"


def test_lines_are_counted_by_their_ink() -> None:
    grey = np.full((60, 100), 255, np.uint8)
    assert lines_in(grey) == 0
    grey[10:20, 5:90] = 0
    assert lines_in(grey) == 1
    grey[35:45, 5:90] = 0
    assert lines_in(grey) == 2


RECEIPT = load_document_types()["receipt"]


@pytest.mark.parametrize(
    ("n", "text", "field", "expected"),
    [
        (0, "Harbour Street Trading Company", "company", True),
        (0, "HARBOUR STREET TRADING C0MPANY", "company", True),  # which repair undoes
        (0, "Harbour Street Trading Compary", "company", False),
        (5, "Please pay 1,284.50 to our account", "total", True),
        (5, "Please pay 1,234.50 to our account", "total", False),
    ],
)
def test_it_agrees_with_the_same_text_or_the_same_value(n: int, text: str, field: str, expected: bool) -> None:
    assert agrees(IMAGE, box(n, n), 1, text, RECEIPT.field(field), RECEIPT) is expected


def test_it_agrees_over_several_lines() -> None:
    said = " ".join(pages.LINES[:3])
    assert agrees(IMAGE, box(0, 2), 3, said, RECEIPT.field("address"), RECEIPT)


def test_it_does_not_agree_with_what_it_cannot_see() -> None:
    assert not agrees(IMAGE, Box(0.9, 0.1, 0.99, 0.15), 1, "Anything", RECEIPT.field("company"), RECEIPT)


@pytest.mark.parametrize("size", [1, 2, 3, 10, 999, 6000])
def test_percentiles_are_those_of_numpy(size: int) -> None:
    grey = np.random.default_rng(size).integers(0, 256, (size, 1), np.uint8) ** 2
    shares = (0, 2, 33, 50, 85, 90, 100)
    assert percentiles(grey, *shares) == np.percentile(grey, shares).tolist()
