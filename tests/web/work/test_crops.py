"""Which part of a page a crop shows, and that cutting keeps its pixels."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from api.web.work.crops import LARGEST_SHARE, cut, is_crop, place_of
from models.values import Box
from tests.web import paper

sides = st.floats(0, 1)


@given(sides, sides, sides, sides)
def test_a_crop_holds_its_value_and_stays_on_the_page(a: float, b: float, c: float, d: float):
    box = Box(min(a, b), min(c, d), max(a, b), max(c, d))
    place = place_of([box])
    assert place.x0 <= box.x0 <= box.x1 <= place.x1
    assert place.y0 <= box.y0 <= box.y1 <= place.y1
    assert place.x0 >= 0
    assert place.y0 >= 0
    assert place.x1 <= 1
    assert place.y1 <= 1


def test_a_crop_of_a_line_is_a_small_part_of_the_page():
    place = place_of([Box(0.6, 0.4, 0.7, 0.42)])
    assert is_crop(place)
    assert place.width * place.height < 0.1


def test_a_value_over_most_of_the_page_is_no_crop():
    assert not is_crop(place_of([Box(0.0, 0.0, 1.0, LARGEST_SHARE + 0.1)]))


def test_cutting_keeps_the_pixels_of_the_page():
    png, _, _ = paper.draw()
    with Image.open(io.BytesIO(cut(png, Box(0.0, 0.0, 0.5, 0.1)))) as crop:
        assert crop.size == (paper.WIDTH // 2, paper.HEIGHT // 10)
