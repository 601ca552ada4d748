"""One stream of documents through the production policy: routing, draw, aggregation, certificate, alarm, grader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from hitl.aggregate import RULES, Outcome, Source, Terms, Vote
from hitl.audit import draw_number
from hitl.certificate import GRID, Decision, EProcess, delta_of_model, losses
from hitl.drift import ReverseProcess
from hitl.grader import pick
from hitl.groups import fold_of
from hitl.policy import Policy
from hitl.routing import Claim, Context, reasons_for
from hitl.simulate.people import MACHINES, TRUTH, Crowd, Person
from hitl.simulate.rows import FieldRow, SimDocument
from hitl.verdicts import MACHINE, MACHINE_CAP
from models.doctype import FieldSpec, KeyingMode, Kind
from models.states import Fold, Route
from models.values import ValueState

ALARM = 0.01
ADJUDICATED = 10  # people who are asked before a reviewer must decide, whatever the cap


@dataclass(slots=True)
class Spent:
    """What one document took and gave."""

    fields: int
    accepted: int = 0
    answers: int = 0
    reviews: int = 0
    seconds: float = 0.0
    wrong: int = 0  # released wrong, before any correction
    wrong_machine: int = 0
    audits: int = 0
    threshold: float | None = None


@dataclass(slots=True)
class Trace:
    """A whole stream."""

    documents: list[Spent] = field(default_factory=list)
    alarms: list[int] = field(default_factory=list)


class Production:
    """The policy as it runs, in memory. `index`: which certificate of this promise, from 1."""

    def __init__(self, policy: Policy, target: float, crowd: Crowd, key: str, *, everything_certifies: bool = False):
        self.policy, self.crowd, self.key = policy, crowd, key
        self.target = target * policy.machine_share
        self.index, self.everything = 1, everything_certifies
        self.seen: set[str] = set()
        self.scores: list[float] = []
        self._start()

    def _start(self) -> None:
        delta = delta_of_model(self.policy.delta * self.policy.machine_share, self.index)
        self.process, self.watch = EProcess(self.target, delta), ReverseProcess(self.target, ALARM)

    def take(self, document: SimDocument) -> Spent:
        """One document, from routing to release and audit."""
        threshold = self.process.threshold()
        is_fresh = document.group not in self.seen
        self.seen.add(document.group)
        certifies = self.everything or fold_of("simulation", document.group) == Fold.CERTIFY.value
        spent = Spent(len(document.fields), threshold=threshold)
        warm_up = threshold is None and certifies
        decisions = [self._field(document, row, threshold, warm_up, spent) for row in document.fields]
        self._review(document, decisions, spent)
        spent.wrong = sum(token != TRUTH for token, _ in decisions)
        if certifies and is_fresh:
            self._learn([decision for _, decision in decisions], warm_up, threshold)
        return spent

    def _field(
        self, document: SimDocument, row: FieldRow, threshold: float | None, warm_up: bool, spent: Spent
    ) -> tuple[str, Decision]:
        machine = MACHINES if row.wrong else TRUTH
        claim = Claim(ValueState.FOUND if row.found else ValueState.NOT_FOUND, machine, row.score)
        spec = FieldSpec(name=row.field, kind=_kind(row.kind))
        source = "warm-up" if threshold is None else "certificate"
        reasons = reasons_for(claim, Context(spec, self.policy, threshold, source))
        route = Route.REVIEW if reasons else Route.ACCEPT
        rate = self.policy.rate(route)
        rate = max(rate, self.policy.warm_up_audit_rate) if warm_up else rate
        audited = draw_number(self.key, document.name, row.field, 1) < rate
        spent.audits += audited
        spent.accepted += route is Route.ACCEPT
        spent.wrong_machine += row.wrong and route is Route.ACCEPT
        people = self.crowd.order()
        said: list[tuple[Person, str]] = []
        released, is_settled = machine, False
        if route is Route.REVIEW:
            released, said, is_settled = self._people_decide(row, machine, people, spent, whole_page=audited)
        gold = self._audit(row, people, said, spent) if audited else (released if is_settled else None)
        acceptable = all(reason.rule in ("below_threshold", "warm-up") for reason in reasons)
        probability = 1.0 if is_settled else rate
        wrong = None if gold is None else gold != machine
        return released, Decision(row.score if acceptable else -1.0, wrong, probability)

    def _people_decide(
        self, row: FieldRow, machine: str, people: Sequence[Person], spent: Spent, *, whole_page: bool
    ) -> tuple[str, list[tuple[Person, str]], bool]:
        """Ask until the rule agrees, at most to the cap, then a reviewer. Last: did people settle it themselves?"""
        policy, verify = self.policy, self.policy.mode is KeyingMode.VERIFY
        terms = Terms(
            posterior=policy.posterior,
            sources=policy.sources,
            wrong_values=policy.wrong_values,
            verify=verify,
            catch_rate=policy.catch_rate,
        )
        skill = policy.prior_right / (policy.prior_right + policy.prior_wrong)
        votes = [Vote(MACHINE, machine, min(row.score, MACHINE_CAP), Source.MACHINE)] if row.found else []
        said: list[tuple[Person, str]] = []
        for person in people[: policy.cap]:
            if verify and not said and row.found:
                token = self.crowd.verify(person, row.kind, row.wrong)
                votes.append(Vote(person.name, token, skill, Source.SHOWN, machine))
            else:
                token = self.crowd.key(person, row.kind, row.wrong)
                votes.append(Vote(person.name, token, skill))
            self._pay(row, spent, whole_page=whole_page, shown=verify and not said)
            said.append((person, token))
            agreeing = [name for name, other in said if other == token]
            if whole_page and len(said) == 2:  # a blind check: gold when they agree, adjudicated when not
                return (token if len(agreeing) == 2 else self._adjudicate(row, spent)), said, True
            decision = RULES[policy.rule](votes, terms)
            if decision.outcome is Outcome.AGREED and decision.token is not None:
                settled = sum(other == decision.token for _, other in said) >= 2
                return decision.token, said, settled
        return self._adjudicate(row, spent), said, len(said) >= 2

    def _audit(self, row: FieldRow, people: Sequence[Person], said: Sequence[tuple[Person, str]], spent: Spent) -> str:
        """Gold: two blind people, whose answers may have decided the field already, or a reviewer."""
        tokens = [token for _, token in said][:2]
        for person in people[len(said) :][: 2 - len(tokens)]:
            tokens.append(self.crowd.key(person, row.kind, row.wrong))
            self._pay(row, spent, whole_page=True)
        return tokens[0] if len(set(tokens)) == 1 else self._adjudicate(row, spent)

    def _adjudicate(self, row: FieldRow, spent: Spent) -> str:
        spent.reviews += 1
        spent.seconds += self.crowd.model.seconds(row.kind) * self.crowd.model.figures["reviewers"]["seconds"]
        return self.crowd.adjudicate()

    def _pay(self, row: FieldRow, spent: Spent, *, whole_page: bool, shown: bool = False) -> None:
        figures = self.crowd.model.figures
        factor = figures["habits"]["whole_page"] if whole_page else 1.0
        factor *= figures["verify"]["seconds"] if shown else 1.0
        spent.answers += 1
        spent.seconds += self.crowd.model.seconds(row.kind) * factor

    def _review(self, document: SimDocument, decisions: list[tuple[str, Decision]], spent: Spent) -> None:
        """A review of the whole document if the budget picks it: by the machine's doubt, as there is no history."""
        if self.policy.review_budget <= 0:
            return
        score = sum(1 - row.score for row in document.fields) / len(document.fields)
        chance = draw_number(self.key, document.name, "\nreview", 1)
        choice = pick(score, self.scores, self.policy.review_budget, chance)
        self.scores.append(score)
        if not choice.picked:
            return
        for at, row in enumerate(document.fields):
            spent.reviews += 1
            spent.seconds += self.crowd.model.seconds(row.kind) * self.crowd.model.figures["verify"]["seconds"]
            if decisions[at][0] != TRUTH and self.crowd.adjudicate() == TRUTH:
                decisions[at] = (TRUTH, decisions[at][1])

    def _learn(self, decisions: Sequence[Decision], warm_up: bool, threshold: float | None) -> None:
        rates = (self.policy.rate(Route.ACCEPT), self.policy.rate(Route.REVIEW))
        least = self.policy.warm_up_audit_rate if warm_up else min(rates)
        loss = losses(decisions, GRID)
        if threshold is not None and self.watch.update(float(loss[int(GRID.searchsorted(threshold))])):
            self.index += 1
            self._start()
            return
        self.process.update_many(loss[None, :], np.array([least]))


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
