"""A long page is read in tiles, and each of its lines comes once, where it stands."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from extractor.page.textlayer import Layer
from extractor.page.tiles import LONGEST, in_tiles, tiles
from extractor.page.words import read_words
from extractor.rereading.traces import unpack
from models.values import Box, Word

Image = NDArray[np.uint8]


def bars(image: Image) -> list[Word]:
    """An engine in five lines: every dark blob is a word of a line of its own."""
    assert max(image.shape[:2]) <= LONGEST
    height, width = image.shape[:2]
    _, _, found, _ = cv2.connectedComponentsWithStats((image[:, :, 0] < 128).astype(np.uint8))
    boxes = [Box(x / width, y / height, (x + w) / width, (y + h) / height) for x, y, w, h, _ in found[1:].tolist()]
    return [
        Word(f"{w}x{h}", box, 0.9, n) for n, (box, (_, _, w, h, _)) in enumerate(zip(boxes, found[1:], strict=True))
    ]


def roll(gap: int, count: int, seed: int) -> Image:
    """Bars of 20 rows, `gap` apart, on grey speckles."""
    page = np.random.default_rng(seed).integers(200, 255, (count * (20 + gap) + gap, 400, 1), dtype=np.uint8)
    page = np.repeat(page, 3, axis=2)
    for n in range(count):
        top = gap + n * (20 + gap)
        page[top : top + 20, 50 : 200 + n % 7] = 30
    return page


@pytest.mark.parametrize(("gap", "count"), [(18, 200), (3, 300), (90, 40), (401, 12)])
@pytest.mark.parametrize("side", [False, True])
def test_every_line_is_read_once_and_where_it_stands(gap: int, count: int, side: bool) -> None:
    page = roll(gap, count, seed=gap)
    image = np.ascontiguousarray(page.swapaxes(0, 1)) if side else page
    words = in_tiles(bars)(image)
    assert len({w.line for w in words}) == count
    along = sorted((w.box.x0 if side else w.box.y0) * len(page) for w in words)
    assert np.allclose(along, [gap + n * (20 + gap) for n in range(count)], atol=0.01)


class Torn:
    """The engine of `bars`, which was torn in each line."""

    name, version, reads_slanted = "torn", "1", True

    def read(self, image: Image) -> list[Word]:
        return [replace(word, trace=[[word.text, 0]]) for word in bars(image)]


def test_what_the_engine_was_torn_between_is_kept_of_every_tile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extractor.page.words.engine", lambda _name: Torn())
    monkeypatch.setattr("extractor.page.words.read_upright", lambda image, read, **_: (0, read(image)))
    page = read_words(roll(18, 200, seed=1), Layer((), 0, scan=True), "torn", 1)
    kept = unpack(page.traces)
    assert len(kept) == 200
    assert all(packed == [[page.words[index].text, 0]] for (index,), packed in kept)


def test_a_usual_page_is_given_to_the_engine_whole() -> None:
    seen = []
    in_tiles(lambda image: seen.append(image.shape) or [])(np.zeros((2000, 1414, 3), np.uint8))
    assert seen == [(2000, 1414, 3)]


def test_tiles_cover_the_page_without_gap_or_overlap() -> None:
    cuts = tiles(roll(18, 200, seed=1))
    assert cuts[0][0] == 0
    assert cuts[-1][1] == 200 * 38 + 18
    assert all(a[1] == b[0] for a, b in pairwise(cuts))
    assert all((top - 18) % 38 >= 20 for top, _ in cuts[1:])  # between two lines, never in one
