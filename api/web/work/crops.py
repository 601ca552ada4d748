"""Cuts the place of a field out of its page: which part of the page, and the picture of it."""

from __future__ import annotations

import io

from PIL import Image

from models.values import Box

WHOLE = Box(0.0, 0.0, 1.0, 1.0)
LEAST_WIDTH, LEAST_HEIGHT = 0.5, 0.085  # of the page: enough to see the label beside the value and the lines around it
SIDE, LINES_AROUND = 0.06, 1.6
LARGEST_SHARE = 0.5  # a crop is never most of the page: for that there is the whole page, which is logged


def place_of(boxes: list[Box]) -> Box:
    """The part of the page that shows `boxes` with a little context."""
    tight = Box.union(boxes)
    line = min(max(min(box.height for box in boxes), 0.008), 0.05)
    wide = _stretch(tight.x0 - SIDE, tight.x1 + SIDE, LEAST_WIDTH)
    tall = _stretch(tight.y0 - LINES_AROUND * line, tight.y1 + LINES_AROUND * line, LEAST_HEIGHT)
    return Box(wide[0], tall[0], wide[1], tall[1])


def is_crop(place: Box) -> bool:
    return place.width * place.height <= LARGEST_SHARE


def _stretch(low: float, high: float, least: float) -> tuple[float, float]:
    """Widen to `least` about the middle, then push back inside the page."""
    missing = max(0.0, least - (high - low)) / 2
    low, high = low - missing, high + missing
    if low < 0:
        low, high = 0.0, min(1.0, high - low)
    if high > 1:
        low, high = max(0.0, low - (high - 1)), 1.0
    return low, high


def cut(page_png: bytes, place: Box) -> bytes:
    """The picture of `place` as PNG, in the page's own pixels."""
    with Image.open(io.BytesIO(page_png)) as page:
        corners = (
            int(place.x0 * page.width),
            int(place.y0 * page.height),
            max(int(place.x0 * page.width) + 1, round(place.x1 * page.width)),
            max(int(place.y0 * page.height) + 1, round(place.y1 * page.height)),
        )
        buffer = io.BytesIO()
        page.crop(corners).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
