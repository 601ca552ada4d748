"""Reading again by confirmed text: what it mends, and what it may never touch."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.rereading.decoding import decode
from extractor.rereading.ngrams import EDGE, TextModel, plain
from extractor.rereading.reread import may_become, reread
from extractor.rereading.traces import pack, steps_of, trace_of, unpack
from models.values import Box, Page, Word

KNOWN = [(f"group {n}", text) for n in range(3) for text in ("SYARIKAT PERNIAGAAN GIN KEE", "TOTAL 12.50")]
SYMBOLS = ["", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-", " "]


def logs(text: str, torn: dict[int, dict[str, float]]) -> np.ndarray:
    """Log-probabilities [steps, symbols] of a line read as `text`, torn at some of its characters."""
    rows = []
    for k, character in enumerate(text):
        chances = torn.get(k, {character: 0.999})
        row = np.full(len(SYMBOLS), 1e-6)
        for symbol, p in chances.items():
            row[SYMBOLS.index(symbol)] = p
        rows.append(row / row.sum())
        blank = np.full(len(SYMBOLS), 1e-6)
        blank[0] = 1.0
        rows.append(blank / blank.sum())
    return np.log(np.array(rows, np.float32))


def page_of(text: str, torn: dict[int, dict[str, float]]) -> Page:
    """A page of one line as an engine would have read it."""
    tokens = text.split(" ")
    words = tuple(Word(t, Box(k / 10, 0.1, k / 10 + 0.08, 0.15), 0.9, 0) for k, t in enumerate(tokens))
    trace = trace_of(logs(text, torn), SYMBOLS)
    traced = pack([(tuple(range(len(words))), trace)]) if trace else ""
    return Page(1, 1000, 1000, words, "rapidocr/3", traces=traced)


def test_a_word_the_engine_was_torn_about_becomes_the_confirmed_one() -> None:
    page = page_of("SYARIKAT PERNIAGAAN CIN KEE", {20: {"C": 0.6, "G": 0.4}})
    [after] = reread([page], TextModel.of(KNOWN))
    assert after.text == "SYARIKAT PERNIAGAAN GIN KEE"
    assert [word.seen for word in after.words] == ["", "", "CIN", ""]
    assert [word.box for word in after.words] == [word.box for word in page.words]


def test_a_line_that_was_read_surely_has_no_trace_and_stays() -> None:
    page = page_of("SYARIKAT PERNIAGAAN CIN KEE", {})
    assert page.traces == ""
    assert reread([page], TextModel.of(KNOWN)) == (page,)


def test_an_amount_stays_whatever_was_confirmed() -> None:
    page = page_of("TOTAL 12.60", {9: {"6": 0.55, "5": 0.45}, 0: {"T": 0.6, "I": 0.4}})
    [after] = reread([page], TextModel.of(KNOWN))
    assert after.text == "TOTAL 12.60"


def test_a_blank_that_was_missed_parts_a_word_in_two_within_its_box() -> None:
    page = page_of("GIN KEE", {3: {"": 0.6, " ": 0.4}})
    joined = replace(page, words=(Word("GINKEE", Box(0.1, 0.1, 0.7, 0.2), 0.9, 0),))
    joined = replace(joined, traces=pack([((0,), trace) for _, trace in unpack(page.traces)]))
    [after] = reread([joined], TextModel.of([(f"g{n}", "GIN KEE") for n in range(3)]))
    assert [word.text for word in after.words] == ["GIN", "KEE"]
    assert {word.seen for word in after.words} == {"GINKEE"}
    assert after.words[0].box.x0 == pytest.approx(0.1)
    assert after.words[1].box.x1 == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("before", "after", "may"),
    [
        ("S0N", "SDN", True),  # a letter misread
        ("1ALAN", "JALAN", True),
        ("BERHAD", "BERHAN", True),
        ("63.60", "63.50", False),
        ("63.60", "63.60.", False),
        ("I00", "100", False),  # no figure comes
        ("INV0012", "INVOO12", False),  # an identifier
        ("12 .50", "12.50", False),
        ("TEL 09-22", "TEI 09-22", True),
    ],
)
def test_what_may_become_what(before: str, after: str, may: bool) -> None:
    assert may_become(before, after) is may


@given(st.text("ABC 0123456789.,:/-", min_size=1), st.text("ABC 0123456789.,:/-", min_size=1))
def test_no_number_is_ever_replaced(before: str, after: str) -> None:
    if may_become(before, after):
        figures = [token for token in before.split() if any(c.isdigit() for c in token)]
        assert all(token in figures for token in after.split() if any(c.isdigit() for c in token))


def test_the_text_model_keeps_only_what_three_groups_said() -> None:
    texts = [*KNOWN, ("group 0", "SECRET"), ("group 0", "SECRET"), ("group 1", "SECRET")]
    model = TextModel.of(texts)
    assert any(gram.startswith("GIN") for gram in model.counts)
    assert not any("SECR" in gram for gram in model.counts)


def test_figures_are_one_sign_to_the_text_model() -> None:
    model = TextModel.of(KNOWN)
    assert plain("Total 12.50") == "TOTAL 00.00"
    assert model.probability("TOTAL ", "0") * 10 > 0.5


def test_probabilities_after_a_context_are_at_most_one_together() -> None:
    model = TextModel.of(KNOWN)
    for context in (EDGE * 5, "GIN KE", "SYARI"):
        signs = {gram[-1] for gram in model.counts}
        assert sum(model.probability(context, sign) * (10 if sign == "0" else 1) for sign in signs) <= 1.0 + 1e-9


def test_a_model_survives_its_table() -> None:
    model = TextModel.of(KNOWN)
    again = TextModel.from_table(model.to_table())
    assert again.counts == model.counts
    assert again.probability("GIN K", "E") == model.probability("GIN K", "E")


def test_decoding_without_doubt_gives_the_line_back() -> None:
    assert decode([[(c, 0.0)] for c in "ABBA"], TextModel.of(KNOWN)) == "ABA"  # equal neighbours are one
    parted = [[(c, 0.0)] for c in ("A", "B", "", "B", "A")]
    assert decode(parted, TextModel.of(KNOWN)) == "ABBA"


@given(st.lists(st.text("AB ", min_size=1, max_size=1), min_size=1, max_size=8), st.integers(0, 7))
def test_traces_come_back_as_they_were_packed(characters: list[str], at: int) -> None:
    text = "".join(characters)
    trace = trace_of(logs(text, {min(at, len(text) - 1): {"A": 0.5, "B": 0.4}}), SYMBOLS)
    assert trace is not None
    assert unpack(pack([((0, 1), trace)])) == [((0, 1), trace)]
    for step in steps_of(trace):
        assert all(p <= 0 for _, p in step)
        assert math.isclose(step[0][1], max(p for _, p in step))


@pytest.mark.parametrize("damaged", ["?", "AAAA", "e30="])
def test_damaged_traces_are_an_error(damaged: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        unpack(damaged)
