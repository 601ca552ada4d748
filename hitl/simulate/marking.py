"""Reviews of whole documents in a simulation: production's features, production's pick, production's training."""

from __future__ import annotations

from collections.abc import Sequence

from hitl.grader.features import FieldFacts, People, describe
from hitl.grader.model import Grader, Reviewed, fit, pick
from hitl.grader.sampling import FIRST_TRAINING, GROWTH, SEED
from hitl.routing.sampling import draw_number
from hitl.simulate.desk import Decided, Spent
from hitl.simulate.people import MACHINES, TRUTH, Crowd
from hitl.simulate.rows import FieldRow, SimDocument
from hitl.workspace.policy import Policy


class Marker:
    """Picks documents for level 2 within the budget, has them reviewed, and learns which reviews change something."""

    def __init__(self, policy: Policy, key: str) -> None:
        self.policy, self.key = policy, key
        self.scores: list[float] = []
        self.reviewed: list[Reviewed] = []
        self._grader: Grader | None = None
        self._known = 0

    def mark(
        self, document: SimDocument, rows: Sequence[FieldRow], decided: list[Decided], spent: Spent, crowd: Crowd
    ) -> None:
        """Review the document if it is picked: what the reviewer finds wrong is released right."""
        if self.policy.review_budget <= 0:
            return
        features = features_of(rows, decided, crowd, self.policy)
        score = self._grader.score(features) if self._grader else None
        chance = draw_number(self.key, document.name, "\nreview", 1)
        choice = pick(score, self.scores, self.policy.review_budget, chance)
        if score is not None:
            self.scores.append(score)
        if not choice.picked:
            return
        spent.changed = review(rows, decided, spent, crowd)
        self.reviewed.append(Reviewed(features, spent.changed / len(rows), choice.probability))
        if len(self.reviewed) >= max(FIRST_TRAINING, GROWTH * self._known):
            self._grader, self._known = fit(self.reviewed, seed=SEED), len(self.reviewed)


def review(rows: Sequence[FieldRow], decided: Sequence[Decided], spent: Spent, crowd: Crowd) -> int:
    """Level 2 looks at every field; returns how many values it changes, for better or worse."""
    changed = 0
    for row, one in zip(rows, decided, strict=True):
        spent.reviews += 1
        spent.seconds += crowd.model.seconds(row.kind) * crowd.model.figures["verify"]["seconds"]
        found = crowd.look(one.released)
        changed += found != one.released
        one.released = found
    return changed


def features_of(rows: Sequence[FieldRow], decided: Sequence[Decided], crowd: Crowd, policy: Policy) -> dict[str, float]:
    """The features of production, from what the simulation knows at that moment."""
    prior = (policy.prior_right, policy.prior_wrong)
    facts = [
        FieldFacts(
            accepted=one.accepted,
            confidence=row.score,
            posterior=one.posterior,
            rules=() if row.found else ("not_found",),
            by_reviewer=one.by_reviewer,
            machine=(MACHINES if row.wrong else TRUTH) if row.found else None,
            said=frozenset(token for _, token in one.said),
        )
        for row, one in zip(rows, decided, strict=True)
    ]
    pairs = {(person, row.kind) for row, one in zip(rows, decided, strict=True) for person, _ in one.said}
    skills = sorted(crowd.skill(person, kind, prior) for person, kind in pairs)
    answers = sum(len(one.said) for one in decided)
    return describe(facts, People(answers, tuple(skills)), pages=1, type_confidence=1.0)
