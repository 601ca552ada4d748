"""Many seeds of one stream under the production policy and under the others, with the same people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hitl.settings import settings
from hitl.simulate import others
from hitl.simulate.course import Course, course
from hitl.simulate.learning import Learned, Learner, passes
from hitl.simulate.people import Crowd, Model
from hitl.simulate.replay import Production, Trace
from hitl.simulate.report import Point, overall, points
from hitl.simulate.rows import SimDocument, stream
from hitl.workspace.policy import Policy
from models.states import Fold

OURS, NEWER = "countersign", "countersign, newer certify too"


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
    shown, ours = list[SimDocument](), dict[str, Trace]()
    plan = course(documents, wanted.zero.trainings, seed % wanted.zero.courses) if wanted.zero else None
    order = plan.order(rng)[: wanted.length] if plan else stream(documents, wanted.length, rng)
    reigns = champions(plan, wanted.zero.learner, wanted.target) if plan and wanted.zero else {}
    for name, newer in ((OURS, False), (NEWER, True)):
        fold = plan.fold if plan else None
        production = Production(wanted.policy, wanted.target, crowd, f"seed {seed}", newer=newer, fold=fold)
        ours[name], shown = run_stream(order, reigns, production)
    taken = ours[NEWER if settings().certify_newer else OURS]
    share = sum(s.answers for s in taken.documents) / sum(s.fields for s in taken.documents)
    ways = others.WAYS | {"random review, same budget": others.random_review(min(share, 1.0))}
    return ours | {name: others.run(shown, way, crowd, rng) for name, way in ways.items()}


def run_stream(
    order: Sequence[SimDocument], reigns: Mapping[int, Learned], production: Production
) -> tuple[Trace, list[SimDocument]]:
    """The stream, a new model from some positions on; also the documents as the model of their time read them."""
    trace, shown = Trace(), list[SimDocument]()
    for position, document in enumerate(order):
        if position in reigns:
            production.retrained(reigns[position].read)
        shown.append(replace(document, fields=production.read(document)))
        trace.add(production, document)
    return trace, shown


def champions(plan: Course, learner: Learner, target: float) -> dict[int, Learned]:
    """The models that pass the gate, by the position from which they serve.

    Models are taught the labels of the manifest: what people release differs from them in about a field in a thousand.
    """
    found: dict[int, Learned] = {}
    champion: Learned | None = None
    for number in range(len(plan.parts) - 1):
        names = plan.of_fold(Fold.TRAIN, number)
        if len(names) < settings().min_training_documents:
            continue
        candidate = learner.learn(names)
        if passes(candidate, champion, plan.of_fold(Fold.SELECT, number), target, settings().gate_floor):
            champion = found[sum(len(part) for part in plan.parts[: number + 1])] = candidate
    return found
