"""The text that a PDF carries beside its ink: its words on the rendered page, and whether the ink bears them out.

A text layer is a claim. Real files carry hidden text that stands nowhere on the page (registers' metadata with the very
labels), and scans carry somebody's poor OCR. So a layer is used only when its words have ink and a few of its lines,
read from the image, say the same.
"""

from __future__ import annotations

import ctypes
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray
from rapidfuzz import fuzz

from extractor.pdftext import Characters
from extractor.rows import Corners, Piece, arrange, turn_box
from models.values import TEXT_LAYER, Box, Word

NAME = f"{TEXT_LAYER}/1"
MIN_CHARACTERS = 50  # letters and digits; fewer is a stamp or a page number
PRINT_AGREEMENT = 0.8  # fuzzy ratio of layer and image on a stretch
SCAN_AGREEMENT = 0.95
SHORT, LONG = 6, 24  # letters and digits of a stretch; a letter costs about half a millisecond
SPARE = 3  # so many more are no matter where there are enough stretches to choose from
VISIBLE_INKED, SCAN_INKED = 0.7, 0.98  # share of the characters that must have ink
ODD = re.compile(r"[^\w\s.,;:()/$%&#'\"@!?+-]|(?<=[a-z])[A-Z0-9]|(?<=[A-Za-z])\d(?=[A-Za-z])|\W{3,}")
TURNS = (0, 90, 180, 270)
MIN_CONTRAST = 10.0  # standard deviation of grey values within the box of a word that is there


@dataclass(frozen=True)
class Layer:
    """Words of one page, boxes in fractions of its rendering; `turn` = degrees clockwise that make the text upright."""

    words: tuple[Word, ...] = ()
    turn: int = 0
    scan: bool = False  # a page-sized image carries the ink


def read_layer(page: Any, width: int, height: int) -> Layer:
    """The text of a pypdfium2 page rendered at `width` x `height`. Invisible characters are kept only over a scan."""
    text = page.get_textpage()
    if text.count_chars() <= 0:
        return Layer()
    scan = covered_by_image(page)
    found = _tokens(text)
    if not scan:
        found = [t for t in found if t.shown]
    if not found:
        return Layer(scan=scan)
    boxes, directions = _to_pixels(page.raw, _with_true_angles(text.raw, found), width, height)
    letters = Counter[int]()
    for token, direction in zip(found, directions, strict=True):
        letters[direction] += len(token.text)
    turn = max(TURNS, key=lambda t: letters[t])
    words: list[Word] = []
    for own in sorted(set(directions), key=lambda d: (d != turn, d)):  # what runs across the page comes last
        pieces = [
            Piece([(t.text, _turned(b, width, height, own), 1.0)])
            for t, b, d in zip(found, boxes, directions, strict=True)
            if d == own
        ]
        size = (height, width) if own in (90, 270) else (width, height)
        words += _moved_back(arrange(pieces, *size), own, words)
    return Layer(tuple(words), turn, scan)


def _moved_back(words: list[Word], turn: int, after: list[Word]) -> list[Word]:
    """Boxes turned back to the rendering, rows and segments counted on from `after`."""
    if not turn and not after:
        return words
    line, segment = (after[-1].line + 1, after[-1].segment + 1) if after else (0, 0)
    back = (360 - turn) % 360
    return [replace(w, box=turn_box(w.box, back), line=w.line + line, segment=w.segment + segment) for w in words]


def covered_by_image(page: Any, share: float = 0.5) -> bool:
    """Whether images cover more than `share` of the page."""
    width, height = page.get_size()
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    references = [ctypes.byref(v) for v in (left, bottom, right, top)]
    covered = 0.0
    for item in _images(page):
        if pdfium.FPDFPageObj_GetBounds(item, *references):
            across = min(right.value, width) - max(left.value, 0)
            covered += max(0.0, across) * max(0.0, min(top.value, height) - max(bottom.value, 0))
    return bool(covered > share * width * height)


def _images(page: Any) -> Iterator[Any]:
    """Images near the bottom and the top of the pile, where a scan's lies: a page may hold thousands of objects."""
    count = pdfium.FPDFPage_CountObjects(page.raw)
    for i in (*range(min(count, 200)), *range(max(200, count - 50), count)):
        item = pdfium.FPDFPage_GetObject(page.raw, i)
        kind = pdfium.FPDFPageObj_GetType(item)
        if kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            yield item
        elif kind == pdfium.FPDF_PAGEOBJ_FORM:
            yield from (o.raw for o in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=3, form=item))


@dataclass(frozen=True, slots=True)
class Token:
    """Characters without a gap, in page space: corners (left, bottom, right, top), angle of the first in radians."""

    text: str
    corners: Corners
    angle: float
    shown: bool
    first: int  # index of its first character
    last: int


SOLID = re.compile(
    "[^\\s\\x00-\\x1f\\u00ad\\u200b\\ufeff\\ufffe\\uffff]+\\x02?"
)  # PDFium writes a hyphen at a line's end as 2


def _tokens(page_text: Any) -> list[Token]:
    """Words as PDFium separates them. One call a word instead of five a character: 6 ms a page instead of 20."""
    text = page_text.get_text_range(errors="replace")
    count = page_text.count_chars()
    characters = Characters(page_text.raw)
    if len(text) != count:  # surrogates or dropped characters: positions in the string are not indexes of characters
        text = "".join(_character(page_text.raw, i) for i in range(count))
    tokens: list[Token] = []
    for match in SOLID.finditer(text):
        start, end = match.span()
        shown, angle = characters.is_painted(start), characters.angle(start)
        whole = _joined(characters.rectangles(start, end - start))
        if whole:
            tokens.append(Token(match.group().replace("\x02", "-"), whole, angle, shown, start, end - 1))
        else:
            tokens += _by_characters(characters, start, match.group(), angle, shown)
    return tokens


def _character(raw_text: Any, index: int) -> str:
    code = pdfium.FPDFText_GetUnicode(raw_text, index)
    return chr(code) if code and not 0xD800 <= code <= 0xDFFF else " "


def _by_characters(characters: Characters, start: int, text: str, angle: float, shown: bool) -> list[Token]:
    """A token that lies in several rectangles: cut where a character jumps away from the last one."""
    tokens: list[Token] = []
    letters, box = "", (0.0, 0.0, 0.0, 0.0)
    for offset, letter in enumerate(text.replace("\x02", "-")):
        own = characters.box(start + offset)
        size = max(
            *(own[i + 2] - own[i] for i in (0, 1)), *(box[i + 2] - box[i] for i in (0, 1) if len(letters) == 1), 1
        )
        if letters and _distance(box, own) > 0.6 * size:
            end = start + offset - 1
            tokens.append(Token(letters, box, angle, shown, end - len(letters) + 1, end))
            letters = ""
        box = _around(box, own) if letters else own
        letters += letter
    end = start + len(text) - 1
    return [*tokens, Token(letters, box, angle, shown, end - len(letters) + 1, end)]


def _with_true_angles(raw_text: Any, tokens: list[Token]) -> list[Token]:
    """PDFium reports the opposite angle for mirrored text matrices, so the longest tokens of each angle are asked."""
    characters = Characters(raw_text)

    def middle(index: int) -> tuple[float, float]:
        left, bottom, right, top = characters.box(index)
        return (left + right) / 2, (bottom + top) / 2

    angles = [round(t.angle, 1) for t in tokens]
    turned: dict[float, bool] = {}
    for angle in set(angles):
        votes = 0.0
        own = [t for t, a in zip(tokens, angles, strict=True) if a == angle and t.last > t.first]
        for token in sorted(own, key=lambda t: -len(t.text))[:7]:
            (x0, y0), (x1, y1) = middle(token.first), middle(token.last)
            along = (x1 - x0) * math.cos(angle) + (y1 - y0) * math.sin(angle)
            votes += math.copysign(1, along)
        turned[angle] = votes < 0
    if not any(turned.values()):
        return tokens
    return [replace(t, angle=t.angle + math.pi) if turned[a] else t for t, a in zip(tokens, angles, strict=True)]


def _joined(found: list[Corners]) -> Corners | None:
    """The rectangles of one word as one, or None if there are none or a gap lies between them."""
    if not found:
        return None
    whole = found[0]
    for own in found[1:]:
        size = max(min(whole[2] - whole[0], whole[3] - whole[1]), min(own[2] - own[0], own[3] - own[1]), 1.0)
        if _distance(whole, own) > 0.6 * size:
            return None
        whole = _around(whole, own)
    return whole


def _distance(a: Corners, b: Corners) -> float:
    return max(b[0] - a[2], a[0] - b[2], b[1] - a[3], a[1] - b[3])


def _around(a: Corners, b: Corners) -> Corners:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def _to_pixels(page: Any, tokens: list[Token], width: int, height: int) -> tuple[list[Corners], list[int]]:
    """Corners in pixels of the rendering, and for each token the turn that brings it upright.

    Through PDFium's own mapping, which knows the crop box and /Rotate.
    """
    unit, fine = 1000.0, 1_000_000

    def mapped(x: float, y: float) -> tuple[float, float]:
        at_x, at_y = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDF_PageToDevice(page, 0, 0, fine, fine, 0, x, y, ctypes.byref(at_x), ctypes.byref(at_y))
        return at_x.value / fine, at_y.value / fine

    origin, along_x, along_y = (np.array(mapped(*p)) for p in ((0, 0), (unit, 0), (0, unit)))
    matrix = np.stack([along_x - origin, along_y - origin], axis=1) / unit * np.array([[width], [height]])  # 2x2
    corners = np.array([t.corners for t in tokens])
    first, second = (corners[:, i : i + 2] @ matrix.T + origin * (width, height) for i in (0, 2))
    boxes = np.hstack([np.minimum(first, second), np.maximum(first, second)])
    angles = np.array([t.angle for t in tokens])
    along = np.stack([np.cos(angles), np.sin(angles)], axis=1) @ matrix.T  # which way each text runs on the picture
    down = np.degrees(np.arctan2(along[:, 1], along[:, 0]))  # clockwise, as y points down
    turns = (-np.round(down / 90).astype(int) * 90) % 360
    return [(a, b, c, d) for a, b, c, d in boxes.tolist()], turns.tolist()


def _turned(box: Corners, width: int, height: int, turn: int) -> Corners:
    x0, y0, x1, y1 = box
    if turn == 90:
        return height - y1, x0, height - y0, x1
    if turn == 180:
        return width - x1, height - y1, width - x0, height - y0
    if turn == 270:
        return y0, width - x1, y1, width - x0
    return box


# --- does the ink bear it out -----------------------------------------------------------------------------------------

Image = NDArray[np.uint8]
Reader = Callable[[Image, Box], tuple[str, float]]


def trusted_words(image: Image, layer: Layer, read: Reader) -> tuple[Word, ...] | None:
    """The words of `layer` that stand on `image` (upright, as are the boxes), or None when it is not to be trusted.

    `image` is BGR or grey. `read` reads one box of it with an engine; it is called for two short stretches of a page as
    it should be.
    """
    total = _characters_in(layer.words)
    if total < MIN_CHARACTERS:
        return None
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    half = cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    small = half.astype(np.uint8, copy=False)
    inked = [w for w, ink in zip(layer.words, has_ink(small, layer.words), strict=True) if ink]
    kept = _characters_in(inked)
    if kept < MIN_CHARACTERS or kept < (SCAN_INKED if layer.scan else VISIBLE_INKED) * total:
        return None
    if misses_text(small, inked):
        return None
    agrees = scan_agrees if layer.scan else print_agrees
    return tuple(inked) if agrees(image, inked, read) else None


def print_agrees(image: Image, words: list[Word], read: Reader) -> bool:
    """A page set in type: two stretches must agree; if one does not (a logo, a rule through it), most of eight must."""
    if all(agreement(s, image, read) >= PRINT_AGREEMENT for s in stretches(words, 2, SHORT, SPARE)):
        return True
    scores = [agreement(s, image, read) >= PRINT_AGREEMENT for s in stretches(words, 8, SHORT)]
    return sum(scores) > 0.6 * len(scores)


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


def has_ink(grey: Image, words: tuple[Word, ...]) -> NDArray[np.bool_]:
    """Whether each word's box holds contrast; text in the colour of its ground, or under a picture, has none."""
    sums, squares = cv2.integral2(grey)
    height, width = grey.shape
    boxes = np.array([(w.box.x0, w.box.y0, w.box.x1, w.box.y1) for w in words]) * (width, height, width, height)
    x0, y0 = (np.clip(np.floor(boxes[:, i]), 0, n - 2).astype(int) for i, n in ((0, width), (1, height)))
    x1, y1 = (np.clip(np.ceil(boxes[:, i]), a + 1, n).astype(int) for i, a, n in ((2, x0, width), (3, y0, height)))
    area = (x1 - x0) * (y1 - y0)
    mean = (sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]) / area
    square = (squares[y1, x1] - squares[y0, x1] - squares[y1, x0] + squares[y0, x0]) / area
    inked: NDArray[np.bool_] = np.sqrt(np.maximum(square - mean**2, 0)) >= MIN_CONTRAST
    return inked


def misses_text(grey: Image, words: list[Word]) -> bool:
    """Whether most of the ink that could be text lies outside the words."""
    small = cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    dark = (np.asarray(small) < 160).astype(np.uint8)
    long = max(12, dark.shape[1] // 15)
    across, down = (cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones(k, np.uint8)) for k in ((1, long), (long, 1)))
    text = np.where(np.maximum(across, down) > 0, 0, dark)
    total = int(text.sum())
    height, width = dark.shape
    for word in words:
        x0, y0, x1, y1 = word.box.x0 * width, word.box.y0 * height, word.box.x1 * width, word.box.y1 * height
        text[max(0, int(y0) - 1) : int(y1) + 2, max(0, int(x0) - 1) : int(x1) + 2] = 0
    outside = int(text.sum())
    return outside > 0.6 * total and outside > 0.01 * dark.size


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
            held[word.segment] = held.get(word.segment, 0) + _characters_in([word])
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


def _characters_in(words: list[Word] | tuple[Word, ...]) -> int:
    return sum(sum(map(str.isalnum, w.text)) for w in words)
