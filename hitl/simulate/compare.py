"""Many seeds of one stream under the production policy and under the others, with the same people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hitl.policy import Policy
from hitl.settings import settings
from hitl.simulate import others
from hitl.simulate.course import Course, course
from hitl.simulate.learning import Learned, Learner, passes
from hitl.simulate.people import Crowd, Model
from hitl.simulate.replay import Production, Trace, run
from hitl.simulate.report import Point, overall, points
from hitl.simulate.rows import SimDocument, stream
from models.states import Fold

OURS = "countersign"


@dataclass(frozen=True)
class Zero:
    """From zero labels: models are trained after so many documents, seeds share so many courses."""

    learner: Learner
    trainings: tuple[int, ...]
    courses: int


@dataclass(frozen=True)
class Settings:
    """One simulation. Without `zero` the model is frozen: it is what the documents carry."""

    target: float
    policy: Policy
    length: int
    seeds: int
    window: int
    people: int = 12
    zero: Zero | None = None


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
    crowd = Crowd(model, wanted.people, rng)
    production = Production(wanted.policy, wanted.target, crowd, f"seed {seed}")
    if wanted.zero is None:
        shown = stream(documents, wanted.length, rng)
        ours = run(shown, production)
    else:
        number = seed % wanted.zero.courses
        plan = course(documents, wanted.zero.trainings, number)
        ours, shown = from_zero(plan, wanted.zero.learner, production, rng, wanted.length)
    taken = sum(s.answers for s in ours.documents) / sum(s.fields for s in ours.documents)
    ways = others.WAYS | {"random review, same budget": others.random_review(min(taken, 1.0))}
    return {OURS: ours} | {name: others.run(shown, way, crowd, rng) for name, way in ways.items()}


def from_zero(
    plan: Course, learner: Learner, production: Production, rng: np.random.Generator, length: int
) -> tuple[Trace, list[SimDocument]]:
    """Train and judge models on the way; also the documents as the model of their time read them.

    Models are taught the labels of the manifest: what people release differs from them in about a field in a thousand.
    """
    order, trace, shown = plan.order(rng)[:length], Trace(), list[SimDocument]()
    cuts = {sum(len(part) for part in plan.parts[: i + 1]): i for i in range(len(plan.parts) - 1)}
    champion: Learned | None = None
    for position, document in enumerate(order):
        if position in cuts:
            champion = _retrain(plan, learner, production, cuts[position], champion)
        index = production.index
        shown.append(replace(document, fields=production.read(document)))
        trace.documents.append(production.take(document))
        if production.index != index:
            trace.alarms.append(position)
    return trace, shown


def _retrain(
    plan: Course, learner: Learner, production: Production, number: int, champion: Learned | None
) -> Learned | None:
    names = plan.of_fold(Fold.TRAIN, number)
    if len(names) < settings().min_training_documents:
        return champion
    candidate = learner.learn(names)
    select, floor = plan.of_fold(Fold.SELECT, number), settings().gate_floor
    if not passes(candidate, champion, select, production.promised, floor):
        return champion
    production.retrained(lambda document: candidate.rows[document.name], candidate.trained)
    return candidate
