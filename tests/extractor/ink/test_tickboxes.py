"""Printed boxes are found where they are drawn, ticked or not; letters, cells and stamps are no boxes."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from extractor.doctypes import load_document_types
from extractor.fields.candidates import find_candidates
from extractor.fields.layout import lay_out
from extractor.ink.tickboxes import TickBox, find_boxes, has_boxes, marked, with_ticks
from fixtures.applications import LAYOUTS
from fixtures.generate import draw
from fixtures.wear import RECIPES, photograph
from models.doctype import Kind
from models.values import Box, Page, Word
from tests.extractor import pages

TYPES = load_document_types(Path(__file__).parents[3] / "fixtures" / "doctypes")
APPLICATION = TYPES["application"]
FIELDS = [f.name for f in APPLICATION.fields if f.kind is Kind.CHECKBOX]


@dataclass(frozen=True)
class Form:
    """A photographed form with the words that an engine would read, and the truth of its boxes."""

    image: NDArray[np.uint8]
    words: tuple[Word, ...]
    truth: dict[str, tuple[Box, bool]]

    @property
    def page(self) -> Page:
        height, width = self.image.shape[:2]
        return Page(1, width, height, self.words, "fake/1")


def form(layout: str, recipe: str, seed: int) -> Form:
    rng = random.Random(f"{layout}/{recipe}/{seed}")
    document = draw("application", f"tests/{seed}", rng, [layout])
    scan = photograph(document.sheets, 1300, RECIPES[recipe], rng)[0]
    height, width = scan.image.shape

    def place(corners: tuple[float, float, float, float]) -> Box:
        x0, y0, x1, y1 = corners
        points = scan.matrix @ np.array([[x, y, 1] for x in (x0, x1) for y in (y0, y1)]).T
        xs, ys = points[0] / points[2] / width, points[1] / points[2] / height
        return Box(float(xs.min()), float(ys.min()), float(xs.max()), float(ys.max()))

    runs = [run for run in document.sheets[0].runs if run.text != "X"]
    words = tuple(Word(run.text, place(run.box), 1.0, n, n) for n, run in enumerate(runs))
    marks = dict(document.sheets[0].marks)
    truth = {name: (place(marks[name]), document.fields[name] == "true") for name in FIELDS}
    return Form(np.asarray(cv2.cvtColor(scan.image, cv2.COLOR_GRAY2BGR), np.uint8), words, truth)


def at(found: list[TickBox], box: Box) -> TickBox | None:
    x, y = box.centre
    return next((t for t in found if t.box.contains(x, y)), None)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_boxes_of_a_clean_form_are_found_in_their_state_and_hardly_anything_else(layout: str) -> None:
    drawn = {"pairs": 2 * len(FIELDS) + 3}.get(layout, len(FIELDS) + 3)
    missed = 0
    for seed in (0, 1, 4):
        made = form(layout, "clean", seed)
        found = find_boxes(made.image, made.words)
        assert drawn - 1 <= len(found) <= drawn + 2
        for box, on in made.truth.values():
            tick = at(found, box)
            missed += tick is None
            assert tick is None or (tick.ticked > 0.9 if on else tick.ticked < 0.1)
    assert missed <= 1


@pytest.mark.parametrize("recipe", ["office", "photo", "copy", "poor"])
def test_worn_paper_hides_few_boxes_and_turns_hardly_any(recipe: str) -> None:
    seen = right = total = 0
    for seed in range(6):
        made = form(list(LAYOUTS)[seed % 4], recipe, seed)
        found = find_boxes(made.image, made.words)
        for box, on in made.truth.values():
            tick = at(found, box)
            total += 1
            seen += tick is not None
            right += tick is not None and (tick.ticked >= 0.5) == on
    assert seen >= 0.75 * total
    assert right >= 0.95 * seen


def test_letters_of_words_are_no_boxes() -> None:
    image = pages.bgr(pages.picture())
    lines = [
        Word(t, Box(0.08, (58 + 70 * n) / 700, 0.72, (98 + 70 * n) / 700), 1.0, n) for n, t in enumerate(pages.LINES)
    ]
    assert find_boxes(image, lines) == []


def test_an_empty_page_has_no_boxes() -> None:
    assert find_boxes(np.full((400, 300, 3), 255, np.uint8)) == []
    assert find_boxes(np.zeros((40, 30, 3), np.uint8)) == []


def test_a_box_stands_in_its_row_as_a_word_in_the_place_of_what_the_engine_made_of_it() -> None:
    made = form("before", "clean", 0)
    box, on = made.truth["consent"]
    label = next(w for w in made.words if w.box.x0 > box.x1 and w.box.y0 < box.centre[1] < w.box.y1)
    misread = Word("□", box, 0.5, label.line, label.segment)
    glued = Word("□" + label.text, Box(box.x0, label.box.y0, label.box.x1, label.box.y1), 0.9, label.line, 0)
    plain = marked([made.page], lambda _: made.image)
    for words in ((misread, *made.words), tuple(glued if w is label else w for w in made.words)):
        page = Page(1, made.page.width, made.page.height, words, "fake/1")
        again = marked([page], lambda _: made.image)
        assert [w.text for w in again[0].words] == [w.text for w in plain[0].words]
    texts = [w.text for w in plain[0].words]
    assert texts[texts.index(label.text) - 1] == ("☒" if on else "☐")
    assert marked(plain, lambda _: made.image)[0].words == plain[0].words


def test_a_box_without_a_word_beside_it_makes_a_row_of_its_own() -> None:
    image = np.full((400, 300, 3), 255, np.uint8)
    cv2.rectangle(image, (100, 200), (120, 220), (0, 0, 0), 2)
    words = (Word("over", Box(0.1, 0.1, 0.3, 0.14), 1.0, 0, 0), Word("under", Box(0.1, 0.8, 0.3, 0.84), 1.0, 1, 1))
    page = marked([Page(1, 300, 400, words, "fake/1")], lambda _: image)[0]
    assert [w.text for w in page.words] == ["over", "☐", "under"]
    assert len({w.line for w in page.words}) == 3


def test_only_types_with_a_checkbox_pay_for_it() -> None:
    def no_picture(_: int) -> NDArray[np.uint8]:
        raise AssertionError("a page was decoded for nothing")

    page = Page(1, 100, 100, (Word("word", Box(0.1, 0.1, 0.2, 0.2), 1.0, 0),), "fake/1")
    assert not has_boxes(TYPES["receipt"])
    assert with_ticks([page], TYPES["receipt"], no_picture) == (page,)
    assert with_ticks([page], APPLICATION, None) == (page,)
    assert has_boxes(APPLICATION)


def test_beside_printed_boxes_the_words_yes_and_no_are_labels() -> None:
    made = form("pairs", "clean", 1)
    without = find_candidates(lay_out([made.page]), APPLICATION)[Kind.CHECKBOX]
    assert {span.text for span in without} == {"Yes", "No"}
    found = find_candidates(lay_out(marked([made.page], lambda _: made.image)), APPLICATION)[Kind.CHECKBOX]
    assert {span.text for span in found} == {"☒", "☐"}
    assert len(found) == 2 * len(FIELDS) + 3
