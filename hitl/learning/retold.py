"""What confirmed text did to values since a model reads with it: those it settled, and what people said of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from sqlmodel import Session, col, func, select

from extractor.kinds import same
from hitl.learning.snapshots import TRUST
from models.doctype import Kind
from models.tables import Document, Example, FieldReading, ModelVersion
from models.values import ValueState

READ_AS = "read_as"  # in the provenance of a reading: what the engine had read


@dataclass(frozen=True, slots=True)
class Retold:
    """Of one field: values whose words confirmed text settled; of those that people decided, how many were right."""

    document_type: str
    field: str
    values: int
    right: int
    wrong: int


def count(session: Session, model: ModelVersion, workspace_id: str) -> list[Retold]:
    """By document type and field, what `model` read by confirmed text in a workspace."""
    readings = session.exec(
        select(FieldReading, Document)
        .join(Document, col(Document.id) == col(FieldReading.document_id))
        .where(
            Document.workspace_id == workspace_id,
            FieldReading.model_version_id == model.id,
            FieldReading.run == Document.run,
            func.jsonb_exists(col(FieldReading.provenance), READ_AS),
        )
    ).all()
    said = _decided(session, [document.id for _, document in readings])
    tally: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for reading, document in readings:
        found = tally[document.document_type or "", reading.field]
        found[0] += 1
        example = said.get((document.id, reading.field))
        if example is not None:
            is_found = example.value_state == ValueState.FOUND.value
            found[1 if is_found and same(Kind(reading.kind), reading.value, example.value) else 2] += 1
    return [Retold(*key, *counts) for key, counts in sorted(tally.items())]


def _decided(session: Session, document_ids: list[str]) -> dict[tuple[str, str], Example]:
    """What people decided of each field; the source that is trusted most."""
    rows = session.exec(select(Example).where(col(Example.document_id).in_(document_ids))).all()
    ordered = sorted(rows, key=lambda row: TRUST.get(row.source, 0))
    return {(row.document_id, row.field): row for row in ordered}
