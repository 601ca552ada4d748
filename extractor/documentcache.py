"""Whole documents read before: words by the file's bytes, engine, renderer and limits. Saves drawing the pages."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from extractor.page.words import READING_VERSION, page_from_dict, page_to_dict
from models.values import Page


class DocumentCache:
    """A folder with one JSON file a document. Several processes may share it; a broken file counts as absent."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, data: bytes, *settings: object) -> tuple[Page, ...] | None:
        """The pages of the file `data` as they were read under the same `settings`, if they are kept."""
        try:
            kept = json.loads(self._path(data, settings).read_text(encoding="utf-8"))
            return tuple(page_from_dict(page) for page in kept)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, data: bytes, pages: Sequence[Page], *settings: object) -> None:
        """Keep `pages`; the last one wins."""
        path = self._path(data, settings)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.tmp")
        part.write_text(json.dumps([page_to_dict(page) for page in pages], ensure_ascii=False), encoding="utf-8")
        part.replace(path)

    def _path(self, data: bytes, settings: Sequence[object]) -> Path:
        digest = hashlib.sha256(data)
        digest.update(f"\0{READING_VERSION}\0{settings!r}".encode())
        return self.folder / "documents" / f"{digest.hexdigest()}.json"
