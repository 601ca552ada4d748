"""Printed boxes to tick: found on the page image with OpenCV, ticked or not, and set among the words as ☒ and ☐.

A box is a small, nearly square frame: a hole among the straight strokes of the page, four sides of which carry ink.
Whether it is ticked is what else is in it. Only document types with a checkbox field pay for this.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from extractor.doctypes import load_document_types
from extractor.kinds.checkbox import EMPTY_BOX, TICKED_BOX
from models.doctype import DocumentType, Kind
from models.values import Box, Page, Word

Image = NDArray[np.uint8]
Mask = NDArray[np.uint8]
Corners = tuple[int, int, int, int]  # of the hole, in pixels: x0, y0, x1, y1

READ_AS = "☒☑☐□口▢■❏回区図凶"  # what engines make of a box
LIKE_CROSSES = "Xx"  # which may be a cross in its box, or a letter
SMALL, LARGE = 0.45, 2.4  # side of a box in heights of a word
LEAST_SIDE = 7  # pixels
SLIM = 0.68  # shorter over longer side
BORNE_OUT = 0.8  # share of each side that carries ink
USUAL_HEIGHT = 0.011  # of the page's width, where no words say how tall text is
INKED, SPANNED, BIAS = 22.0, 5.0, -4.6  # logistic weights of `_chance`


@dataclass(frozen=True)
class TickBox:
    """One printed box and the chance that it is ticked."""

    box: Box
    ticked: float


def with_ticks(pages: Sequence[Page], spec: DocumentType, image_of: Callable[[int], Image] | None) -> tuple[Page, ...]:
    """`pages` with the printed boxes among their words, if `spec` has a checkbox field and there are pictures."""
    return marked(pages, image_of) if image_of is not None and has_boxes(spec) else tuple(pages)


def marked(pages: Sequence[Page], image_of: Callable[[int], Image]) -> tuple[Page, ...]:
    """`pages` with one word for every printed box. Done twice, it changes nothing more."""
    return tuple(_with_marks(page, find_boxes(image_of(page.number), page.words)) for page in pages)


def has_boxes(spec: DocumentType) -> bool:
    """Whether documents of this type have boxes that somebody wants to know of."""
    return any(f.kind is Kind.CHECKBOX for f in spec.fields)


def types_with_boxes(folder: Path | None) -> frozenset[str]:
    """Names of the document types, those in `folder` among them, whose documents have boxes to tick."""
    return frozenset(name for name, spec in load_document_types(folder).items() if has_boxes(spec))


# --- on the image -----------------------------------------------------------------------------------------------------


def find_boxes(image: Image, words: Sequence[Word] = ()) -> list[TickBox]:
    """The printed boxes of a BGR page, top to bottom. `words` say how tall its text is, and what is a letter."""
    height, width = image.shape[:2]
    tall = _text_height(words, height) or USUAL_HEIGHT * width
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
    ink = _ink(grey, tall)
    found = []
    thick = np.asarray(cv2.dilate(ink, np.ones((3, 3), np.uint8)), np.uint8)  # a slanting line keeps its run
    framed = [hole for hole in _frames(ink, thick, tall) if _is_frame(thick, hole)]
    for x0, y0, x1, y1 in _distinct([h for h in framed if not _is_letter(h, words, width, height)]):
        box = Box(max(0, x0 - 1) / width, max(0, y0 - 1) / height, (x1 + 1) / width, (y1 + 1) / height)
        found.append(TickBox(box, _chance(ink, (x0, y0, x1, y1))))
    return sorted(found, key=lambda t: (t.box.y0, t.box.x0))


def _text_height(words: Sequence[Word], height: int) -> float:
    """Median height of a word that holds letters, in pixels; 0 without any."""
    heights = [w.box.height * height for w in words if any(c.isalnum() for c in w.text)]
    return float(np.median(heights)) if heights else 0.0


def _ink(grey: Image, tall: float) -> Mask:
    """1 where it is darker than its surroundings, whatever the light."""
    block = 2 * max(8, round(1.5 * tall)) + 1
    return np.asarray(cv2.adaptiveThreshold(grey, 1, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, block, 18))


def _frames(ink: Mask, thick: Mask, tall: float) -> list[Corners]:
    """Insides of what may be small squarish frames: holes among straight strokes, and blots that are square."""
    least, most = max(LEAST_SIDE, SMALL * tall), LARGE * tall
    found: list[Corners] = []
    low = least
    while low < most:  # strokes as long as the side of a box, so that a cross within one is no stroke
        holes = _outlines(_straight(thick, round(0.85 * low)), True, low, 1.5 * low)
        found += [(x, y, x + w, y + h) for x, y, w, h in holes]  # on the rim, which had grown by as much
        low *= 1.4
    for x, y, w, h in _outlines(ink, False, least + 4, most + 4):
        rim = max(2, round(0.08 * w))
        found.append((x + rim, y + rim, x + w - rim, y + h - rim))
    return found


def _outlines(mask: Mask, holes: bool, least: float, most: float) -> list[tuple[int, int, int, int]]:
    """x, y, width, height of the holes of `mask`, or of its blots, that are nearly square and of such a size."""
    outlines, tree = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if tree is None:
        return []
    chosen = np.flatnonzero((tree[0, :, 3] >= 0) == holes).tolist()
    around = np.array([cv2.boundingRect(outlines[k]) for k in chosen]).reshape(-1, 4)
    longer, shorter = around[:, 2:].max(axis=1), around[:, 2:].min(axis=1)
    right = (longer >= least) & (longer <= most) & (shorter >= SLIM * longer)
    return [(x, y, w, h) for x, y, w, h in around[right].tolist()]


def _straight(thick: Mask, length: int) -> Mask:
    """The strokes that run across or down for `length` pixels."""
    across = cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    down = cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((length, 1), np.uint8))
    return np.asarray(np.maximum(across, down), np.uint8)


def _distinct(holes: list[Corners]) -> list[Corners]:
    """Each place once: the same frame is found at several lengths, and as a blot."""
    kept: list[Corners] = []
    for hole in holes:
        if not any(_holds(hole, other) or _holds(other, hole) for other in kept):
            kept.append(hole)
    return kept


def _holds(hole: Corners, other: Corners) -> bool:
    x, y = (other[0] + other[2]) / 2, (other[1] + other[3]) / 2
    return hole[0] <= x <= hole[2] and hole[1] <= y <= hole[3]


def _is_frame(thick: Mask, hole: Corners) -> bool:
    """Whether a straight line runs along each of the four sides and the lines meet: those of letters are round there.

    `thick` is the ink grown by one pixel, so that ragged lines and slight slants do no harm.
    """
    x0, y0, x1, y1 = hole
    side = max(x1 - x0, y1 - y0)
    out, into = max(3, side // 6), max(1, side // 10)
    if min(x0, y0) < out or x1 + out > thick.shape[1] or y1 + out > thick.shape[0]:
        return False
    left = _line_at(thick[y0:y1, x0 - out : x0 + into].mean(axis=0))
    right = _line_at(thick[y0:y1, x1 - into : x1 + out].mean(axis=0)[::-1])
    over = _line_at(thick[y0 - out : y0 + into, x0:x1].mean(axis=1))
    under = _line_at(thick[y1 - into : y1 + out, x0:x1].mean(axis=1)[::-1])
    if min(left, right, over, under) < 0:
        return False
    xs, ys = (x0 - out + left + 1, x1 + out - right - 2), (y0 - out + over + 1, y1 + out - under - 2)
    reach = side // 16
    return all(
        thick[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1].any() for x in xs for y in ys
    )


def _line_at(covered: NDArray[np.float64]) -> int:
    """The outermost place where a line runs along most of the side; -1 without one."""
    there = np.flatnonzero(covered >= BORNE_OUT)
    return int(there[0]) if len(there) else -1


def _is_letter(hole: Corners, words: Sequence[Word], width: int, height: int) -> bool:
    """Whether words cover the hole with letters or figures, other than those that engines make of a box."""
    x0, y0, x1, y1 = hole[0] / width, hole[1] / height, hole[2] / width, hole[3] / height
    middle, covered = (x0 + x1) / 2, 0.0
    for word in words:
        box = word.box
        if len(word.text) < 2 or not box.y0 < (y0 + y1) / 2 < box.y1 or box.x1 < x0 or box.x0 > x1:
            continue
        end = word.text[0] if middle < box.centre[0] else word.text[-1]
        at = (middle - box.x0) / max(box.width, 1e-6) * len(word.text)
        if not (end in READ_AS or (end in LIKE_CROSSES and not 1 < at < len(word.text) - 1)):
            covered += max(0.0, min(box.x1, x1) - max(box.x0, x0))
    return covered > 0.5 * (x1 - x0)


def _chance(ink: Mask, hole: Corners) -> float:
    """The chance that the box is ticked, from the share of ink within it and how far its largest stroke reaches."""
    inside = _within_frame(ink[hole[1] : hole[3], hole[0] : hole[2]])
    if not inside.size:
        return 0.5
    _, _, facts, _ = cv2.connectedComponentsWithStats(inside, connectivity=8)
    reach = max((max(w, h) for _, _, w, h, _ in facts[1:].tolist()), default=0) / max(inside.shape)
    return 1 / (1 + math.exp(-(INKED * float(inside.mean()) + SPANNED * reach + BIAS)))


def _within_frame(ink: Mask) -> Mask:
    """The hole without what is left of its frame: a rim, and whole lines of ink along its sides."""
    height, width = ink.shape
    rim, most = max(1, round(0.08 * width)), round(0.25 * width)
    x0 = y0 = x1 = y1 = rim
    while x0 < most and ink[:, x0].mean() > 0.6:
        x0 += 1
    while x1 < most and ink[:, width - 1 - x1].mean() > 0.6:
        x1 += 1
    while y0 < most and ink[y0].mean() > 0.6:
        y0 += 1
    while y1 < most and ink[height - 1 - y1].mean() > 0.6:
        y1 += 1
    return np.ascontiguousarray(ink[y0 : height - y1, x0 : width - x1])


# --- among the words --------------------------------------------------------------------------------------------------


def _with_marks(page: Page, boxes: Sequence[TickBox]) -> Page:
    """The page with one word for each box, in its row; what an engine made of the box gives way."""
    if not boxes:
        return page
    words = [w for w in (_without(word, boxes) for word in page.words) if w.text]
    for tick in boxes:
        _insert(words, tick)
    return replace(page, words=tuple(words))


def _without(word: Word, boxes: Sequence[TickBox]) -> Word:
    """`word` without the sign that an engine read in the place of a box: the whole of it, or glued to its label."""
    for tick in boxes:
        x, y = tick.box.centre
        if not (word.box.x0 - 0.3 * tick.box.width <= x <= word.box.x1 + 0.3 * tick.box.width):
            continue
        if not word.box.y0 <= y <= word.box.y1:
            continue
        if len(word.text) <= 2:
            return replace(word, text="")
        if word.text[0] in READ_AS and x < word.box.centre[0]:
            word = replace(word, text=word.text[1:], box=replace(word.box, x0=min(tick.box.x1, word.box.x1)))
        elif word.text[-1] in READ_AS and x > word.box.centre[0]:
            word = replace(word, text=word.text[:-1], box=replace(word.box, x1=max(tick.box.x0, word.box.x0)))
    return word


def _insert(words: list[Word], tick: TickBox) -> None:
    """Put the box into the row of the nearest word beside it, as a segment of its own; alone, it makes a row."""
    beside = [w for w in words if _shared(w.box, tick.box) > 0.4]
    nearest = min(beside, key=lambda w: max(w.box.x0 - tick.box.x1, tick.box.x0 - w.box.x1), default=None)
    sure = max(tick.ticked, 1 - tick.ticked)
    text = TICKED_BOX if tick.ticked >= 0.5 else EMPTY_BOX
    if nearest is None:
        at = sum(w.box.centre[1] < tick.box.centre[1] for w in words)
        line = -1 - len(words)
    else:
        row = [k for k, w in enumerate(words) if w.line == nearest.line]
        at = next((k for k in row if words[k].box.centre[0] > tick.box.centre[0]), row[-1] + 1)
        line = nearest.line
    words.insert(at, Word(text, tick.box, sure, line, -1 - len(words)))


def _shared(a: Box, b: Box) -> float:
    """Shared height of two boxes, as a share of the lower one."""
    return (min(a.y1, b.y1) - max(a.y0, b.y0)) / max(1e-6, min(a.height, b.height))
