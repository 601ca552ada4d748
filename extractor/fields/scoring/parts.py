"""Scorers as parts of a bundle: tensors and tables. No pickle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from extractor.fields.scoring.features import BASE, NUMBERS
from extractor.fields.scoring.lexicon import NO_HASHES, Vocabulary
from extractor.fields.scoring.scorers import Scorers, net_from_arrays, net_to_arrays
from extractor.fields.scoring.trees import FieldTrees
from models.doctype import DocumentType

Tensors = dict[str, NDArray[Any]]


def to_parts(scorers: Scorers) -> tuple[Tensors, dict[str, Any]]:
    """All that `from_parts` needs; what was known before stands under names of its own."""
    tensors: Tensors = {"vocabulary": scorers.vocabulary.hashes, "mean": scorers.mean, "scale": scorers.scale}
    tensors["outlines"] = scorers.vocabulary.outlines
    for name, trees in scorers.trees.items():
        tensors |= {f"trees.{name}.{part}": array for part, array in trees.to_arrays().items()}
    tables: dict[str, Any] = {"doctype": scorers.doctype.model_dump(mode="json"), "absences": scorers.absences}
    if scorers.net is not None:
        tensors |= {f"net.{part}": array for part, array in net_to_arrays(scorers.net).items()}
        tables["net"] = scorers.net.settings.to_dict()
    if scorers.before is not None:
        others, table = to_parts(scorers.before)
        tensors |= {f"before.{name}": array for name, array in others.items()}
        tables["before"] = table | {"share": scorers.share}
    return tensors, tables


def from_parts(tensors: Mapping[str, NDArray[Any]], tables: Mapping[str, Any]) -> Scorers:
    """Raises ValueError for a bundle of other features."""
    doctype = DocumentType.model_validate(tables["doctype"])
    if len(tensors["mean"]) not in (BASE, NUMBERS):
        raise ValueError("the bundle was trained on other features; train it again")
    trees = {f.name: under(tensors, f"trees.{f.name}.") for f in doctype.fields}
    before = tables.get("before")
    return Scorers(
        doctype,
        Vocabulary(tensors["vocabulary"], tensors.get("outlines", NO_HASHES)),
        {name: FieldTrees.from_arrays(arrays) for name, arrays in trees.items() if arrays},
        net_from_arrays(under(tensors, "net."), doctype, tables["net"]) if "net" in tables else None,
        np.asarray(tensors["mean"]),
        np.asarray(tensors["scale"]),
        dict(tables["absences"]),
        from_parts(under(tensors, "before."), before) if before else None,
        before["share"] if before else 0.0,
    )


def under(tensors: Mapping[str, NDArray[Any]], prefix: str) -> Tensors:
    """The arrays below a prefix, by the rest of their names."""
    return {name.removeprefix(prefix): array for name, array in tensors.items() if name.startswith(prefix)}
