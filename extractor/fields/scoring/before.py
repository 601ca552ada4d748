"""What a bundle knew of a document type before it learned from these documents, as a further voice in the ranking.

The scorers learned last and those that a bundle was given away with rank the same values; the log probabilities are
averaged, with the share that was best on documents that neither had seen. So ten documents of one's own add to what
hundreds taught, and nothing of those is needed for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from extractor.fields.labels import Goal
from extractor.fields.layout import Floats
from extractor.fields.scoring.together import Ranking

SHARES = (0.0, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95)
Trial = tuple[Mapping[str, Ranking], Mapping[str, Ranking], Mapping[str, Goal]]


def blended(own: Mapping[str, Ranking], before: Mapping[str, Ranking], share: float) -> dict[str, Ranking]:
    """The rankings of both, `share` of them what was known before."""
    return {name: _blend(ranking, before[name], share) for name, ranking in own.items()}


def _blend(own: Ranking, before: Ranking, share: float) -> Ranking:
    if not own.keys:
        return replace(own, absent=_mixed(own, before, share))
    place = {key: number for number, key in enumerate(before.keys)}
    same = np.array([place[key] for key in own.keys], np.int64)

    def mix(mine: Floats, theirs: Floats) -> Floats:
        return np.asarray((1 - share) * mine + share * theirs[same], np.float32)

    score = mix(own.score, before.score)
    order = np.lexsort((np.array(own.keys, object), -score))
    best: NDArray[np.int64] = before.best[same] if share > 0.5 else own.best
    return replace(
        own,
        keys=[own.keys[i] for i in order],
        best=best[order],
        score=score[order],
        tree=mix(own.tree, before.tree)[order],
        net=mix(own.net, before.net)[order],
        odds=mix(own.odds, before.odds)[order],
        absent=_mixed(own, before, share),
    )


def _mixed(own: Ranking, before: Ranking, share: float) -> tuple[float, float, float]:
    mean, trees, net = (
        (1 - share) * mine + share * theirs for mine, theirs in zip(own.absent, before.absent, strict=True)
    )
    return mean, trees, net


def best_share(trials: Sequence[Trial]) -> float:
    """The share with which the right values are most likely, by documents that neither has seen; 0 without any."""
    losses = {share: sum(_loss(*trial, share) for trial in trials) for share in SHARES}
    return min(losses, key=lambda share: (losses[share], share)) if trials else 0.0


def _loss(own: Mapping[str, Ranking], before: Mapping[str, Ranking], goals: Mapping[str, Goal], share: float) -> float:
    found = 0.0
    for name, ranking in blended({n: own[n] for n in goals}, before, share).items():
        goal = goals[name]
        right = {"": ranking.absent[0]} if goal.absent else dict(zip(ranking.keys, ranking.score, strict=True))
        chosen = [float(right[key]) for key in (goal.keys or {""}) if key in right]
        if chosen:  # what is among no candidates tells nothing
            total = np.logaddexp.reduce(np.append(ranking.score, ranking.absent[0]))
            found -= goal.weight * (float(np.mean(chosen)) - float(total))
    return found
