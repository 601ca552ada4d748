"""Words that were read before: pages by content of their pixels, engine with version, and version of our reading."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from extractor.page.words import READING_VERSION, page_from_dict, page_to_dict
from models.values import Page


class WordCache:
    """A folder of pages as JSON, one file each. Several processes may share it; a broken file counts as absent."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def key(self, content: bytes, engine: str, layer: str = "") -> str:
        """Name under which a page is kept: `content` is its lossless image, `engine` carries its version."""
        digest = hashlib.sha256(content)
        digest.update(f"\0{engine}\0{layer}\0{READING_VERSION}".encode())
        return digest.hexdigest()

    def get(self, key: str) -> Page | None:
        """The page kept under `key`, if any."""
        try:
            return page_from_dict(json.loads(self._path(key).read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, key: str, page: Page) -> None:
        """Keep `page`; the last one wins."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.tmp")
        part.write_text(json.dumps(page_to_dict(page), ensure_ascii=False), encoding="utf-8")
        part.replace(path)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"
