"""What a bundle knew of a document type, and what is left of it when it learns from more documents.

A bundle that was given away learned from documents that nobody has any more. Who learns on it with their own adds to
it: its scorers keep a voice (`extractor.fields.scoring.before`), judged on the new documents, which therefore must be
none of those that it learned from. So a type keeps a mark of 20 bits of each document: enough to tell most of them
again, and too few to tell a value from.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from extractor.recognise import FIELDS
from models.doctype import DocumentType
from models.nets.bundle import Bundle

if TYPE_CHECKING:
    from extractor.fields import FieldModel, TrainingDocument

MARK = 20  # bits
FEWEST = 5  # new documents, below which a type stays as it is known


@dataclass(frozen=True)
class Ground:
    """What a type is learned on. `known`: documents that the given bundle learned from already."""

    documents: list[TrainingDocument]
    before: FieldModel | None = None  # of none of these documents
    known: int = 0
    stays: bool = False  # too few documents are new: the type is left as it is

    @property
    def adds(self) -> bool:
        """Whether what the base knew of the type goes on counting."""
        return self.stays or self.before is not None


def ground(documents: Sequence[TrainingDocument], spec: DocumentType, base: Bundle, *, replacing: bool) -> Ground:
    """What `documents` of a type are learned on: all that the base knew of it, or nothing.

    A model of a workspace was learned from these documents, or from ones with other labels then: what it was itself
    learned on serves, never what it made of them. Of a bundle that was given away, documents that it knows teach
    nothing again.
    """
    model = _model_of(base, spec)
    if replacing or model is None or not _same_fields(model.doctype, spec):
        return Ground(list(documents))
    if model.scorers.before is not None:
        return Ground(list(documents), replace(model, scorers=model.scorers.before, tables={}))
    if not model.given_away:
        return Ground(list(documents))
    known = _known(documents, model)
    new = [d for d in documents if d.id not in known]
    if known and len(new) < FEWEST:
        return Ground(list(documents), known=len(known), stays=True)
    return Ground(new, model, len(known))


def marks(documents: Iterable[TrainingDocument]) -> frozenset[int]:
    """The marks of labelled documents."""
    return frozenset(mark(document) for document in documents if document.labels)


def mark(document: TrainingDocument) -> int:
    """A number of 20 bits that the labels of a document give, however its words are read."""
    labels = {name: repr(label and (label.state.value, label.value)) for name, label in sorted(document.labels.items())}
    said = json.dumps([document.document_type, labels]).encode()
    return int.from_bytes(hashlib.sha256(said).digest()[:4], "big") >> (32 - MARK)


def _known(documents: Sequence[TrainingDocument], model: FieldModel) -> set[str]:
    return {d.id for d in documents if d.labels and mark(d) in model.seen}


def _model_of(base: Bundle, spec: DocumentType) -> FieldModel | None:
    from extractor.fields import FieldModel

    section = f"{FIELDS}{spec.name}/"
    try:
        return FieldModel.from_parts(*base.section(section)) if base.has_section(section) else None
    except (ValueError, KeyError):  # of another make, on which nothing can be built
        return None


def _same_fields(one: DocumentType, other: DocumentType) -> bool:
    return [(f.name, f.kind) for f in one.fields] == [(f.name, f.kind) for f in other.fields]
