"""Examples as files: a manifest in the format that `learn` and `evaluate` read, and the documents it names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, select

from extractor.kinds.table import cells_of
from hitl.learning.snapshots import TRUST
from hitl.platform.blobs import blobs
from hitl.work.document import spec_of
from models.states import DocumentState
from models.tables import Document, Example
from models.values import ValueState

SUFFIX = {"application/pdf": ".pdf", "image/tiff": ".tif", "image/jpeg": ".jpg", "image/png": ".png"}


def export(
    session: Session, workspace_id: str, folder: Path, *, types: Iterable[str] = (), with_files: bool = True
) -> int:
    """Write ``manifest.jsonl`` and, unless told not to, ``files/``; returns how many documents were written.

    The manifest is put in place whole at the end, so that an interrupted export is not taken for a complete one.
    """
    lines = []
    for document, examples in _labelled(session, workspace_id, set(types)):
        name = f"files/{document.sha256}{SUFFIX.get(document.media_type, '')}"
        if with_files:
            _write(folder / name, blobs().get(f"{workspace_id}/{document.sha256}"))
        spec = spec_of(session, document)
        line = _line(name, document, examples, spec.tables if spec else {})
        lines.append(json.dumps(line, ensure_ascii=False))
    if lines:
        _write(folder / "manifest.jsonl", ("\n".join(lines) + "\n").encode())
    return len(lines)


def _labelled(session: Session, workspace_id: str, types: set[str]) -> list[tuple[Document, list[Example]]]:
    """Documents with their examples, the most trusted source of each field last, in the order of upload."""
    rows = session.exec(
        select(Document, Example)
        .join(Example, col(Example.document_id) == col(Document.id))
        .where(Document.workspace_id == workspace_id, Document.state != DocumentState.ERASED.value)
        .order_by(col(Document.created_at), col(Document.id), col(Example.field))
    ).all()
    grouped: dict[str, tuple[Document, list[Example]]] = {}
    for document, example in rows:
        if not types or example.document_type in types:
            grouped.setdefault(document.id, (document, []))[1].append(example)
    for _, examples in grouped.values():
        examples.sort(key=lambda example: TRUST.get(example.source, 0))
    return list(grouped.values())


def _line(
    name: str, document: Document, examples: list[Example], columns: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    fields = {example.field: _label(example, columns.get(example.field, ())) for example in examples}
    how = {example.field: {"source": example.source, "probability": example.probability} for example in examples}
    return {
        "file": name,
        "type": examples[-1].document_type,
        "fields": {field: label for field, label in fields.items() if field != "document_type"},
        "split": document.fold,
        "document": document.id,
        "selected": how,
    }


def _label(example: Example, columns: Sequence[str]) -> Any:
    """Absent and empty are proof that there is no value; illegible is no label at all. Rows are cells by name."""
    if columns and isinstance(example.value, list):
        return [cells_of(row, columns) for row in example.value]
    if example.value_state in {ValueState.ABSENT.value, ValueState.EMPTY.value}:
        return {"absent": True}
    return example.value if example.value_state == ValueState.FOUND.value else None


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.new")
    scratch.write_bytes(data)
    scratch.replace(path)
