"""Words are kept by what the page shows, not by where it came from."""

from __future__ import annotations

from pathlib import Path

import pytest

from extractor import read as reading
from extractor.page.render import RenderedPage, encode_png
from extractor.page.upright import turn_image
from extractor.read import read_page
from extractor.wordcache import WordCache
from models.values import Box, Page, Word
from tests.extractor import pages

PAGE = Page(3, 100, 200, (Word("é", Box(0.1, 0.2, 0.3, 0.4), 0.5, 1, 2),), "fake/1", 90, ("no_text",))


def test_a_page_comes_back_as_it_was_put(tmp_path: Path) -> None:
    cache = WordCache(tmp_path / "new")
    key = cache.key(b"pixels", "fake/1")
    assert cache.get(key) is None
    cache.put(key, PAGE)
    assert WordCache(tmp_path / "new").get(key) == PAGE


def test_pixels_engine_and_layer_are_the_key(tmp_path: Path) -> None:
    cache = WordCache(tmp_path)
    keys = {cache.key(b"a", "x"), cache.key(b"b", "x"), cache.key(b"a", "y"), cache.key(b"a", "x", "layer")}
    assert len(keys) == 4


@pytest.mark.parametrize("garbage", ["", "{", "[]", '{"words": 3}', '{"words": [["a"]]}'])
def test_a_broken_file_counts_as_absent(tmp_path: Path, garbage: str) -> None:
    cache = WordCache(tmp_path)
    key = cache.key(b"pixels", "fake/1")
    cache.put(key, PAGE)
    next(tmp_path.glob("*/*.json")).write_text(garbage)
    assert cache.get(key) is None


def test_a_page_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = turn_image(pages.bgr(pages.picture(size=(700, 700))), 180)
    cache = WordCache(tmp_path)
    rendered = [RenderedPage(n, encode_png(image), 700, 700) for n in (1, 5)]
    first = read_page(rendered[0], "rapidocr", cache)
    monkeypatch.setattr(reading, "call_guarded", None)
    again = read_page(rendered[1], "rapidocr", cache)
    assert again.page.number == 5
    assert again.page.words == first.page.words
    assert again.page.rotation == 180
    assert again.png == first.png
