"""The simulated people: how often they err, on what, and how long an answer takes (people.toml)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).with_name("people.toml")
TRUTH, MACHINES = "=truth", "=machine"  # tokens: what stands there, and what a machine that errs says

Generator = np.random.Generator


@dataclass(frozen=True)
class Model:
    """The figures of people.toml."""

    figures: dict[str, dict[str, float]]

    def error(self, kind: str) -> float:
        return self.figures["error"].get(kind, self.figures["error"]["other"])

    def seconds(self, kind: str) -> float:
        return self.figures["seconds"].get(kind, self.figures["seconds"]["other"])

    def with_spammers(self, share: float) -> Model:
        return Model(self.figures | {"spammers": self.figures["spammers"] | {"share": share}})


def read(path: Path = FILE) -> Model:
    """The model of people in `path`."""
    return Model(tomllib.loads(path.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Person:
    """One person. `factor` multiplies the error rate of the kind; a spammer errs as often as not."""

    name: str
    factor: float
    is_spammer: bool


class Crowd:
    """People who answer. Whoever answered a field is not asked about it again."""

    def __init__(self, model: Model, size: int, rng: Generator) -> None:
        self.model, self._rng = model, rng
        spread, share = model.figures["habits"]["skill_spread"], model.figures["spammers"]["share"]
        factors = np.exp(rng.normal(-(spread**2) / 2, spread, size))
        self._controls: dict[tuple[str, str], tuple[int, int]] = {}
        self.people = tuple(
            Person(f"p{i}", float(factor), bool(rng.random() < share)) for i, factor in enumerate(factors)
        )

    def order(self) -> list[Person]:
        """The order in which people would be asked about one field."""
        return [self.people[i] for i in self._rng.permutation(len(self.people))]

    def key(self, person: Person, kind: str, is_machine_wrong: bool) -> str:
        """A blind answer. Now and then a control task is among the answers, which makes the person's skill known."""
        habits = self.model.figures["habits"]
        rate = self._error(person, kind)
        if self._rng.random() < habits["control_rate"]:
            right, wrong = self._controls.get((person.name, kind), (0, 0))
            is_right = self._rng.random() >= rate
            self._controls[person.name, kind] = (right + is_right, wrong + (not is_right))
        if self._rng.random() >= rate:
            return TRUTH
        if is_machine_wrong and not person.is_spammer and self._rng.random() < habits["repeats_machine"]:
            return MACHINES
        return f"=wrong{self._rng.integers(int(habits['wrong_values']))}"

    def _error(self, person: Person, kind: str) -> float:
        figures = self.model.figures
        return figures["spammers"]["error"] if person.is_spammer else min(0.5, self.model.error(kind) * person.factor)

    def skill(self, person: Person, kind: str, prior: tuple[float, float]) -> float:
        """P(right) as the control tasks tell it; what was done on other kinds counts half, as in hitl.people.skills."""
        right, wrong = prior
        for (name, other), (good, bad) in self._controls.items():
            if name == person.name:
                weight = 1.0 if other == kind else 0.5
                right, wrong = right + weight * good, wrong + weight * bad
        return right / (right + wrong)

    def verify(self, person: Person, kind: str, is_machine_wrong: bool) -> str:
        """An answer to a value that is shown."""
        verify = self.model.figures["verify"]
        shown = MACHINES if is_machine_wrong else TRUTH
        if not is_machine_wrong:
            return f"=wrong{self._rng.integers(20)}" if self._rng.random() < verify["slip_rate"] else shown
        is_caught = not person.is_spammer and self._rng.random() < verify["catch_rate"]
        return self.key(person, kind, is_machine_wrong) if is_caught else shown

    def adjudicate(self) -> str:
        """What a reviewer decides."""
        is_wrong = self._rng.random() < self.model.figures["reviewers"]["error"]
        return f"=wrong{self._rng.integers(20)}" if is_wrong else TRUTH

    def look(self, released: str) -> str:
        """What a reviewer of the whole document makes of a value that was decided."""
        reviewers = self.model.figures["reviewers"]
        if released == TRUTH:
            return f"=wrong{self._rng.integers(20)}" if self._rng.random() < reviewers["error"] else TRUTH
        return TRUTH if self._rng.random() < reviewers["catch_rate"] else released

    def describe(self) -> dict[str, Any]:
        return {"people": len(self.people), "spammers": sum(p.is_spammer for p in self.people)} | self.model.figures
