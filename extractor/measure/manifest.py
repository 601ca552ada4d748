"""Manifests: JSON Lines that say which file is of which type and what its fields are.

One object a line: ``{"file", "type", "fields", "split"}``. A field of null is unlabelled: neither a negative example
nor scored. ``{"absent": true}`` is proof that the document does not carry it. Files are named relative to the manifest.
``"lines"`` are transcripts of its lines, as text or as ``{"text"}``: confirmed text, from which reading learns.
``"group"`` (or ``"family"``) names those that look alike, e.g. of one seller: confidence is calibrated on groups held
out whole. A document of type ``unknown`` teaches what no type is like.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from extractor.kinds.table import row_of


class ManifestUnreadable(ValueError):
    """A line of a manifest that cannot be used; the message names the file and the line."""


class Absent(BaseModel):
    """Proof that the document does not carry the field."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    absent: bool


class _Transcript(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    text: str


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    file: str
    type: str | None = None
    fields: dict[str, str | list[str] | list[dict[str, Any]] | Absent | None] = {}
    split: str | None = None
    group: str | None = None
    family: str | None = None
    lines: list[str | _Transcript] = []


Label = str | list[str] | list[dict[str, Any]]


@dataclass(frozen=True)
class Entry:
    """One document of a manifest. `labels` holds the known values, `absent` the fields known not to be there."""

    path: Path
    file: str  # as the manifest names it
    document_type: str | None
    split: str | None
    labels: dict[str, Label] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    group: str = ""  # documents that look alike: of one seller, one form, one language
    lines: tuple[str, ...] = ()  # transcripts


def texts_of(label: Label, columns: Sequence[str] = ()) -> str | list[str]:
    """A label as text; a row of a table as its cells parted by `|`, in the order of `columns` where those are known."""
    if isinstance(label, str):
        return label
    return [item if isinstance(item, str) else _row_text(item, columns) for item in label]


def _row_text(row: Mapping[str, Any], columns: Sequence[str]) -> str:
    cells = [row.get(name) for name in columns] if columns else list(row.values())
    return row_of(None if cell is None else str(cell) for cell in cells)


def read_manifest(path: Path, split: str | None = None, limit: int | None = None) -> list[Entry]:
    """The entries of `split` (all when None), at most `limit`, in file order. Raises `ManifestUnreadable`."""
    entries = [entry for entry in _entries(path) if split is None or entry.split == split]
    return entries if limit is None else entries[:limit]


def read_manifests(paths: Iterable[Path], split: str | None = None, limit: int | None = None) -> list[Entry]:
    """The same for several manifests; `limit` counts per manifest."""
    return [entry for path in paths for entry in read_manifest(path, split, limit)]


def _entries(path: Path) -> Iterator[Entry]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestUnreadable(f"{path}: {error}") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _entry(path, number, line)


def _entry(path: Path, number: int, line: str) -> Entry:
    try:
        parsed = _Line.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "line"
        raise ManifestUnreadable(f"{path}, line {number}: {place}: {first['msg']}") from error
    labels = {k: v for k, v in parsed.fields.items() if v is not None and not isinstance(v, Absent)}
    absent = frozenset(k for k, v in parsed.fields.items() if isinstance(v, Absent) and v.absent)
    group = parsed.group or parsed.family or ""
    lines = tuple(line if isinstance(line, str) else line.text for line in parsed.lines)
    return Entry(path.parent / parsed.file, parsed.file, parsed.type, parsed.split, labels, absent, group, lines)
