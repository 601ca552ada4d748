"""The text that a PDF carries beside its ink: its words as placed on the rendered page, and whether the ink bears them out.

A text layer is a claim. Real files carry hidden text that stands nowhere on the page (registers' metadata with the very labels),
and scans carry somebody's poor OCR. So a layer is used only when its words have ink and a few of its lines, read from the
image, say the same.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz

from extractor.rows import Piece, arrange, turn_box
from models.values import Box, Word

NAME = "text_layer/1"
INVISIBLE_MODES = (3, 7)  # PDF 32000-1, 9.3.6: neither filled nor stroked; clip only
MIN_CHARACTERS = 50  # letters and digits; fewer is a stamp or a page number
SAMPLES = 3
VISIBLE_AGREEMENT = 0.8  # fuzzy ratio of layer and image on each sampled line
SCAN_AGREEMENT = 0.95
MIN_CONTRAST = 10.0  # standard deviation of grey values within the box of a word that is there


@dataclass(frozen=True)
class Layer:
    """Words of one page, boxes in fractions of its rendering; `turn` = degrees clockwise that make the text upright."""

    words: tuple[Word, ...] = ()
    turn: int = 0
    scan: bool = False  # a page-sized image carries the ink


def read_layer(page: Any, width: int, height: int) -> Layer:
    """The text of a pypdfium2 page rendered at `width` x `height`. Invisible characters are kept only over a scan."""
    import pypdfium2.raw as pdfium

    text = page.get_textpage()
    count = text.count_chars()
    if count <= 0:
        return Layer()
    scan = covered_by_image(page)
    letters, corners, shown = _characters(pdfium, text.raw, count)
    if not scan:
        letters = ["" if not s else c for c, s in zip(letters, shown, strict=True)]
    boxes = _to_pixels(pdfium, page.raw, corners, width, height)
    solid = np.array([bool(c) for c in letters])
    if not solid.any():
        return Layer(scan=scan)
    turn = _direction(boxes, solid)
    upright = _turn_all(boxes, width, height, turn)
    size = (height, width) if turn in (90, 270) else (width, height)
    pieces = [Piece([(t, b, 1.0)]) for t, b in _words(letters, upright)]
    words = arrange(pieces, *size)
    back = (360 - turn) % 360
    return Layer(tuple(replace(w, box=turn_box(w.box, back)) for w in words), turn, scan)


def covered_by_image(page: Any, share: float = 0.5) -> bool:
    """Whether images cover more than `share` of the page."""
    import pypdfium2.raw as pdfium

    width, height = page.get_size()
    covered = 0.0
    for image in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=3):
        left, bottom, right, top = image.get_bounds()
        covered += max(0.0, min(right, width) - max(left, 0)) * max(0.0, min(top, height) - max(bottom, 0))
    return bool(covered > share * width * height)


def _characters(pdfium: Any, text: Any, count: int) -> tuple[list[str], NDArray[np.float64], list[bool]]:
    """Characters ("" for what separates words), their corners in page space, and whether each is painted."""
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    references = [ctypes.byref(v) for v in (left, right, bottom, top)]
    corners = np.zeros((count, 4))
    letters, shown = [""] * count, [True] * count
    modes: dict[int, bool] = {}
    for i in range(count):
        code = pdfium.FPDFText_GetUnicode(text, i)
        if code <= 32 or code in (0xA0, 0xFFFE, 0xFFFF, 0x2028, 0x2029, 0x3000, 0xFEFF) or 0xD800 <= code <= 0xDFFF:
            continue
        pdfium.FPDFText_GetCharBox(text, i, *references)
        letters[i] = chr(code)
        corners[i] = left.value, bottom.value, right.value, top.value
        owner = pdfium.FPDFText_GetTextObject(text, i)
        key = ctypes.cast(owner, ctypes.c_void_p).value or 0
        if key not in modes:
            modes[key] = not owner or pdfium.FPDFTextObj_GetTextRenderMode(owner) not in INVISIBLE_MODES
        shown[i] = modes[key]
    return letters, corners, shown


def _to_pixels(pdfium: Any, page: Any, corners: NDArray[np.float64], width: int, height: int) -> NDArray[np.float64]:
    """Page space to the pixels of the rendering, through PDFium's own mapping (crop box and /Rotate included)."""
    unit, fine = 1000.0, 1_000_000

    def mapped(x: float, y: float) -> tuple[float, float]:
        at_x, at_y = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDF_PageToDevice(page, 0, 0, fine, fine, 0, x, y, ctypes.byref(at_x), ctypes.byref(at_y))
        return at_x.value / fine, at_y.value / fine

    origin, along_x, along_y = (np.array(mapped(*p)) for p in ((0, 0), (unit, 0), (0, unit)))
    matrix = np.stack([along_x - origin, along_y - origin], axis=1) / unit * np.array([[width], [height]])  # 2x2
    shift = origin * (width, height)
    first = corners[:, :2] @ matrix.T + shift
    second = corners[:, 2:] @ matrix.T + shift
    return np.hstack([np.minimum(first, second), np.maximum(first, second)])


def _direction(boxes: NDArray[np.float64], solid: NDArray[np.bool_]) -> int:
    """Degrees clockwise that bring the text upright, by a vote of neighbouring characters."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    both = solid[1:] & solid[:-1]
    step = (centres[1:] - centres[:-1])[both]
    size = np.median((boxes[:, 2:] - boxes[:, :2]).max(axis=1)[solid]) if solid.any() else 0
    step = step[np.abs(step).max(axis=1) < 4 * size]
    across = np.abs(step[:, 0]) > np.abs(step[:, 1])
    votes = {
        0: int((across & (step[:, 0] > 0)).sum()),
        180: int((across & (step[:, 0] < 0)).sum()),
        270: int((~across & (step[:, 1] > 0)).sum()),  # runs down: turn it left
        90: int((~across & (step[:, 1] < 0)).sum()),  # runs up: turn it right
    }
    return max(votes, key=lambda turn: votes[turn])


def _turn_all(boxes: NDArray[np.float64], width: int, height: int, turn: int) -> NDArray[np.float64]:
    x0, y0, x1, y1 = boxes.T
    if turn == 90:
        return np.stack([height - y1, x0, height - y0, x1], axis=1)
    if turn == 180:
        return np.stack([width - x1, height - y1, width - x0, height - y0], axis=1)
    if turn == 270:
        return np.stack([y0, width - x1, y1, width - x0], axis=1)
    return boxes


def _words(letters: list[str], boxes: NDArray[np.float64]) -> list[tuple[str, tuple[float, float, float, float]]]:
    """Characters in stream order to words: a blank, a jump or a new line ends one."""
    words: list[tuple[str, tuple[float, float, float, float]]] = []
    text: list[str] = []
    box: tuple[float, float, float, float] | None = None
    for letter, (x0, y0, x1, y1) in zip(letters, boxes.tolist(), strict=True):
        if box is not None:
            high = max(box[3] - box[1], y1 - y0, 1.0)
            jump = x0 - box[2] > 0.6 * high or x0 < box[0] - high or abs(y0 + y1 - box[1] - box[3]) > 1.6 * high
            if not letter or jump:
                words.append(("".join(text), box))
                text, box = [], None
        if letter:
            text.append(letter)
            box = (x0, y0, x1, y1) if box is None else (
                min(box[0], x0), min(box[1], y0), max(box[2], x1), max(box[3], y1)
            )  # fmt: skip
    if box is not None:
        words.append(("".join(text), box))
    return words


# --- does the ink bear it out ------------------------------------------------------------------------------------------

Reader = Callable[[NDArray[np.uint8], Box], tuple[str, float]]


def trusted_words(image: NDArray[np.uint8], layer: Layer, read: Reader) -> tuple[Word, ...] | None:
    """The words of `layer` that stand on `image` (already upright, as are the boxes), or None when it is not to be trusted.

    `read` reads one box of the image with an engine; it is called for at most `SAMPLES` lines.
    """
    if _characters_in(layer.words) < MIN_CHARACTERS:
        return None
    inked = [w for w, ink in zip(layer.words, has_ink(image, layer.words), strict=True) if ink]
    missing = 1 - _characters_in(inked) / _characters_in(layer.words)
    if missing > (0.02 if layer.scan else 0.3):
        return None
    if _characters_in(inked) < MIN_CHARACTERS or _unexplained_ink(image, inked):
        return None
    needed = SCAN_AGREEMENT if layer.scan else VISIBLE_AGREEMENT
    scores = [agreement(line, image, read) for line in sample_lines(inked, SAMPLES)]
    if not scores or sorted(scores)[len(scores) // 2] < needed or min(scores) < needed - 0.3:
        return None
    return tuple(inked)


def has_ink(image: NDArray[np.uint8], words: tuple[Word, ...]) -> NDArray[np.bool_]:
    """Whether each word's box holds contrast; text in the colour of its ground, or under a picture, has none."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    sums, squares = cv2.integral2(grey)
    height, width = grey.shape
    boxes = np.array([(w.box.x0, w.box.y0, w.box.x1, w.box.y1) for w in words]) * (width, height, width, height)
    x0, y0 = (np.clip(np.floor(boxes[:, i] - 1), 0, n - 2).astype(int) for i, n in ((0, width), (1, height)))
    x1, y1 = (np.clip(np.ceil(boxes[:, i] + 1), a + 1, n).astype(int) for i, a, n in ((2, x0, width), (3, y0, height)))
    area = (x1 - x0) * (y1 - y0)
    mean = (sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]) / area
    square = (squares[y1, x1] - squares[y0, x1] - squares[y1, x0] + squares[y0, x0]) / area
    inked: NDArray[np.bool_] = np.sqrt(np.maximum(square - mean**2, 0)) >= MIN_CONTRAST
    return inked


def _unexplained_ink(image: NDArray[np.uint8], words: list[Word]) -> bool:
    """Whether most of the dark pixels lie outside the words: the layer then misses the page's own text."""
    small = cv2.cvtColor(cv2.resize(image, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    dark = small < 160
    height, width = dark.shape
    outside = dark.copy()
    for word in words:
        b = word.box
        outside[
            max(0, int(b.y0 * height) - 1) : int(b.y1 * height) + 2,
            max(0, int(b.x0 * width) - 1) : int(b.x1 * width) + 2,
        ] = False
    left = outside & _text_like(outside)
    return bool(left.sum() > 0.6 * dark.sum() and left.mean() > 0.01)


def _text_like(dark: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Without long rules and filled areas, which are ink but not text."""
    mask = dark.astype(np.uint8)
    long = max(12, mask.shape[1] // 15)
    across = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((1, long), np.uint8))
    down = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((long, 1), np.uint8))
    kept: NDArray[np.bool_] = (across | down) == 0
    return kept


def sample_lines(words: list[Word], count: int) -> list[list[Word]]:
    """Up to `count` stretches of a row, spread over the page, long enough to be compared and short enough to be cheap."""
    stretches: dict[int, list[Word]] = {}
    for word in words:
        stretch = stretches.setdefault(word.segment, [])
        if sum(len(w.text) for w in stretch) < 24:
            stretch.append(word)
    good = [s for s in stretches.values() if _characters_in(s) >= 8] or [s for s in stretches.values() if s]
    if not good:
        return []
    at = (
        np.linspace(0, len(good) - 1, min(count, len(good)) + 2)[1:-1].round().astype(int)
        if len(good) > count
        else None
    )
    return good if at is None else [good[i] for i in at]


def agreement(line: list[Word], image: NDArray[np.uint8], read: Reader) -> float:
    """Fuzzy ratio (0 to 1) between what the layer says and what an engine reads there."""
    said = _plain(" ".join(w.text for w in line))
    seen = _plain(read(image, Box.union(w.box for w in line))[0])
    return fuzz.ratio(said, seen) / 100


def _plain(text: str) -> str:
    return re.sub(r"[\W_]", "", text).upper()


def _characters_in(words: list[Word] | tuple[Word, ...]) -> int:
    return sum(c.isalnum() for w in words for c in w.text)
