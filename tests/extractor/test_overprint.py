"""A stamp over a value is noticed, print and rules are not; and then the machine is not sure."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from extractor.overprint import FOREIGN, foreign_ink
from models.values import Box
from tests.extractor import pages

PLAIN = pages.bgr(pages.picture())
HEIGHT, WIDTH = PLAIN.shape[:2]


def line(n: int) -> Box:
    return Box(78 / WIDTH, (62 + 70 * n) / HEIGHT, 700 / WIDTH, (98 + 70 * n) / HEIGHT)


def stamped() -> NDArray[np.uint8]:
    image = PLAIN.copy()
    cv2.putText(image, "PAID", (150, 330), cv2.FONT_HERSHEY_DUPLEX, 5, (60, 60, 60), 9, cv2.LINE_AA)
    return image


@pytest.mark.parametrize("n", range(len(pages.LINES)))
def test_plain_print_is_not_doubted(n: int) -> None:
    assert foreign_ink(PLAIN, line(n)) < FOREIGN


def test_rules_around_and_under_print_are_not_foreign() -> None:
    image = PLAIN.copy()
    cv2.rectangle(image, (60, 50), (760, 108), (0, 0, 0), 2)
    cv2.line(image, (60, 172), (760, 172), (0, 0, 0), 2)
    assert foreign_ink(image, line(0)) < FOREIGN
    assert foreign_ink(image, line(1)) < FOREIGN


def test_a_stamp_through_a_line_is_noticed() -> None:
    assert foreign_ink(stamped(), line(3)) > FOREIGN


@pytest.mark.parametrize("box", [Box(0.5, 0.5, 0.5, 0.5), Box(0.9, 0.1, 0.99, 0.15), Box(0, 0, 0, 0)])
def test_where_nothing_is_nothing_is_foreign(box: Box) -> None:
    assert foreign_ink(PLAIN, box) == 0.0
