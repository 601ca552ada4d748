"""Which values of a ranking make a list: from which standing one counts, within the usual number and beyond it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from extractor.fields.layout import Floats
from extractor.fields.scoring.together import Ranking

MOST_ITEMS = 8
LEAST = -12.0
STEP = 0.25  # of the standings that are tried

Picked = Sequence[tuple[str, float]]  # key and standing, best first


@dataclass(frozen=True)
class Cutoff:
    """The least standing of a value: `within` the usual number of values, and `beyond` it. The first always counts.

    Agreements mostly have two parties: the second name needs less to count than a third.
    """

    usual: int = 1
    within: float = 0.0
    beyond: float = 0.0

    def count(self, standings: Iterable[float]) -> int:
        """How many values, whose standings fall, make the list."""
        taken = 0
        for strength in standings:
            if taken and strength < (self.within if taken < self.usual else self.beyond):
                break
            taken += 1
        return taken


def standing(ranking: Ranking) -> Floats:
    """How well each value stands on its own: the chance by the trees and the distance from the network's best."""
    alone = -np.logaddexp(0, -ranking.odds)
    best = ranking.net.max(initial=LEAST)
    found: Floats = (np.maximum(alone, LEAST) + ranking.net - best) / 2
    return found


def apart(ranking: Ranking) -> list[int]:
    """Ranks of the values that may stand in one list, best first: none is part of another."""
    picked: list[int] = []
    for rank in np.argsort(-standing(ranking), kind="stable"):
        if len(picked) >= MOST_ITEMS:
            break
        if not any(_repeats(ranking, int(rank), other) for other in picked):
            picked.append(int(rank))
    return picked


def pick_several(ranking: Ranking, cutoff: Cutoff) -> list[int]:
    """Ranks of the values of the list, best first: at least one."""
    strength = standing(ranking)
    ranks = apart(ranking)
    return ranks[: cutoff.count(float(strength[r]) for r in ranks)]


def _repeats(ranking: Ranking, rank: int, other: int) -> bool:
    a, b = ranking.keys[rank], ranking.keys[other]
    mine = set(ranking.table.spans[int(ranking.best[rank])].tokens)
    return a in b or b in a or bool(mine & set(ranking.table.spans[int(ranking.best[other])].tokens))


def candidates_of(ranking: Ranking) -> Picked:
    """The longest list that could be picked, with standings."""
    strength = standing(ranking)
    return [(ranking.keys[r], float(strength[r])) for r in apart(ranking)]


def fit_cutoff(lists: Sequence[tuple[Picked, frozenset[str]]]) -> Cutoff:
    """The cutoff that makes most lists right, half a point for the share that overlaps; `lists` with what is right.

    Of those that do equally well the middle one, not the edge of the plateau.
    """
    if not lists:
        return Cutoff()
    usual = Counter(len(wanted) for _, wanted in lists).most_common(1)[0][0]
    grid = np.arange(LEAST, STEP, STEP)
    value = np.array(
        [[_worth(lists, Cutoff(usual, float(a), float(b))) if b >= a else -1.0 for b in grid] for a in grid]
    )
    rows, columns = np.nonzero(value >= value.max() - 1e-9)
    within = int(np.sort(rows)[len(rows) // 2])
    beyond = int(np.sort(columns[rows == within])[(rows == within).sum() // 2])
    return Cutoff(usual, float(grid[within]), float(grid[beyond]))


def _worth(lists: Sequence[tuple[Picked, frozenset[str]]], cutoff: Cutoff) -> float:
    total = 0.0
    for candidates, wanted in lists:
        picked = {key for key, _ in candidates[: cutoff.count(s for _, s in candidates)]}
        total += (picked == wanted) + 0.5 * len(picked & wanted) / max(len(picked | wanted), 1)
    return total
