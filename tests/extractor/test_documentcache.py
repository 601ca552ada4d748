"""A document is found again by its bytes and settings, and a broken file counts as absent."""

from __future__ import annotations

from pathlib import Path

from extractor.documentcache import DocumentCache
from tests.extractor.fields.documents import page_of

PAGES = (page_of(["Bill 12", "Total   3.00"]), page_of(["Thanks"], number=2))


def test_the_same_bytes_and_settings_give_the_pages_back(tmp_path: Path) -> None:
    cache = DocumentCache(tmp_path)
    assert cache.get(b"file", "engine/1", 200) is None
    cache.put(b"file", PAGES, "engine/1", 200)
    kept = cache.get(b"file", "engine/1", 200)
    assert kept is not None
    assert [page.text for page in kept] == [page.text for page in PAGES]
    assert cache.get(b"other", "engine/1", 200) is None
    assert cache.get(b"file", "engine/2", 200) is None


def test_a_broken_file_is_read_anew(tmp_path: Path) -> None:
    cache = DocumentCache(tmp_path)
    cache.put(b"file", PAGES)
    kept = next(tmp_path.rglob("*.json"))
    for content in ("", "{}", "[{}]", '[{"number": "x"}]'):
        kept.write_text(content)
        assert cache.get(b"file") in (None, ())
