"""What the TaskGrader is told of a document when its last field is decided: only what is known at that moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """One field. `machine` is the token of the machine's value, None without one; `said` those of people's answers."""

    accepted: bool
    confidence: float
    posterior: float | None
    rules: tuple[str, ...]  # why it went to people
    by_reviewer: bool
    machine: str | None
    said: frozenset[str]


@dataclass(frozen=True, slots=True)
class People:
    """Who answered: one skill a person and kind, the seconds where they are known, and how many answers there were."""

    answers: int = 0
    skills: tuple[float, ...] = ()
    seconds: tuple[float, ...] = ()


def describe(fields: Sequence[FieldFacts], people: People, *, pages: int, type_confidence: float) -> dict[str, float]:
    """The features of one document."""
    count = len(fields)
    scores = [one.confidence for one in fields]
    rules = [rule for one in fields for rule in one.rules]
    found = {
        "fields": float(count),
        "pages": float(pages),
        "type_confidence": type_confidence,
        "accepted_share": sum(one.accepted for one in fields) / count,
        "accepted_doubt": sum(1 - one.confidence for one in fields if one.accepted) / count,
        "least_accepted": min((one.confidence for one in fields if one.accepted), default=1.0),
        "mean_confidence": sum(scores) / count,
        "least_confidence": min(scores),
        "least_posterior": min((one.posterior for one in fields if one.posterior is not None), default=1.0),
        "failed_checks": float(rules.count("failed_check")),
        "not_found": float(rules.count("not_found")),
        "by_reviewer": sum(one.by_reviewer for one in fields) / count,
    }
    if people.answers == 0:
        return found | {"answers": 0.0}
    found |= {
        "answers": people.answers / count,
        "machine_overruled": sum(
            bool(one.said) and one.machine is not None and one.machine not in one.said for one in fields
        ) / count,
        "people_differ": sum(len(one.said) > 1 for one in fields) / count,
        "least_skill": min(people.skills),
        "mean_skill": sum(people.skills) / len(people.skills),
    }  # fmt: skip
    return found | ({"mean_seconds": sum(people.seconds) / len(people.seconds)} if people.seconds else {})
