"""One stream of documents through the production policy: routing, draw, aggregation, certificate, alarm, grader."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from hitl.audit import drawn_together
from hitl.certificate import GRID, Decision, EProcess, delta_of_model, losses
from hitl.drift import ReverseProcess
from hitl.observations import largest
from hitl.policy import Policy
from hitl.routing import Claim, Context, Reason, reasons_for
from hitl.simulate.desk import Desk, Spent
from hitl.simulate.marking import Marker
from hitl.simulate.people import MACHINES, TRUTH, Crowd
from hitl.simulate.rows import FieldRow, SimDocument
from models.doctype import FieldSpec, Kind
from models.states import Route
from models.values import ValueState

ALARM = 0.01

Read = Callable[[SimDocument], tuple[FieldRow, ...]]


@dataclass(slots=True)
class Trace:
    """A whole stream."""

    documents: list[Spent] = field(default_factory=list)
    alarms: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Label:
    """What is known of one field: gold, if any, the probability with which it was seen, may a threshold accept it."""

    gold: str | None
    probability: float


@dataclass(frozen=True, slots=True)
class Kept:
    """A document with what was learnt of it; a later model is certified on it, unless it was trained on it."""

    document: SimDocument
    labels: tuple[Label, ...]
    largest: float


class Production:
    """The policy as it runs, in memory. The model, `read`, may be exchanged; it starts as what the documents carry."""

    def __init__(self, policy: Policy, target: float, crowd: Crowd, key: str, read: Read | None = None) -> None:
        self.policy, self.crowd, self.key = policy, crowd, key
        self.promised, self.target = target, policy.machine_target(target)
        self.read: Read = read or (lambda document: document.fields)
        self.desk, self.marker = Desk(policy, crowd), Marker(policy, key)
        self.index = 1  # which certificate of this promise it is
        self.seen: set[str] = set()
        self.kept: list[Kept] = []
        self._start()

    def _start(self) -> None:
        delta = delta_of_model(self.policy.delta * self.policy.machine_share, self.index)
        self.process, self.watch = EProcess(self.target, delta), ReverseProcess(self.target, ALARM)
        self.fewest = self.process.documents_needed(1.0) or 0

    def retrained(self, read: Read, trained: Collection[str]) -> None:
        """Another model serves: it is certified on what is known of all documents that it was not trained on.

        A model that was replaced before anything could have been certified has used nothing of delta.
        """
        self.index += self.process.documents >= self.fewest
        self.read = read
        self._start()
        rows = [kept for kept in self.kept if kept.document.name not in trained]
        for kept in rows:
            fields = zip(read(kept.document), kept.labels, strict=True)
            self.process.update([_decision(row, label) for row, label in fields], kept.largest)

    def take(self, document: SimDocument) -> Spent:
        """One document, from routing to release and audit."""
        rows, threshold = self.read(document), self.process.threshold()
        reasons = [self._reasons(row, threshold) for row in rows]
        routes = [Route.REVIEW if some else Route.ACCEPT for some in reasons]
        warm_up = threshold is None  # without a model too: two people key everything then, and their answers are gold
        since = self.process.in_force()
        fresh = 0.0 if since is None else self.policy.fresh_rate(since, self.promised)
        chances = [self.policy.audit_probability(route, warm_up=warm_up, at_least=fresh) for route in routes]
        named = {row.field: chance for row, chance in zip(rows, chances, strict=True)}
        drawn = drawn_together(self.key, document.name, 1, named)
        spent = Spent(len(rows), threshold=threshold)
        decided = [
            self.desk.decide(row, spent, accepted=route is Route.ACCEPT, audited=row.field in drawn)
            for row, route in zip(rows, routes, strict=True)
        ]
        self.marker.mark(document, rows, decided, spent, self.crowd)
        spent.wrong = sum(one.released != TRUTH for one in decided)
        if document.group not in self.seen:
            self.seen.add(document.group)
            labels = tuple(
                Label(one.gold, 1.0 if one.is_settled else chance) for one, chance in zip(decided, chances, strict=True)
            )
            bound = largest(self.policy, self.policy, [(threshold, chance) for chance in chances], None)
            self._learn(Kept(document, labels, bound), rows, threshold)
        return spent

    def _reasons(self, row: FieldRow, threshold: float | None) -> tuple[Reason, ...]:
        machine = MACHINES if row.wrong else TRUTH
        claim = Claim(ValueState.FOUND if row.found else ValueState.NOT_FOUND, machine, row.score)
        spec = FieldSpec(name=row.field, kind=_kind(row.kind))
        source = "warm-up" if threshold is None else "certificate"
        return reasons_for(claim, Context(spec, self.policy, threshold, source))

    def _learn(self, kept: Kept, rows: Sequence[FieldRow], threshold: float | None) -> None:
        self.kept.append(kept)
        loss = losses([_decision(row, label) for row, label in zip(rows, kept.labels, strict=True)], GRID)
        if threshold is not None and self.watch.update(float(loss[int(GRID.searchsorted(threshold))])):
            self.index += 1
            self.kept.clear()
            self._start()
            return
        self.process.update_many(loss[None, :], np.array([kept.largest]))


def _decision(row: FieldRow, label: Label) -> Decision:
    """What a certificate counts of a field that this model read as `row`."""
    said = MACHINES if row.wrong else TRUTH
    wrong = None if label.gold is None else label.gold != said
    return Decision(row.score if row.found else -1.0, wrong, label.probability)


def run(documents: Sequence[SimDocument], production: Production) -> Trace:
    """The whole stream."""
    trace = Trace()
    for number, document in enumerate(documents):
        index = production.index
        trace.documents.append(production.take(document))
        if production.index != index:
            trace.alarms.append(number)
    return trace


def _kind(name: str) -> Kind:
    return Kind(name) if name in Kind.__members__.values() else Kind.LINE
