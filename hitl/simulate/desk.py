"""One field at the desks of the simulated people: the first keyer, the next on a mismatch, the reviewer, the audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hitl.aggregate import RULES, Outcome, Source, Terms, Vote
from hitl.annotation.consensus import MACHINE, MACHINE_CAP
from hitl.simulate.people import MACHINES, TRUTH, Crowd, Person
from hitl.simulate.rows import FieldRow
from hitl.workspace.policy import Policy
from models.doctype import KeyingMode

Said = list[tuple[Person, str]]


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
    first_checks: int = 0  # answers that an audit took of accepted values: the first keyer's
    second_checks: int = 0  # and those of second keyers, which only audits ask for
    threshold: float | None = None
    changed: int | None = None  # fields that a review of the whole document changed; None: not reviewed


@dataclass(slots=True)
class Decided:
    """What became of one field. `is_settled`: two blind people decided it in any case, audited or not."""

    released: str
    accepted: bool
    gold: str | None = None
    is_settled: bool = False
    posterior: float = 1.0
    by_reviewer: bool = False
    said: Said = field(default_factory=list)
    people: Sequence[Person] = ()  # in the order in which they are asked
    checked: list[str] = field(default_factory=list)  # the blind answers of an audit
    first_agreed: bool | None = None  # of an audit: the first keyer said what the machine says, and that decided it


class Desk:
    """Who is asked about a field, in which order, and what their answers amount to under the policy."""

    def __init__(self, policy: Policy, crowd: Crowd) -> None:
        self.policy, self.crowd = policy, crowd
        self.verify = policy.mode is KeyingMode.VERIFY
        self.terms = Terms(
            posterior=policy.posterior,
            sources=policy.sources,
            wrong_values=policy.wrong_values,
            verify=self.verify,
            catch_rate=policy.catch_rate,
        )
        self.prior = (policy.prior_right, policy.prior_wrong)

    def decide(self, row: FieldRow, spent: Spent, *, accepted: bool, audited: bool) -> Decided:
        """The field's value at release, and its gold if two blind people settled it or differed on an audit.

        An audit whose first keyer agrees with the machine has none yet: see `second`.
        """
        spent.audits += audited
        spent.accepted += accepted
        spent.wrong_machine += row.wrong and accepted
        people = self.crowd.order()
        machine = MACHINES if row.wrong else TRUTH
        one = Decided(machine, accepted, posterior=row.score)
        if not accepted:
            self._ask(row, machine, people, one, spent, whole_page=audited)
        if one.is_settled:
            one.gold = one.released
        elif audited:
            one.people = people
            spent.first_checks += accepted
            one.checked = [token for _, token in one.said][:2] or [self._key(row, one, spent)]
            is_drawn = self.policy.second_keyer == "one" and row.found
            one.first_agreed = is_drawn and one.checked[0] == machine
            if not one.first_agreed:
                one.gold = self.second(row, one, spent)
        return one

    def _ask(
        self, row: FieldRow, machine: str, people: Sequence[Person], one: Decided, spent: Spent, *, whole_page: bool
    ) -> None:
        """Ask until the rule agrees, at most to the cap, then a reviewer."""
        votes = [Vote(MACHINE, machine, min(row.score, MACHINE_CAP), Source.MACHINE)] if row.found else []
        for person in people[: self.policy.cap]:
            shown = self.verify and not one.said and row.found
            key = self.crowd.verify if shown else self.crowd.key
            token = key(person, row.kind, row.wrong)
            source = Source.SHOWN if shown else Source.BLIND
            skill = self.crowd.skill(person, row.kind, self.prior)
            votes.append(Vote(person.name, token, skill, source, machine if shown else None))
            self._pay(row, spent, whole_page=whole_page, shown=shown)
            one.said.append((person, token))
            decision = RULES[self.policy.rule](votes, self.terms)
            agreeing = [name for name, other in one.said if other == decision.token]
            if decision.outcome is Outcome.AGREED and decision.token is not None:
                one.released, one.posterior, one.is_settled = decision.token, decision.posterior, len(agreeing) >= 2
                return
            if whole_page and len(one.said) == 2:  # a blind check: gold when they agree, adjudicated when not
                break
        tokens = [token for _, token in one.said]
        one.is_settled = len(tokens) >= 2
        if whole_page and len(tokens) == 2 and tokens[0] == tokens[1]:
            one.released, one.posterior = tokens[0], self.policy.posterior
            return
        one.released, one.by_reviewer, one.posterior = self.adjudicate(row, spent), True, self.policy.posterior

    def second(self, row: FieldRow, one: Decided, spent: Spent) -> str:
        """Gold: what the first keyer and one more blind person say, or a reviewer where they differ."""
        if len(one.checked) < 2:
            spent.second_checks += 1
            one.checked.append(self._key(row, one, spent))
        return one.checked[0] if one.checked[0] == one.checked[1] else self.adjudicate(row, spent)

    def _key(self, row: FieldRow, one: Decided, spent: Spent) -> str:
        person = one.people[max(len(one.said), len(one.checked))]
        self._pay(row, spent, whole_page=True)
        return self.crowd.key(person, row.kind, row.wrong)

    def adjudicate(self, row: FieldRow, spent: Spent) -> str:
        spent.reviews += 1
        spent.seconds += self.crowd.model.seconds(row.kind) * self.crowd.model.figures["reviewers"]["seconds"]
        return self.crowd.adjudicate()

    def _pay(self, row: FieldRow, spent: Spent, *, whole_page: bool, shown: bool = False) -> None:
        figures = self.crowd.model.figures
        factor = figures["habits"]["whole_page"] if whole_page else 1.0
        factor *= figures["verify"]["seconds"] if shown else 1.0
        spent.answers += 1
        spent.seconds += self.crowd.model.seconds(row.kind) * factor
