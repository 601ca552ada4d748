"""What a pen wrote is told from print, and nothing is seen where nothing is."""

from __future__ import annotations

import random

import cv2
import numpy as np
import pypdfium2
import pytest
from numpy.typing import NDArray

from extractor.bundle import BUILT_IN
from extractor.ink.handwriting import HEIGHT, WIDEST, Look, detector, in_pixels, strip
from extractor.pen import PEN
from fixtures.sheet import Sheet, to_pdf
from models.values import Box
from tests.extractor import pages

WIDTH, TALL = 300, 60
TEXTS = ("Harbour Cafe Ltd", "24/05/2021", "1,081.25", "12 FEB 2019")


def shown(sheet: Sheet) -> NDArray[np.uint8]:
    page = pypdfium2.PdfDocument(to_pdf([sheet]))[0].render(scale=2).to_numpy()
    return np.ascontiguousarray(page[:, :, :3], np.uint8)


def place(sheet: Sheet) -> Box:
    x0, y0, x1, y1 = sheet.marks[0][1]
    return Box(x0 / WIDTH, y0 / TALL, x1 / WIDTH, y1 / TALL)


def printed(text: str, font: str) -> tuple[NDArray[np.uint8], Box]:
    sheet = Sheet(WIDTH, TALL)
    sheet.text(20, 40, text, font, 13, value="v")
    return shown(sheet), place(sheet)


def written(text: str, seed: int) -> tuple[NDArray[np.uint8], Box]:
    """In Hershey's script, which the detector was not trained on."""
    sheet = Sheet(WIDTH, TALL)
    sheet.written(20, 40, text, random.Random(seed), 15, style="scripts", value="v")
    return shown(sheet), place(sheet)


def look(image: NDArray[np.uint8], *lines: Box) -> Look | None:
    return detector().look([[(image, line) for line in lines]])[0]


@pytest.mark.parametrize("font", ["sans", "serif", "till", "typewriter", "mono"])
@pytest.mark.parametrize("text", TEXTS)
def test_print_is_print(text: str, font: str) -> None:
    found = look(*printed(text, font))
    assert found is not None
    assert found.pen < 0
    assert found.over < 0


def test_most_of_what_a_hand_wrote_is_noticed() -> None:
    looks = [look(*written(text, seed)) for text in TEXTS for seed in range(10)]
    assert np.mean([found is not None and found.pen > 0 for found in looks]) >= 0.75


def test_a_stamp_or_a_stroke_over_print_is_noticed_and_rules_are_not() -> None:
    image = pages.bgr(pages.picture())
    height, width = image.shape[:2]
    lines = [Box(78 / width, (62 + 70 * n) / height, 400 / width, (98 + 70 * n) / height) for n in range(8)]
    cv2.rectangle(image, (60, 50), (760, 108), (0, 0, 0), 2)
    cv2.line(image, (60, 172), (760, 172), (0, 0, 0), 2)
    cv2.putText(image, "PAID", (100, 330), cv2.FONT_HERSHEY_DUPLEX, 5, (60, 60, 60), 9, cv2.LINE_AA)
    cv2.line(image, (70, 368), (420, 350), (90, 60, 60), 2, cv2.LINE_AA)
    looks = [look(image, line) for line in lines]
    over = [found is not None and found.over > 0 for found in looks]
    assert over[:2] == [False, False]
    assert over[3]
    assert over[4]
    assert over[5:] == [False] * 3


@pytest.mark.parametrize("box", [Box(0.1, 0.1, 0.9, 0.2), Box(0.5, 0.5, 0.5, 0.5), Box(0, 0, 0, 0), Box(1, 1, 1, 1)])
def test_where_nothing_is_nothing_is_seen(box: Box) -> None:
    assert look(np.full((200, 200, 3), 255, np.uint8), box) is None


def test_each_value_is_judged_by_its_own_lines() -> None:
    hand, print_ = written("24/05/2021", 1), printed("24/05/2021", "sans")
    together = detector().look([[print_], [], [hand, hand], [print_]])
    assert together[1] is None
    for found, alone in ((together[0], look(*print_)), (together[2], look(*hand)), (together[3], look(*print_))):
        assert found is not None
        assert alone is not None
        assert (found.pen, found.over) == pytest.approx((alone.pen, alone.over), abs=1e-4)


def test_a_strip_is_ink_on_paper_at_one_height_and_not_endless() -> None:
    image = pages.bgr(pages.picture())
    height, width = image.shape[:2]
    line = in_pixels(image, Box(78 / width, 62 / height, 700 / width, 98 / height))
    seen = strip(image, line)
    assert seen is not None
    assert seen.shape == (HEIGHT, WIDEST)
    assert seen.min() == 0
    assert 1 <= seen.max() <= 1.2
    grey = strip(image[:, :, 0], line)
    assert grey is not None
    assert np.allclose(seen, grey, atol=0.02)


def test_the_weights_are_few() -> None:
    size = sum(file.stat().st_size for folder in (PEN, BUILT_IN) for file in folder.iterdir() if file.is_file())
    assert size <= 12_000_000
    assert sum(file.stat().st_size for file in PEN.iterdir() if file.is_file()) <= 100_000
