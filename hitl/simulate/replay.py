"""One stream of documents through the production policy: routing, draw, aggregation, certificate, alarm, grader."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from hitl.certificate.drift import Doubts, ReverseProcess
from hitl.certificate.eprocess import Decision, EProcess, delta_of_model, is_claimed, losses
from hitl.certificate.evidence import certifies
from hitl.certificate.observations import largest
from hitl.certificate.replay import ALARM
from hitl.intake.groups import fold_of
from hitl.learning.shadow import is_no_loss
from hitl.routing.rules import Claim, Context, Reason, reasons_for
from hitl.routing.sampling import drawn_together, picked, second_chance, second_order
from hitl.settings import settings
from hitl.simulate.desk import Decided, Desk, Spent
from hitl.simulate.marking import Marker
from hitl.simulate.people import MACHINES, TRUTH, Crowd
from hitl.simulate.rows import FieldRow, SimDocument
from hitl.workspace.policy import Policy
from models.doctype import FieldSpec, Kind
from models.states import Route
from models.values import ValueState

Read = Callable[[SimDocument], tuple[FieldRow, ...]]
Fold = Callable[[SimDocument], str]


@dataclass(frozen=True, slots=True)
class Label:
    """What is known of one field: gold, if any, the probability with which it was seen, and whether it was audited."""

    gold: str | None
    probability: float
    is_audited: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """A document of the certify fold with what was learnt of it: a later model is certified on it."""

    document: SimDocument
    labels: tuple[Label, ...]
    largest: float


class Reign:
    """A model and its certificate, which is number `index`: the one that serves, or the one in the shadow."""

    def __init__(self, read: Read, target: float, delta: float, index: int) -> None:
        self.read, self.index, self.scores = read, index, list[float]()
        self.process = EProcess(target, delta_of_model(delta, index))
        self.fewest = self.process.documents_needed(1.0) or 0

    def decisions(self, kept: Kept) -> list[Decision]:
        """A document as this model reads it."""
        return [_decision(*pair) for pair in zip(self.read(kept.document), kept.labels, strict=True)]

    def count(self, kept: Kept) -> None:
        """One document more."""
        decisions = self.decisions(kept)
        if self.process.documents or is_claimed(decisions):
            self.process.update(decisions, kept.largest)
            self.scores += [decision.score for decision in decisions]

    def accepted(self) -> float:
        """The share of the fields that its certificate has it decide."""
        threshold = self.process.threshold()
        return 0.0 if threshold is None else float(np.mean(np.array(self.scores) >= threshold))

    def next_index(self) -> int:
        """What comes after it. While nothing could have been certified, nothing of delta was used."""
        return self.index + (self.process.documents >= self.fewest)


class Production:
    """The policy as it runs, in memory. The model, `read`, may be exchanged; it starts as what the documents carry.

    `newer`: documents that came after the model certify it too, whatever their fold; None: as the settings say.
    """

    def __init__(
        self,
        policy: Policy,
        target: float,
        crowd: Crowd,
        key: str,
        read: Read | None = None,
        *,
        newer: bool | None = None,
        fold: Fold | None = None,
    ) -> None:
        self.policy, self.crowd, self.key = policy, crowd, key
        self.promised, self.target = target, policy.machine_target(target)
        self.newer = settings().certify_newer if newer is None else newer
        self.fold: Fold = fold or (lambda document: fold_of(key, document.group))
        self.desk, self.marker = Desk(policy, crowd), Marker(policy, key)
        self.seen: set[str] = set()
        self.kept: list[Kept] = []
        self.shadow: Reign | None = None
        self._serve(self._certified(read or (lambda document: document.fields), 1))

    def _certified(self, read: Read, index: int) -> Reign:
        return Reign(read, self.target, self.policy.delta * self.policy.machine_share, index)

    def _serve(self, reign: Reign) -> None:
        self.reign, self.watch, self.doubts = reign, ReverseProcess(self.target, ALARM), Doubts()

    @property
    def process(self) -> EProcess:
        return self.reign.process

    @property
    def index(self) -> int:
        """Which certificate of this promise is in use."""
        return self.reign.index

    def read(self, document: SimDocument) -> tuple[FieldRow, ...]:
        return self.reign.read(document)

    def certifies(self, document: SimDocument, *, is_younger: bool) -> bool:
        return certifies(self.fold(document), is_younger=is_younger, newer=self.newer)

    def retrained(self, read: Read) -> None:
        """Another model passed: certified on what is known of the certify fold, it serves once nothing is lost."""
        self.shadow = self._certified(read, (self.shadow or self.reign).next_index())
        for kept in self.kept:
            self.shadow.count(kept)
        self._succeed()

    def _succeed(self) -> None:
        if self.shadow is not None and is_no_loss([(self.reign.accepted(), self.shadow.accepted())]):
            self._serve(self.shadow)
            self.shadow = None

    def take(self, document: SimDocument) -> Spent:
        """One document, from routing to release and audit."""
        rows, threshold = self.read(document), self.process.threshold()
        routes = [Route.REVIEW if self._reasons(row, threshold) else Route.ACCEPT for row in rows]
        chances = self._chances(document, routes, threshold)
        named = {row.field: chance for row, chance in zip(rows, chances, strict=True)}
        drawn = drawn_together(self.key, document.name, 1, named)
        spent = Spent(len(rows), threshold=threshold)
        decided = [
            self.desk.decide(row, spent, accepted=route is Route.ACCEPT, audited=row.field in drawn)
            for row, route in zip(rows, routes, strict=True)
        ]
        second = self._ask_second(document, rows, decided, spent)
        self.marker.mark(document, rows, decided, spent, self.crowd)
        spent.wrong = sum(one.released != TRUTH for one in decided)
        if document.group not in self.seen and self.certifies(document, is_younger=True):
            self.seen.add(document.group)
            labels = tuple(
                Label(one.gold, _probability(one, chance, second), row.field in drawn)
                for row, one, chance in zip(rows, decided, chances, strict=True)
            )
            bound = largest(self.policy, self.policy, [(threshold, chance) for chance in chances], None)
            self._learn(Kept(document, labels, bound), rows, threshold)
        return spent

    def _ask_second(
        self, document: SimDocument, rows: Sequence[FieldRow], decided: Sequence[Decided], spent: Spent
    ) -> float:
        """A second keyer for one of the checks that agreed. Returns the probability with which it was this one."""
        agreed = {row.field: one.first_agreed or False for row, one in zip(rows, decided, strict=True)}
        chosen = picked(second_order(self.key, document.name, 1, agreed), agreed)
        for row, one in zip(rows, decided, strict=True):
            if row.field == chosen:
                one.gold = self.desk.second(row, one, spent)
        return second_chance(agreed.values()) or 1.0

    def _chances(self, document: SimDocument, routes: Sequence[Route], threshold: float | None) -> list[float]:
        """With which probability each field is audited: more while nothing is certified, just after, and when in doubt.

        Without a model too: two people key what certifies then, and their answers are gold.
        """
        is_evidence = self.certifies(document, is_younger=True)
        since = self.process.in_force()
        fresh = [(since, self.promised)] if is_evidence and since is not None else []
        at_least = self.policy.least_rate(fresh, in_doubt=self.doubts.is_fresh())
        warm_up = is_evidence and threshold is None
        draw = partial(self.policy.audit_probability, warm_up=warm_up, at_least=at_least, certifying=is_evidence)
        return [draw(route) for route in routes]

    def _reasons(self, row: FieldRow, threshold: float | None) -> tuple[Reason, ...]:
        claim = Claim(ValueState.FOUND if row.found else ValueState.NOT_FOUND, _said(row), row.score)
        spec = FieldSpec(name=row.field, kind=_kind(row.kind))
        source = "warm-up" if threshold is None else "certificate"
        return reasons_for(claim, Context(spec, self.policy, threshold, source))

    def _learn(self, kept: Kept, rows: Sequence[FieldRow], threshold: float | None) -> None:
        if self.certifies(kept.document, is_younger=False):
            self.kept.append(kept)
        for row, label in zip(rows, kept.labels, strict=True):
            if label.is_audited:
                self.doubts.update(label.gold not in (None, _said(row)))
        loss = 0.0 if threshold is None else float(losses(self.reign.decisions(kept), np.array([threshold]))[0])
        if threshold is not None and self.watch.update(loss):
            self.kept.clear()
            self._serve(self._certified(self.reign.read, max(self.index, self.shadow.index if self.shadow else 0) + 1))
            return
        self.reign.count(kept)
        if self.shadow is not None:
            self.shadow.count(kept)
            self._succeed()


def _decision(row: FieldRow, label: Label) -> Decision:
    """What a certificate counts of a field that this model read as `row`."""
    wrong = None if label.gold is None else label.gold != _said(row)
    return Decision(row.score if row.found else -1.0, wrong, label.probability)


def _probability(one: Decided, chance: float, second: float) -> float:
    """With which probability the gold of a field was seen: certainly where two blind people settled it in any case."""
    return 1.0 if one.is_settled else chance * (second if one.first_agreed else 1.0)


def _said(row: FieldRow) -> str:
    return MACHINES if row.wrong else TRUTH


@dataclass(slots=True)
class Trace:
    """A whole stream."""

    documents: list[Spent] = field(default_factory=list)
    alarms: list[int] = field(default_factory=list)

    def add(self, production: Production, document: SimDocument) -> None:
        index = production.index
        self.documents.append(production.take(document))
        if production.index != index:
            self.alarms.append(len(self.documents) - 1)


def run(documents: Sequence[SimDocument], production: Production) -> Trace:
    """The whole stream."""
    trace = Trace()
    for document in documents:
        trace.add(production, document)
    return trace


def _kind(name: str) -> Kind:
    return Kind(name) if name in Kind.__members__.values() else Kind.LINE
