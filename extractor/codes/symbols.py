"""Finding and decoding the codes on a page image with zxing-cpp; runs in the child that reads the page."""

from __future__ import annotations

import functools
from typing import Any

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from models.values import Box, Code

FORMATS = "QRCode,DataMatrix,Aztec,PDF417,Code128,ITF"
MOST_CODES, MOST_BYTES = 40, 4_000


def read_codes(image: NDArray[np.uint8]) -> tuple[Code, ...]:
    """The codes on an upright page, BGR or grey, from the top down; boxes in fractions of the image."""
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    found = zxingcpp.read_barcodes(np.ascontiguousarray(grey), formats=_formats())
    height, width = grey.shape[:2]
    codes = [Code(str(one.format), _text(one), _box(one.position, width, height)) for one in found if one.valid]
    return tuple(sorted((c for c in codes if c.text), key=lambda c: (c.box.y0, c.box.x0)))[:MOST_CODES]


@functools.cache
def _formats() -> Any:
    return zxingcpp.barcode_formats_from_str(FORMATS)


def _text(found: Any) -> str:
    """What the code holds. zxing-cpp's own text writes line feeds as <LF> and takes UTF-8 for Latin-1 where the code
    does not say which it is, and payment codes do not: so its bytes, as UTF-8 where they are that.
    """
    content = bytes(found.bytes[:MOST_BYTES])
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _box(position: Any, width: int, height: int) -> Box:
    corners = (position.top_left, position.top_right, position.bottom_right, position.bottom_left)
    across, down = [point.x / width for point in corners], [point.y / height for point in corners]
    return Box(max(0.0, min(across)), max(0.0, min(down)), min(1.0, max(across)), min(1.0, max(down)))
