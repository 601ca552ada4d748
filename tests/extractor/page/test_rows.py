"""Reading order does not depend on the order in which an engine found things."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from extractor.page.rows import Piece, arrange, turn_box
from models.values import Box, Word


def piece(text: str, x: float, y: float, width: float = 80, height: float = 20) -> Piece:
    step = width / max(1, len(text.split()))
    return Piece([
        (t, (x + i * step, y, x + i * step + step - 8, y + height), 0.9) for i, t in enumerate(text.split())
    ])  # fmt: skip


def rows(words: list[Word]) -> list[str]:
    shown: dict[int, list[str]] = {}
    for word in words:
        shown.setdefault(word.line, []).append(word.text)
    return [" ".join(r) for r in shown.values()]


TABLE = [
    piece("Item", 10, 10), piece("Price", 300, 13),
    piece("green tea", 10, 45, 160), piece("4.50", 305, 41, 40),
    piece("scones", 10, 80), piece("12.00", 300, 84, 50),
]  # fmt: skip


def test_columns_are_read_row_by_row() -> None:
    assert rows(arrange(TABLE, 400, 200)) == ["Item Price", "green tea 4.50", "scones 12.00"]


@given(st.randoms(use_true_random=False))
def test_the_order_of_pieces_does_not_matter(order: random.Random) -> None:
    shuffled = TABLE.copy()
    order.shuffle(shuffled)
    assert arrange(shuffled, 400, 200) == arrange(TABLE, 400, 200)


def test_a_wide_gap_starts_a_segment_and_a_blank_does_not() -> None:
    words = arrange(TABLE[2:4], 400, 200)
    assert [w.segment for w in words] == [0, 0, 1]


def test_lines_close_above_each_other_stay_apart() -> None:
    assert rows(arrange([piece("upper", 10, 10), piece("lower", 12, 24)], 400, 200)) == ["upper", "lower"]


def test_a_slanted_page_is_read_level_when_its_skew_is_known() -> None:
    slanted = [piece(f"r{r}c{c}", 10 + 300 * c, 20 + 30 * r + 21 * c) for r in range(4) for c in range(3)]
    assert rows(arrange(slanted, 900, 300, skew=4.0)) == [f"r{r}c0 r{r}c1 r{r}c2" for r in range(4)]


def test_boxes_stay_where_the_ink_is() -> None:
    [word] = arrange([piece("word", 40, 50)], 400, 200, skew=3.0)
    assert word.box == Box(0.1, 0.25, 0.28, 0.35)


def test_text_that_runs_down_stands_alone() -> None:
    down = Piece([("margin", (5, 10, 20, 190), 0.9)])
    lines = rows(arrange([down, piece("one", 40, 20), piece("two", 40, 60)], 400, 200))
    assert sorted(lines) == ["margin", "one", "two"]


@given(st.sampled_from([0, 90, 180, 270]))
def test_four_turns_come_back(turn: int) -> None:
    box = Box(0.1, 0.2, 0.5, 0.3)
    there = turn_box(box, turn)
    back = turn_box(there, (360 - turn) % 360)
    assert [round(v, 9) for v in back.as_list()] == box.as_list()


def test_no_words_are_no_rows() -> None:
    assert arrange([], 10, 10) == []
