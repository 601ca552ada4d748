"""What is replayed: each field of a document, with the confidence of a model that had not seen it, and was it wrong."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

COLUMNS = ("document", "field", "kind", "score", "wrong")


class RowsUnreadable(ValueError):
    """A file of rows that cannot be used; the message says where and why."""


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field: the machine's calibrated confidence, whether its value is wrong, and whether it found one at all."""

    field: str
    kind: str
    score: float
    wrong: bool
    found: bool = True


@dataclass(frozen=True, slots=True)
class SimDocument:
    """One document of the stream. Copies share a group."""

    name: str
    group: str
    fields: tuple[FieldRow, ...]


def read(path: Path) -> list[SimDocument]:
    """Documents of a CSV or JSON Lines file with the columns document, field, kind, score, wrong (and found)."""
    try:
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        raw: Iterable[dict[str, Any]] = (
            (json.loads(line) for line in lines if line.strip()) if path.suffix == ".jsonl" else csv.DictReader(lines)
        )
        return group((str(row["document"]), _row(row)) for row in raw)
    except (OSError, KeyError, ValueError) as error:
        raise RowsUnreadable(f"{path}: {error!r}; wanted are the columns {', '.join(COLUMNS)}.") from error


def _row(row: dict[str, Any]) -> FieldRow:
    return FieldRow(
        str(row["field"]), str(row["kind"]), float(row["score"]), _truth(row["wrong"]), _truth(row.get("found", True))
    )


def _truth(given: Any) -> bool:
    return str(given).lower() in ("1", "true", "yes")


def group(pairs: Iterable[tuple[str, FieldRow]]) -> list[SimDocument]:
    """Documents of (document, field) pairs, in the order in which they first appear."""
    held: dict[str, list[FieldRow]] = {}
    for name, row in pairs:
        held.setdefault(name, []).append(row)
    return [SimDocument(name, name, tuple(rows)) for name, rows in held.items()]


def write(path: Path, documents: Sequence[SimDocument]) -> None:
    """The rows as CSV, for another run without training."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow([*COLUMNS, "found"])
        for document in documents:
            for row in document.fields:
                table.writerow([document.name, row.field, row.kind, f"{row.score:.6f}", int(row.wrong), int(row.found)])


def stream(documents: Sequence[SimDocument], length: int, rng: np.random.Generator) -> list[SimDocument]:
    """`length` documents: all in a new order first, then drawn with replacement, each a document of its own."""
    order = list(rng.permutation(len(documents)))[:length]
    order += list(rng.integers(0, len(documents), max(0, length - len(order))))
    return [SimDocument(f"{i:06d}", f"{i:06d}", documents[at].fields) for i, at in enumerate(order)]
