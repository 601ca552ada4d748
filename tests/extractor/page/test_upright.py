"""A page is read the right way up, and its boxes lie on the ink of the page as it is served."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from extractor.page import upright
from extractor.page.render import RenderedPage, decode_png, encode_png, render
from extractor.page.triage import Limits
from extractor.read import read_page
from models.values import Box, Word
from tests.extractor import pages

Image = NDArray[np.uint8]


def rendered(image: Image) -> RenderedPage:
    return RenderedPage(1, encode_png(image), image.shape[1], image.shape[0])


@pytest.mark.parametrize("engine", ["rapidocr", "tesserocr"])
@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_turned_page_is_brought_upright(turn: int, engine: str) -> None:
    original = pages.bgr(pages.picture(size=(700, 700)))
    page = rendered(upright.turn_image(original, turn))
    result = read_page(page, engine)
    assert result.page.rotation == (360 - turn) % 360
    assert (decode_png(result.png) == original).all()
    assert (result.png is page.png) == (turn == 0)
    found = {w.text: w.box for w in result.page.words}
    assert "Harbour" in result.page.text.splitlines()[0]
    for word in ("Harbour", "40718", "1,284.50"):
        assert pages.ink_share(original, tuple(found[word].as_list())) > 0.05  # type: ignore[arg-type]
    assert found["Harbour"].y0 < found["40718"].y0 < found["1,284.50"].y0


def slanted(degrees: float) -> Image:
    image = pages.bgr(pages.picture(size=(1000, 800)))
    matrix = cv2.getRotationMatrix2D((500, 400), -degrees, 1.0)
    turned = cv2.warpAffine(image, matrix, (1000, 800), borderValue=(255, 255, 255))
    return turned.astype(np.uint8, copy=False)


@pytest.mark.parametrize("engine", ["rapidocr", "tesserocr"])
@pytest.mark.parametrize("degrees", [-4.0, 3.0])
def test_a_slanted_page_is_read_level_and_its_boxes_stay_on_the_slant(degrees: float, engine: str) -> None:
    image = slanted(degrees)
    result = read_page(rendered(image), engine)
    assert (decode_png(result.png) == image).all()
    lines = result.page.text.splitlines()
    assert len(lines) == len(pages.LINES)
    assert "Harbour" in lines[0]
    assert "40718" in lines[1]
    for word in result.page.words:
        assert pages.ink_share(image, tuple(word.box.as_list())) > 0.03, word  # type: ignore[arg-type]


def line(number: int, slope: float) -> list[Word]:
    return [
        Word("word", Box(x, 0.1 * number + slope * x, x + 0.05, 0.1 * number + slope * x + 0.03), 0.9, number)
        for x in (0.1, 0.4, 0.7)
    ]


def test_the_slant_is_that_of_most_lines() -> None:
    words = [w for n in range(5) for w in line(n, np.tan(np.radians(2.0)))] + line(7, 0.5)
    assert upright.skew_of(words, 1000, 1000) == pytest.approx(2.0, abs=0.01)


def test_two_lines_are_too_few_to_judge() -> None:
    assert upright.skew_of(line(0, 0.1) + line(1, 0.1), 1000, 1000) == 0


def test_a_blank_page_is_upright() -> None:
    page = read_page(rendered(np.full((400, 300, 3), 255, np.uint8))).page
    assert (page.rotation, page.words, page.problems) == (0, (), ("no_text",))


@pytest.mark.skipif("COUNTERSIGN_REAL_DATA" not in os.environ, reason="needs the real documents")
def test_real_receipts_are_brought_upright_from_every_side() -> None:
    for path in sorted(Path(os.environ["COUNTERSIGN_REAL_DATA"], "receipts").glob("*.jpg"))[:2]:
        [page] = render(path.read_bytes(), Limits())
        for turn in (0, 90, 180, 270):
            image = upright.turn_image(decode_png(page.png), turn)
            assert read_page(rendered(image)).page.rotation == (360 - turn) % 360, path


@pytest.mark.parametrize(
    ("answers", "head", "asked"),
    [
        ("u" * 20, False, 10),  # the other ten cannot outvote these
        ("h" * 20, True, 11),
        ("hu" * 10, False, 20),
        ("h" * 9 + "u" * 20, False, 19),
        ("?" * 17 + "huh", True, 20),
        ("?" * 18 + "hh", False, 20),  # sure of too few
    ],
)
def test_no_more_lines_are_asked_than_can_change_the_answer(
    monkeypatch: pytest.MonkeyPatch, answers: str, head: bool, asked: int
) -> None:
    seen: list[str] = []

    def direction(_: Image) -> tuple[str, float]:
        seen.append(answers[len(seen)])
        return ("180" if seen[-1] == "h" else "0"), (0.5 if seen[-1] == "?" else 0.99)

    monkeypatch.setattr(upright, "_direction", direction)
    lines = [Box(0.1, 0.04 * n, 0.9, 0.04 * n + 0.03) for n in range(24)]
    assert upright.is_upside_down(np.zeros((500, 500, 3), np.uint8), lines) is head
    assert len(seen) == asked
