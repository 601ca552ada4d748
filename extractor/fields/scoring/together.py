"""The ranking of a field's values, and values of several fields chosen together where checks bind them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from extractor.checks import CHECKS
from extractor.fields.layout import Floats
from extractor.fields.scoring.features import Table
from models.doctype import Check, DocumentType, FieldSpec

MOST_TRIED = 6  # values of each field
# What it is worth in log probability that a check holds, and what it costs that it fails. A sum hardly holds by chance.
WORTH: dict[str, tuple[float, float]] = {"sum": (1.5, 0.5), "order": (0.0, 1.5), "different": (0.0, 3.0)}


@dataclass(frozen=True, eq=False)
class Ranking:
    """The distinct values of one field in one document, best first."""

    field: FieldSpec
    keys: list[str]
    best: NDArray[np.int64]  # [values] the strongest candidate of each value
    score: Floats  # [values] mean of the two log probabilities
    tree: Floats  # [values] log probability by the trees
    net: Floats  # [values] by the network
    odds: Floats  # [values] log-odds by the trees, each value on its own
    absent: tuple[float, float, float]  # mean, trees, network
    table: Table
    settled: bool = False  # another value than its best is first, because the checks of the type hold so


def settle_together(
    rankings: Mapping[str, Ranking], doctype: DocumentType, absences: Mapping[str, int]
) -> dict[str, Ranking]:
    """The rankings with those values first that are together most likely, checks taken into account."""
    found = dict(rankings)
    for check in doctype.checks:
        fields = [doctype.field(name) for name in check.fields]
        if check.kind in WORTH and not any(field.repeated for field in fields):
            found |= _settled([found[name] for name in check.fields], check, absences)
    return found


def _settled(rankings: Sequence[Ranking], check: Check, absences: Mapping[str, int]) -> dict[str, Ranking]:
    options = [_options(ranking, absences.get(ranking.field.name, 0) > 0) for ranking in rankings]
    holds, fails = WORTH[check.kind]

    def worth(chosen: tuple[tuple[int, str | None, float], ...]) -> float:
        kept = CHECKS[check.kind]([value for _, value, _ in chosen])
        return sum(score for _, _, score in chosen) + (holds if kept else -fails if kept is False else 0.0)

    best = max(itertools.product(*options), key=worth)
    return {r.field.name: _first(r, rank) for r, (rank, _, _) in zip(rankings, best, strict=True)}


def _options(ranking: Ranking, can_be_absent: bool) -> list[tuple[int, str | None, float]]:
    """(rank, value, score) of the likeliest values; rank -1 is that there is none."""
    found: list[tuple[int, str | None, float]] = [
        (rank, ranking.table.spans[int(ranking.best[rank])].value, float(ranking.score[rank]))
        for rank in range(min(len(ranking.keys), MOST_TRIED))
    ]
    if can_be_absent or not found:
        found.append((-1, None, ranking.absent[0]))
    return found


def _first(ranking: Ranking, rank: int) -> Ranking:
    """The ranking with the value of that rank before all others."""
    if rank <= 0:
        return ranking
    order: NDArray[np.int64] = np.array([rank, *(n for n in range(len(ranking.keys)) if n != rank)])
    parts = {name: getattr(ranking, name)[order] for name in ("best", "score", "tree", "net", "odds")}
    return replace(ranking, keys=[ranking.keys[n] for n in order], settled=True, **parts)
