"""Which way up a page stands and how it slants, judged from what an engine found on it.

Tall lines mean a page on its side (measured: 0.00-0.06 of the lines upright, 0.76-1.00 on the side).
Upside down is a vote of a small classifier over the longest lines, because RapidOCR turns single lines by itself and so
reads a page that stands on its head with good confidence, in the wrong order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.values import Box, Word

Image = NDArray[np.uint8]

TALL = 1.5  # height over width of a line on its side
POOR_CONFIDENCE = 0.85  # upright pages had 0.87-0.98, pages on their head 0.58-0.74 where lines are not turned singly
VOTERS = 20  # with sure votes of 20 lines: none of 346 pages wrong, neither upright nor turned; of 12 lines 1.7 %
MIN_VOTERS = 3
SURE = 0.9
CROP_RATIO = 4  # width over height that the classifier takes without squeezing
SKEW_DEGREES = 1.0
TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def turn_image(image: Image, turn: int) -> Image:
    """`image` turned clockwise by 0, 90, 180 or 270 degrees."""
    return cv2.rotate(image, TURNS[turn]).astype(np.uint8, copy=False) if turn else image


def read_upright(image: Image, read: Callable[[Image], list[Word]], turns_lines: bool) -> tuple[int, list[Word]]:
    """Degrees clockwise that bring the page upright, and its words then.

    An upright page is read once, a turned one twice or three times. `turns_lines` says that the engine reads lines
    which stand on their side or head, so that its boxes can be believed even then.
    """
    words = read(image)
    lines = line_boxes(words)
    if not turns_lines and mean_confidence(words) < POOR_CONFIDENCE:
        lines = detect_lines(image)  # what such an engine finds on a turned page is noise
    suspected = _suspected_turns(image, lines)
    if not suspected:
        return 0, words
    best = (_standing(image, words), 0, words)
    for turn in suspected:
        turned = turn_image(image, turn)
        again = read(turned)
        best = max(best, (_standing(turned, again), turn, again), key=lambda b: b[0])
        if best[0] >= POOR_CONFIDENCE:
            break
    return best[1], best[2]


def _suspected_turns(image: Image, lines: list[Box]) -> list[int]:
    """Turns worth a try, the likeliest first; none for a page that seems upright."""
    height, width = image.shape[:2]
    long = [b for b in lines if max(b.width * width, b.height * height) > 2 * min(b.width * width, b.height * height)]
    if len(long) < MIN_VOTERS:
        return []
    tall = [b for b in long if b.height * height > TALL * b.width * width]
    if len(tall) > 0.5 * len(long):
        return [90, 270] if is_upside_down(image, tall) else [270, 90]
    return [180] if is_upside_down(image, [b for b in long if b not in tall]) else []


def _standing(image: Image, words: list[Word]) -> float:
    """How much `words` look like those of an upright page: their confidence, less for lines on their side or head."""
    lines = line_boxes(words)
    if len(lines) < MIN_VOTERS:
        return 0.5 * mean_confidence(words)
    height, width = image.shape[:2]
    tall = sum(b.height * height > TALL * b.width * width for b in lines) / len(lines)
    wide = [b for b in lines if b.height * height <= TALL * b.width * width]
    head = bool(wide) and is_upside_down(image, wide)
    return float(mean_confidence(words) * (1 - 0.5 * tall) * (0.5 if head else 1.0))


def mean_confidence(words: list[Word]) -> float:
    """Mean word confidence, weighted by characters."""
    total = sum(len(w.text) for w in words)
    return sum(w.confidence * len(w.text) for w in words) / total if total else 0.0


def line_boxes(words: list[Word]) -> list[Box]:
    """One box for each line an engine found that holds more than two characters."""
    lines: dict[int, list[Word]] = {}
    for word in words:
        lines.setdefault(word.line, []).append(word)
    return [Box.union(w.box for w in line) for line in lines.values() if sum(len(w.text) for w in line) > 2]


def is_upside_down(image: Image, lines: list[Box]) -> bool:
    """Whether a classifier surely sees most of the longest lines upside down; False when it is sure of too few.

    Lines on their side are first turned to the left. No more are asked than can change the answer: on an upright page
    half of them.
    """
    height, width = image.shape[:2]
    longest = sorted(lines, key=lambda b: max(b.width * width, b.height * height), reverse=True)[:VOTERS]
    head = upright = 0
    for box in longest:
        crop = image[int(box.y0 * height) : math.ceil(box.y1 * height), int(box.x0 * width) : math.ceil(box.x1 * width)]
        if min(crop.shape[:2]) < 4:
            continue
        if crop.shape[0] > TALL * crop.shape[1]:
            crop = np.rot90(crop)
        label, score = _direction(np.ascontiguousarray(crop[:, : CROP_RATIO * crop.shape[0]]))
        head += score > SURE and label == "180"
        upright += score > SURE and label != "180"
        if 2 * upright >= len(longest):
            return False
        if 2 * head > len(longest) and head >= MIN_VOTERS:
            return True
    return head + upright >= MIN_VOTERS and head > upright


def _direction(crop: Image) -> tuple[str, float]:
    """Label "0" or "180", and how sure."""
    label, score = _classifier()(crop, use_det=False, use_cls=True, use_rec=False).cls_res[0]
    return str(label), float(score)


def detect_lines(image: Image) -> list[Box]:
    """Line boxes by RapidOCR's detector alone, for engines that cannot find turned lines."""
    found = _classifier()(image, use_det=True, use_cls=False, use_rec=False).boxes
    if found is None:
        return []
    height, width = image.shape[:2]
    corners = np.concatenate([found.min(axis=1), found.max(axis=1)], axis=1) / (width, height, width, height)
    return [Box(*(min(1.0, max(0.0, v)) for v in c)) for c in corners.tolist()]


@cache
def _classifier() -> Any:
    from extractor.ocr.rapid import load

    return load()


def skew_of(words: list[Word], width: int, height: int) -> float:
    """Slant of the lines in degrees, clockwise positive: the median over long lines, each from its outermost words."""
    lines: dict[int, list[Word]] = {}
    for word in words:
        lines.setdefault(word.line, []).append(word)
    slants, weights = [], []
    for line in lines.values():
        first, last = min(line, key=lambda w: w.box.x0).box.centre, max(line, key=lambda w: w.box.x1).box.centre
        across, down = (last[0] - first[0]) * width, (last[1] - first[1]) * height
        if across > 0.15 * width:
            slants.append(math.degrees(math.atan2(down, across)))
            weights.append(across)
    if len(slants) < MIN_VOTERS:
        return 0.0
    order = np.argsort(slants)
    half = np.searchsorted(np.cumsum(np.array(weights)[order]), sum(weights) / 2)
    return float(slants[order[half]])


def read_level(image: Image, skew: float, read: Callable[[Image], list[Word]]) -> list[Word]:
    """Words read from the page turned level; their boxes are put back where the ink is."""
    height, width = image.shape[:2]
    there = cv2.getRotationMatrix2D((width / 2, height / 2), skew, 1.0)
    level = cv2.warpAffine(image, there, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    back = cv2.invertAffineTransform(there)
    return [
        Word(w.text, _moved(w.box, back, width, height), w.confidence, w.line)
        for w in read(level.astype(np.uint8, copy=False))
    ]


def _moved(box: Box, matrix: NDArray[Any], width: int, height: int) -> Box:
    """`box` with its centre moved; its size stays, since a word is short."""
    x, y = box.centre
    to_x, to_y = matrix @ np.array([x * width, y * height, 1.0])
    dx, dy = to_x / width - x, to_y / height - y
    return Box(*(float(min(1.0, max(0.0, v))) for v in (box.x0 + dx, box.y0 + dy, box.x1 + dx, box.y1 + dy)))
