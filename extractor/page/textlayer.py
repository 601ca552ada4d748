"""The text that a PDF carries beside its ink: its words on the rendered page, whether to be believed or not."""

from __future__ import annotations

import ctypes
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from extractor.page.pdftext import LEAST_GAP, Characters, kinds_of_objects
from extractor.page.rows import Corners, Piece, arrange, turn_box
from models.values import TEXT_LAYER, Word

NAME = f"{TEXT_LAYER}/1"
TURNS = (0, 90, 180, 270)


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
    turn = _most_common(found, directions)
    words: list[Word] = []
    for own in sorted(set(directions), key=lambda d: (d != turn, d)):  # what runs across the page comes last
        pieces = [
            Piece([(t.text, _turned(b, width, height, own) if own else b, 1.0)])
            for t, b, d in zip(found, boxes, directions, strict=True)
            if d == own
        ]
        size = (height, width) if own in (90, 270) else (width, height)
        words += _moved_back(arrange(pieces, *size), own, words)
    return Layer(tuple(words), turn, scan)


def _most_common(tokens: list[Token], directions: list[int]) -> int:
    """The direction of most of the text."""
    if len(set(directions)) == 1:
        return directions[0]
    letters = Counter[int]()
    for token, direction in zip(tokens, directions, strict=True):
        letters[direction] += len(token.text)
    return max(TURNS, key=lambda t: letters[t])


def _moved_back(words: list[Word], turn: int, after: list[Word]) -> list[Word]:
    """Boxes turned back to the rendering, rows and segments counted on from `after`."""
    if not turn and not after:
        return words
    line, segment = (after[-1].line + 1, after[-1].segment + 1) if after else (0, 0)
    back = (360 - turn) % 360
    return [replace(w, box=turn_box(w.box, back), line=w.line + line, segment=w.segment + segment) for w in words]


def covered_by_image(page: Any, share: float = 0.5) -> bool:
    """Whether images cover more than `share` of the page."""
    edges = page.get_bbox()  # in the space of the objects: it need not begin at 0, 0, nor lie as the page is shown
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    references = [ctypes.byref(v) for v in (left, bottom, right, top)]
    covered = 0.0
    for item in _images(page):
        if pdfium.FPDFPageObj_GetBounds(item, *references):
            across = min(right.value, edges[2]) - max(left.value, edges[0])
            covered += max(0.0, across) * max(0.0, min(top.value, edges[3]) - max(bottom.value, edges[1]))
    return bool(covered > share * (edges[2] - edges[0]) * (edges[3] - edges[1]))


def _images(page: Any) -> Iterator[Any]:
    """Images near the bottom and the top of the pile, where a scan's lies: a page may hold thousands of objects."""
    count = pdfium.FPDFPage_CountObjects(page.raw)
    looked_at = (*range(min(count, 200)), *range(max(200, count - 50), count))
    for i, kind in zip(looked_at, kinds_of_objects(page.raw, looked_at), strict=True):
        if kind not in (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_FORM):
            continue
        item = pdfium.FPDFPage_GetObject(page.raw, i)
        if kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            yield item
        else:
            yield from (o.raw for o in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=3, form=item))


class Token(NamedTuple):
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
        word = match.group()
        shown, angle = characters.is_painted(start), characters.angle(start)
        whole = characters.whole(start, end - start)
        if whole:
            tokens.append(Token(word.replace("\x02", "-"), whole, angle, shown, start, end - 1))
        else:
            tokens += _by_characters(characters, start, word, angle, shown)
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
        if letters and _distance(box, own) > LEAST_GAP * size:
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

    rounded = {angle: round(angle, 1) for angle in {t.angle for t in tokens}}
    longest: dict[float, list[Token]] = {angle: [] for angle in rounded.values()}
    for token in sorted([t for t in tokens if t.last > t.first], key=_length, reverse=True):
        if len(own := longest[rounded[token.angle]]) < 7:
            own.append(token)
    turned: dict[float, bool] = {}
    for angle, own in longest.items():
        votes = 0.0
        for token in own:
            (x0, y0), (x1, y1) = middle(token.first), middle(token.last)
            along = (x1 - x0) * math.cos(angle) + (y1 - y0) * math.sin(angle)
            votes += math.copysign(1, along)
        turned[angle] = votes < 0
    if not any(turned.values()):
        return tokens
    return [t._replace(angle=t.angle + math.pi) if turned[rounded[t.angle]] else t for t in tokens]


def _length(token: Token) -> int:
    return len(token.text)


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
    by_angle = _turns_of({t.angle for t in tokens}, matrix)
    return [(a, b, c, d) for a, b, c, d in boxes.tolist()], [by_angle[t.angle] for t in tokens]


def _turns_of(angles: set[float], matrix: NDArray[np.float64]) -> dict[float, int]:
    """For each angle of text in page space the turn that brings it upright on the picture."""
    known = list(angles)
    along = np.stack([np.cos(known), np.sin(known)], axis=1) @ matrix.T  # which way each text runs on the picture
    down = np.degrees(np.arctan2(along[:, 1], along[:, 0]))  # clockwise, as y points down
    turns = (-np.round(down / 90).astype(int) * 90) % 360
    return dict(zip(known, turns.tolist(), strict=True))


def _turned(box: Corners, width: int, height: int, turn: int) -> Corners:
    x0, y0, x1, y1 = box
    if turn == 90:
        return height - y1, x0, height - y0, x1
    if turn == 180:
        return width - x1, height - y1, width - x0, height - y0
    if turn == 270:
        return y0, width - x1, y1, width - x0
    return box
