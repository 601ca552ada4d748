"""Many seeds of one stream under the production policy and under the others, with the same people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hitl.policy import Policy
from hitl.simulate import others
from hitl.simulate.people import Crowd, Model
from hitl.simulate.replay import Production, Trace, run
from hitl.simulate.report import Point, overall, points
from hitl.simulate.rows import SimDocument, stream

OURS = "countersign"


@dataclass(frozen=True)
class Settings:
    """One simulation."""

    target: float
    policy: Policy
    length: int
    seeds: int
    window: int
    people: int = 12
    everything_certifies: bool = False


def compare(
    documents: Sequence[SimDocument], model: Model, wanted: Settings, progress: Callable[[int], None]
) -> tuple[list[Point], list[Point]]:
    """(series, totals) of every policy."""
    traces: dict[str, list[Trace]] = {}
    for seed in range(wanted.seeds):
        for name, trace in one_seed(documents, model, wanted, seed).items():
            traces.setdefault(name, []).append(trace)
        progress(seed + 1)
    series = [point for name, some in traces.items() for point in points(name, some, wanted.window)]
    return series, [overall(name, some) for name, some in traces.items()]


def one_seed(documents: Sequence[SimDocument], model: Model, wanted: Settings, seed: int) -> dict[str, Trace]:
    """Every policy on one order of the documents, ours first: random review gets the answers that ours took."""
    rng = np.random.default_rng([20150, seed])
    shown = stream(documents, wanted.length, rng)
    crowd = Crowd(model, wanted.people, rng)
    production = Production(
        wanted.policy, wanted.target, crowd, f"seed {seed}", everything_certifies=wanted.everything_certifies
    )
    ours = run(shown, production)
    taken = sum(s.answers for s in ours.documents) / sum(s.fields for s in ours.documents)
    ways = others.WAYS | {"random review, same budget": others.random_review(min(taken, 1.0))}
    return {OURS: ours} | {name: others.run(shown, way, crowd, rng) for name, way in ways.items()}
