"""Reading order: pieces of text to rows from top to bottom, words from left to right, segments at wide gaps."""

from __future__ import annotations

import math
from bisect import bisect, insort
from dataclasses import dataclass
from itertools import islice

from models.values import Box, Word

SEGMENT_GAP = 1.2  # in heights of the row
Corners = tuple[float, float, float, float]


@dataclass(frozen=True)
class Piece:
    """Words that an engine found as one line, in pixels: (text, corners, confidence)."""

    words: list[tuple[str, Corners, float]]

    @property
    def corners(self) -> Corners:
        if len(self.words) == 1:
            return self.words[0][1]
        corners = [c for _, c, _ in self.words]
        return (
            min(c[0] for c in corners),
            min(c[1] for c in corners),
            max(c[2] for c in corners),
            max(c[3] for c in corners),
        )


class Row:
    """Pieces beside each other, with what they span from top to bottom."""

    __slots__ = ("bottom", "closed", "pieces", "top")

    def __init__(self, corners: Corners, piece: Piece, closed: bool = False) -> None:
        self.pieces = [(corners, id(piece), piece)]  # from left to right
        self.top, self.bottom = corners[1], corners[3]
        self.closed = closed  # text that runs down the page stands alone

    def add(self, corners: Corners, piece: Piece) -> None:
        if self.pieces[-1][0] < corners:
            self.pieces.append((corners, id(piece), piece))
        else:
            insort(self.pieces, (corners, id(piece), piece))
        if corners[1] < self.top:
            self.top = corners[1]
        if corners[3] > self.bottom:
            self.bottom = corners[3]

    @property
    def middle(self) -> float:
        return sum([(c[1] + c[3]) / 2 for c, _, _ in self.pieces]) / len(self.pieces)


def arrange(pieces: list[Piece], width: int, height: int, skew: float = 0.0) -> list[Word]:
    """Words in reading order with rows and segments; boxes become fractions of `width` x `height`.

    `skew` in degrees (clockwise positive) levels the rows for the ordering only; the boxes stay where the ink is.
    """
    slope = math.tan(math.radians(skew))
    rows = _rows([p for p in pieces if p.words], slope)
    words: list[Word] = []
    segment = -1
    for number, row in enumerate(rows):
        flat = sorted([w for _, _, p in row.pieces for w in p.words], key=_left)
        heights = sorted([c[3] - c[1] for _, c, _ in flat])
        gap = SEGMENT_GAP * max(heights[len(heights) // 2], 1.0)
        last: float | None = None
        for text, (x0, y0, x1, y1), confidence in flat:
            if last is None or x0 - last > gap:
                segment += 1
            last = x1 if last is None or x1 > last else last
            if 0 < x0 < width and 0 < x1 < width and 0 < y0 < height and 0 < y1 < height:
                box = Box(x0 / width, y0 / height, x1 / width, y1 / height)
            else:
                box = Box(_share(x0, width), _share(y0, height), _share(x1, width), _share(y1, height))
            words.append(Word(text, box, confidence, number, segment))
    return words


def _left(word: tuple[str, Corners, float]) -> float:
    return word[1][0]


def _down(entry: tuple[Corners, Piece]) -> tuple[float, float]:
    x0, y0, _, y1 = entry[0]
    return y0 + y1, x0


def _rows(pieces: list[Piece], slope: float) -> list[Row]:
    """A piece joins the row whose nearest piece it overlaps in height, most of all rows; else it opens one."""
    rows: list[Row] = []
    level = [(_levelled(p.corners, slope) if slope else p.corners, p) for p in pieces]
    for corners, piece in sorted(level, key=_down):
        closed = _runs_down(corners, piece)
        best, most = None, 0.5
        top, bottom = corners[1], corners[3]
        for row in () if closed else islice(reversed(rows), 12):  # the last twelve, from the last one up
            if row.bottom <= top or row.top >= bottom or row.closed:
                continue
            overlap = _overlap(corners, row)
            if overlap > most:
                best, most = row, overlap
                if most > 0.9:
                    break
        if best:
            best.add(corners, piece)
        else:
            rows.append(Row(corners, piece, closed))
    return sorted(rows, key=lambda r: r.middle)


def _runs_down(corners: Corners, piece: Piece) -> bool:
    x0, y0, x1, y1 = corners
    return y1 - y0 > 1.5 * (x1 - x0) and sum(len(t) for t, _, _ in piece.words) > 2


def _levelled(corners: Corners, slope: float) -> Corners:
    x0, y0, x1, y1 = corners
    down = slope * (x0 + x1) / 2
    grown = abs(slope) * (x1 - x0) / 2  # what the slant adds to the height of a long line
    grown = min(grown, 0.4 * (y1 - y0))
    return x0, y0 - down + grown, x1, y1 - down - grown


def _overlap(corners: Corners, row: Row) -> float:
    """Shared height with the nearest piece of `row`, as a share of the lower one; 0 if they stand over each other."""
    x0, y0, x1, y1 = corners
    left, top, right, bottom = _nearest(corners, row)
    if x0 < right and left < x1 and min(x1, right) - max(x0, left) > 0.5 * min(x1 - x0, right - left):
        return 0.0
    shared = min(y1, bottom) - max(y0, top)
    return shared / max(1e-6, min(y1 - y0, bottom - top))


def _nearest(corners: Corners, row: Row) -> Corners:
    """Corners of the piece of `row` that stands next to `corners`."""
    last = row.pieces[-1][0]
    if last < corners:
        return last
    at = bisect(row.pieces, (corners,))
    if at == 0:
        return row.pieces[0][0]
    before, after = row.pieces[at - 1][0], row.pieces[at][0]
    return before if _apart(before, corners[0], corners[2]) <= _apart(after, corners[0], corners[2]) else after


def _apart(corners: Corners, x0: float, x1: float) -> float:
    return corners[0] - x1 if corners[0] > x0 else x0 - corners[2]


def turn_box(box: Box, turn: int) -> Box:
    """Where `box` lies after the page was turned clockwise by 0, 90, 180 or 270 degrees."""
    x0, y0, x1, y1 = box.x0, box.y0, box.x1, box.y1
    if turn == 90:
        return Box(1 - y1, x0, 1 - y0, x1)
    if turn == 180:
        return Box(1 - x1, 1 - y1, 1 - x0, 1 - y0)
    if turn == 270:
        return Box(y0, 1 - x1, y1, 1 - x0)
    return box


def _share(value: float, of: int) -> float:
    share = value / of
    return share if 0.0 < share < 1.0 else min(1.0, max(0.0, share))
