"""What a page shows of its place: its number in many languages, words that carry over, what stands beside labels."""

from __future__ import annotations

import pytest

from extractor.splitting.gaps import Ends, gaps
from extractor.splitting.looks import BUCKETS, Look, look
from models.values import Box, Page, Word


def page(*rows: tuple[float, str]) -> Page:
    """A page with rows of text at heights between 0 and 1."""
    words = []
    for line, (y, text) in enumerate(rows):
        for place, word in enumerate(text.split()):
            words.append(Word(word, Box(0.1 + 0.1 * place, y, 0.18 + 0.1 * place, y + 0.012), 1.0, line, line))
    return Page(1, 1654, 2339, tuple(words), "text_layer/1")


@pytest.mark.parametrize(
    ("row", "number"),
    [
        ((0.95, "Page 2 of 3"), (2, 3)),
        ((0.95, "Seite 1/2"), (1, 2)),
        ((0.05, "Página 3 de 12"), (3, 12)),
        ((0.95, "Strona 2 z 2"), (2, 2)),
        ((0.5, "Seite 4 von 9"), (4, 9)),
        ((0.95, "2 / 5"), (2, 5)),
        ((0.95, "Page: 7"), (7, 0)),
        ((0.5, "2 / 5"), (0, 0)),
        ((0.5, "Rate 1/2 of the amount"), (0, 0)),
        ((0.95, "Page 5 of 3"), (5, 0)),
        ((0.95, "Phone 030 4711"), (0, 0)),
    ],
)
def test_pages_number_themselves_in_many_languages(row: tuple[float, str], number: tuple[int, int]) -> None:
    seen = look(page(row))
    assert (seen.number, seen.total) == number


def test_a_bare_number_counts_where_it_goes_on() -> None:
    first, second = look(page((0.2, "Some text"), (0.96, "3"))), look(page((0.2, "More text"), (0.96, "- 4 -")))
    assert (first.number, second.lone) == (0, frozenset({4}))


@pytest.mark.parametrize("words", ["Übertrag 1.200,00", "carried forward 12.00", "suma y sigue", "à reporter 3,00"])
def test_sums_that_are_carried_over_are_noticed_below(words: str) -> None:
    assert look(page((0.1, "Invoice"), (0.9, words))).carried == (False, True)


def test_what_stands_beside_labels_is_known() -> None:
    seen = look(page((0.1, "Invoice no: INV-4711"), (0.15, "Total: 12.50")))
    assert seen.said["number"] == frozenset({"INV4711"})


def test_an_empty_page_is_blank_and_has_a_look() -> None:
    assert look(page()).is_blank
    assert not look(page((0.1, "one two three four"))).is_blank


def test_each_gap_has_its_row_of_numbers() -> None:
    seen: list[Look] = [look(page((0.1, f"Invoice {k}"))) for k in range(3)] + [look(page())]
    import numpy as np

    nothing = np.zeros(BUCKETS + 1, np.float32)
    rows = gaps(seen, Ends(nothing, nothing))
    assert len(rows) == 3
    assert np.isfinite(rows).all()
