"""A bundle: everything a trained extractor is, as a folder of safetensors and JSON. Nothing in it can run code.

``bundle.json`` names the other files by digest and is replaced last, in one rename: a reader sees the old bundle or the
new one, never half of each.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors import numpy as safetensors

FORMAT = 1
INDEX = "bundle.json"

APART = {"reader": "reader/"}  # tables with text of documents, in a file of their own that can be dropped by itself

Array = NDArray[Any]
Parts = tuple[dict[str, Array], dict[str, str], dict[str, Any]]


class BundleUnreadable(Exception):
    """A folder that does not hold a usable bundle; the message says what to do next."""


@dataclass(frozen=True)
class Bundle:
    """Tensors, model texts and tables by slash-separated name, and `meta`: what it was trained on, and how well."""

    meta: dict[str, Any] = field(default_factory=dict)
    tensors: dict[str, Array] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    tables: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def version(self) -> str:
        """An id that two bundles share only if all their contents are equal."""
        payload = json.dumps({"meta": self.meta, "files": {n: _digest(b) for n, b in self._files()}}, sort_keys=True)
        return f"b-{_digest(payload.encode())[:12]}"

    def section(self, prefix: str) -> Parts:
        """The parts whose name starts with `prefix`, without it."""
        return _under(self.tensors, prefix), _under(self.texts, prefix), _under(self.tables, prefix)

    def has_section(self, prefix: str) -> bool:
        return any(name.startswith(prefix) for part in (self.tensors, self.texts, self.tables) for name in part)

    def with_section(self, prefix: str, parts: Parts) -> Bundle:
        """A bundle in which `parts` replace everything under `prefix`."""
        tensors, texts, tables = parts
        return Bundle(
            self.meta,
            _replaced(self.tensors, prefix, tensors),
            _replaced(self.texts, prefix, texts),
            _replaced(self.tables, prefix, tables),
        )

    def with_meta(self, **entries: Any) -> Bundle:
        return Bundle(self.meta | entries, self.tensors, self.texts, self.tables)

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(len(content) for _, content in self._files())

    def save(self, folder: Path) -> None:
        """Write the bundle; whatever bundle was there is replaced by one rename."""
        folder.mkdir(parents=True, exist_ok=True)
        index: dict[str, Any] = {"format": FORMAT, "meta": self.meta, "files": {}}
        for name, content in self._files():
            stem, suffix = name.split(".", 1)
            index["files"][name] = {"path": f"{stem}-{_digest(content)[:16]}.{suffix}", "sha256": _digest(content)}
            _write(folder / index["files"][name]["path"], content)
        _write(folder / INDEX, json.dumps(index, indent=1, sort_keys=True).encode())
        _remove_orphans(folder, {entry["path"] for entry in index["files"].values()} | {INDEX})

    @classmethod
    def load(cls, folder: Path) -> Bundle:
        """Read a bundle and check every digest. Raises `BundleUnreadable`."""
        index = _read_index(folder)
        contents = {name: _read_checked(folder, entry) for name, entry in index["files"].items()}
        try:
            tables = json.loads(lzma.decompress(contents["tables.json.xz"]))
            for name in APART:
                packed = contents.get(f"{name}.json.xz")
                tables |= json.loads(lzma.decompress(packed)) if packed else {}
            return cls(
                index["meta"],
                safetensors.load(contents["tensors.safetensors"]),
                json.loads(lzma.decompress(contents["texts.json.xz"])),
                tables,
            )
        except (KeyError, ValueError, lzma.LZMAError, SafetensorError) as error:
            raise BundleUnreadable(f"{folder}: the bundle is damaged ({error}). {_NEXT}") from error

    def _files(self) -> tuple[tuple[str, bytes], ...]:
        tensors = {name: np.ascontiguousarray(array) for name, array in sorted(self.tensors.items())}
        apart = {name: _prefixed(self.tables, prefix) for name, prefix in APART.items()}
        shared = {name: table for name, table in self.tables.items() if not name.startswith(tuple(APART.values()))}
        return (
            ("tensors.safetensors", safetensors.save(tensors)),
            ("texts.json.xz", _pack(self.texts)),
            ("tables.json.xz", _pack(shared)),
            *((f"{name}.json.xz", _pack(tables)) for name, tables in apart.items() if tables),
        )


_NEXT = "Restore it, or train one: countersign learn --manifest MANIFEST.jsonl --bundle NEW_FOLDER"


def _pack(content: Mapping[str, Any]) -> bytes:
    return lzma.compress(json.dumps(content, sort_keys=True, ensure_ascii=False).encode(), preset=6)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _under(part: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in part.items() if name.startswith(prefix)}


def _prefixed(part: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name.startswith(prefix)}


def _replaced(part: Mapping[str, Any], prefix: str, new: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in part.items() if not name.startswith(prefix)}
    return kept | {prefix + name: value for name, value in new.items()}


def _write(path: Path, content: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).chmod(0o644)
    Path(temporary).replace(path)


def _remove_orphans(folder: Path, wanted: set[str]) -> None:
    for pattern in (
        "tensors-*.safetensors",
        "texts-*.json.xz",
        "tables-*.json.xz",
        *(f"{name}-*.json.xz" for name in APART),
    ):
        for path in folder.glob(pattern):
            if path.name not in wanted:
                path.unlink()


def _read_index(folder: Path) -> dict[str, Any]:
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except OSError as error:
        raise BundleUnreadable(f"{folder} holds no bundle ({error.strerror}: {INDEX}). {_NEXT}") from error
    except ValueError as error:
        raise BundleUnreadable(f"{folder / INDEX} is not JSON ({error}). {_NEXT}") from error
    if not isinstance(index, dict) or index.get("format") != FORMAT:
        found = index.get("format") if isinstance(index, dict) else None
        raise BundleUnreadable(f"{folder}: bundle format {found!r}, this program reads {FORMAT}. {_NEXT}")
    return index


def _read_checked(folder: Path, entry: Mapping[str, str]) -> bytes:
    path = folder / Path(entry["path"]).name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BundleUnreadable(f"{path} is missing from the bundle. {_NEXT}") from error
    if _digest(content) != entry["sha256"]:
        raise BundleUnreadable(f"{path} was changed or damaged: its digest is not the one in {INDEX}. {_NEXT}")
    return content
