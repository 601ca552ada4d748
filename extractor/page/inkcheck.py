"""Whether the ink of a page bears out the text that its PDF carries.

A text layer is a claim. Real files carry hidden text that stands nowhere on the page (registers' metadata with the very
labels), and scans carry somebody's poor OCR. So a layer is used only when its words have ink and a few of its lines,
read from the image, say the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import compress

import cv2
import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz

from extractor.page.textlayer import Layer
from models.values import Box, Word

MIN_CHARACTERS = 50  # letters and digits; fewer is a stamp or a page number
PRINT_AGREEMENT = 0.8  # fuzzy ratio of layer and image on a stretch
SCAN_AGREEMENT = 0.95
SHORT, LONG = 6, 24  # letters and digits of a stretch; a letter costs about half a millisecond
SPARE = 3  # so many more are no matter where there are enough stretches to choose from
VISIBLE_INKED, SCAN_INKED = 0.7, 0.98  # share of the characters that must have ink
ODD = re.compile(r"[^\w\s.,;:()/$%&#'\"@!?+-]|(?<=[a-z])[A-Z0-9]|(?<=[A-Za-z])\d(?=[A-Za-z])|\W{3,}")
CROWDED = re.compile("[b-df-hj-np-tv-xz]{4}")
MIN_CONTRAST = 10.0  # standard deviation of grey values within the box of a word that is there

Image = NDArray[np.uint8]
Corners = NDArray[np.float64]  # (words, 4): left, top, right, bottom in fractions of the page
Reader = Callable[[Image, Box], tuple[str, float]]


def trusted_words(image: Image, layer: Layer, read: Reader) -> tuple[Word, ...] | None:
    """The words of `layer` that stand on `image` (upright, as are the boxes), or None when it is not to be trusted.

    `image` is BGR or grey. `read` reads one box of it with an engine; it is called for one short stretch of a page as
    it should be.
    """
    letters = [letters_in(w.text) for w in layer.words]
    if sum(letters) < MIN_CHARACTERS:
        return None
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    half = cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    small = half.astype(np.uint8, copy=False)
    corners = np.array([(b.x0, b.y0, b.x1, b.y1) for b in [w.box for w in layer.words]])
    inked = has_ink(small, corners)
    kept = sum(compress(letters, inked))
    if kept < MIN_CHARACTERS or kept < (SCAN_INKED if layer.scan else VISIBLE_INKED) * sum(letters):
        return None
    if misses_text(small, corners[inked]):
        return None
    words = list(compress(layer.words, inked))
    agrees = scan_agrees if layer.scan else print_agrees
    return tuple(words) if agrees(image, words, read) else None


def print_agrees(image: Image, words: list[Word], read: Reader) -> bool:
    """A page set in type: the stretch that looks least like words must agree entirely.

    If it nearly does, two more must agree; if not (a logo, a rule through it, a font that says other letters than it
    shows), most of eight must. Of 195 honest pages 192 were through after the first.
    """
    first = telling(words)
    score = agreement(first, image, read)
    if score == 1 and _letters_of(first) >= SHORT:
        return True
    if score >= PRINT_AGREEMENT and all(
        agreement(s, image, read) >= PRINT_AGREEMENT for s in stretches(words, 2, SHORT, SPARE)
    ):
        return True
    scores = [agreement(s, image, read) >= PRINT_AGREEMENT for s in stretches(words, 8, SHORT)]
    return sum(scores) > 0.6 * len(scores)


def telling(words: list[Word]) -> list[Word]:
    """The short stretch that looks least like words; of equals one with few letters in the middle of the page.

    A font whose letters are mixed up shows itself so wherever it stands on the page.
    """
    found = stretches(words, 10_000, SHORT)
    brief = [s for s in found if SHORT <= _letters_of(s) < SHORT + SPARE] or found
    texts = [" ".join([w.text for w in s]) for s in brief]
    strange = [len(ODD.findall(text)) + len(CROWDED.findall(text)) for text in texts]
    most = max(strange)
    equals = [s for s, count in zip(brief, strange, strict=True) if count == most]
    least = min(map(_letters_of, equals))
    shortest = [s for s in equals if _letters_of(s) == least]
    return shortest[len(shortest) // 2]


def scan_agrees(image: Image, words: list[Word], read: Reader) -> bool:
    """Somebody's OCR under a picture: nothing may overlap, and long stretches must agree, the oddest among them."""
    if overlapping_share(words) > 0.01:
        return False
    spread = stretches(words, 4, LONG)
    odd = sorted(stretches(words, 10_000, LONG), key=oddity, reverse=True)[:3]
    return all(agreement(s, image, read) >= SCAN_AGREEMENT for s in [*odd, *spread])


def oddity(stretch: list[Word]) -> float:
    """How much a stretch looks like OCR gone wrong: odd signs, capitals after small letters, digits within words."""
    text = " ".join(w.text for w in stretch)
    return len(ODD.findall(text)) / max(1, len(text))


def has_ink(grey: Image, corners: Corners) -> NDArray[np.bool_]:
    """Whether each word's box holds contrast; text in the colour of its ground, or under a picture, has none."""
    sums, squares = cv2.integral2(grey)
    height, width = grey.shape
    boxes = corners * (width, height, width, height)
    x0, y0 = (np.clip(np.floor(boxes[:, i]), 0, n - 2).astype(int) for i, n in ((0, width), (1, height)))
    x1, y1 = (np.clip(np.ceil(boxes[:, i]), a + 1, n).astype(int) for i, a, n in ((2, x0, width), (3, y0, height)))
    area = (x1 - x0) * (y1 - y0)
    mean = (sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]) / area
    square = (squares[y1, x1] - squares[y0, x1] - squares[y1, x0] + squares[y0, x0]) / area
    inked: NDArray[np.bool_] = np.sqrt(np.maximum(square - mean**2, 0)) >= MIN_CONTRAST
    return inked


def misses_text(grey: Image, corners: Corners) -> bool:
    """Whether most of the ink that could be text lies outside the words."""
    small = cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    dark = np.asarray(cv2.threshold(small, 159, 1, cv2.THRESH_BINARY_INV)[1], np.uint8)
    outside = dark.copy()
    height, width = dark.shape
    around = (corners * (width, height, width, height)).astype(int) + np.array((-1, -1, 2, 2))
    for x0, y0, x1, y1 in np.maximum(around, 0).tolist():
        outside[y0:y1, x0:x1] = 0
    least = 0.01 * dark.size
    if cv2.countNonZero(outside) <= least:  # rules and all
        return False
    long = max(12, width // 15)
    across, down = (cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones(k, np.uint8)) for k in ((1, long), (long, 1)))
    no_rule = cv2.bitwise_or(across, down) == 0
    left = int(outside[no_rule].sum())
    return left > 0.6 * int(dark[no_rule].sum()) and left > least


def overlapping_share(words: list[Word]) -> float:
    """Share of the words whose box lies over another's for more than a third of the smaller one."""
    boxes = np.array([(w.box.x0, w.box.y0, w.box.x1, w.box.y1) for w in words])
    across = np.minimum(boxes[:, None, 2], boxes[:, 2]) - np.maximum(boxes[:, None, 0], boxes[:, 0])
    down = np.minimum(boxes[:, None, 3], boxes[:, 3]) - np.maximum(boxes[:, None, 1], boxes[:, 1])
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    shared = np.clip(across, 0, None) * np.clip(down, 0, None) / np.maximum(np.minimum(areas[:, None], areas), 1e-12)
    np.fill_diagonal(shared, 0)
    return float((shared.max(axis=1) > 1 / 3).mean()) if len(words) > 1 else 0.0


def stretches(words: list[Word], count: int, length: int, spare: int = 10_000) -> list[list[Word]]:
    """Up to `count` stretches of neighbouring words with about `length` letters and digits, spread over the page.

    Where there are enough to choose from, none has more than `spare` above that.
    """
    found: dict[int, list[Word]] = {}
    held: dict[int, int] = {}  # letters and digits so far
    for word in words:
        if held.get(word.segment, 0) < length:
            found.setdefault(word.segment, []).append(word)
            held[word.segment] = held.get(word.segment, 0) + letters_in(word.text)
    good = sorted(found, key=lambda segment: -min(held[segment], length))
    enough = [s for s in good if held[s] >= min(length, SHORT)] or good[:count]
    if len(brief := [s for s in enough if held[s] <= length + spare]) >= 2 * count:
        enough = brief
    in_order = sorted([found[s] for s in enough], key=lambda s: (s[0].line, s[0].segment))
    if len(in_order) <= count:
        return in_order
    return [in_order[round((i + 0.5) * len(in_order) / count - 0.5)] for i in range(count)]


def agreement(line: list[Word], image: Image, read: Reader) -> float:
    """Fuzzy ratio (0 to 1) between what the layer says and what an engine reads there."""
    said = _plain(" ".join(w.text for w in line))
    seen = _plain(read(image, Box.union(w.box for w in line))[0])
    return fuzz.ratio(said, seen) / 100


def _plain(text: str) -> str:
    return re.sub(r"[\W_]", "", text).upper()


def letters_in(text: str) -> int:
    """Letters and digits."""
    return len(text) if text.isalnum() else sum(map(str.isalnum, text))


def _letters_of(words: list[Word]) -> int:
    return sum([letters_in(w.text) for w in words])
