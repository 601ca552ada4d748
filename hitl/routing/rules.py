"""Why a reading goes to people: a rule is a pure function and a line in RULES; every reason keeps its numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from extractor.checks import Failure
from extractor.stated.notes import DIFFERS, NOTE
from hitl.workspace.policy import Policy
from models.doctype import FieldSpec
from models.tables import (
    FieldReading,
)
from models.values import ValueState


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a reading goes to people: the rule, a sentence, and the numbers it saw."""

    rule: str
    text: str
    numbers: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Claim:
    """What the machine says of one field; what it did not say at all is `not_found` with confidence 0."""

    state: ValueState
    value: Any = None
    confidence: float = 0.0
    reading_id: str | None = None
    page: int | None = None
    box: list[float] | None = None
    stated: tuple[dict[str, Any], ...] = ()  # what the file says beside its print (extractor.stated.compare)


@dataclass(frozen=True, slots=True)
class Context:
    """All that a rule may look at beside the claim."""

    spec: FieldSpec
    policy: Policy
    threshold: float | None  # None: nothing is certified yet
    threshold_source: str  # certificate | fixed | warm-up | suspended
    failures: tuple[Failure, ...] = ()
    has_model: bool = True
    made_from_data: bool = False


Rule = Callable[[Claim, Context], Reason | None]


def below_threshold(claim: Claim, context: Context) -> Reason | None:
    """The confidence does not reach the threshold in force, or there is none yet."""
    if context.threshold is None:
        text = "No threshold is certified yet, so people check every value."
        if context.threshold_source == "suspended":
            text = "The certificate is suspended after an alarm, so people check every value."
        return Reason(context.threshold_source, text, {"confidence": claim.confidence})
    if claim.confidence >= context.threshold:
        return None
    numbers = {"confidence": claim.confidence, "threshold": context.threshold}
    return Reason("below_threshold", "The machine is not sure enough.", numbers)


def not_found(claim: Claim, context: Context) -> Reason | None:
    """The machine found no value: its silence is never accepted as absence."""
    if claim.state is not ValueState.NOT_FOUND:
        return None
    text = "A required value was not found." if context.spec.required else "No value was found."
    return Reason("not_found", text, {"required": context.spec.required})


def required_but_missing(claim: Claim, context: Context) -> Reason | None:
    """A required field is said to be absent, empty or illegible."""
    missing = claim.state in (ValueState.ABSENT, ValueState.EMPTY, ValueState.ILLEGIBLE)
    if not (missing and context.spec.required and context.policy.required_fields_reviewed):
        return None
    return Reason("required_but_missing", f"The value is required and the machine says it is {claim.state.value}.")


def failed_check(_claim: Claim, context: Context) -> Reason | None:
    """A business rule over this value fails: a checksum, a sum, the order of dates."""
    if not (context.failures and context.policy.failed_checks_reviewed):
        return None
    broken = [{"rule": failure.rule, "fields": list(failure.fields)} for failure in context.failures]
    return Reason("failed_check", "; ".join(str(failure) for failure in context.failures), {"checks": broken})


def file_and_print_differ(claim: Claim, _context: Context) -> Reason | None:
    """The data in the file (XML, a payment code) says another value than its print: a mistake, or a forgery."""
    differing = [note for note in claim.stated if not note["agrees"]]
    if not differing:
        return None
    sources = [{"source": note["source"], "origin": note["origin"]} for note in differing]  # the values stay unseen
    return Reason(DIFFERS, "The data in the file says something else than its print.", {"stated": sources})


def made_from_data(_claim: Claim, context: Context) -> Reason | None:
    """The page was drawn from the file's own data, so that it proves nothing, and no certificate is about it."""
    if not context.made_from_data or context.policy.threshold_mode == "fixed":
        return None
    return Reason("made_from_data", "The pages were made from data, which no certificate covers.")


def no_model(_claim: Claim, context: Context) -> Reason | None:
    """The type is new: no model has learnt it."""
    return None if context.has_model else Reason("no_model", "No model has learnt this document type yet.")


def always_review(_claim: Claim, context: Context) -> Reason | None:
    """The policy sends this field to people, whatever the machine says."""
    if not context.policy.field(context.spec.name).always_review:
        return None
    return Reason("always_review", "The policy has people check this field always.")


RULES: tuple[Rule, ...] = (
    no_model, not_found, required_but_missing, below_threshold, failed_check, file_and_print_differ, made_from_data,
    always_review,
)  # fmt: skip


def reasons_for(claim: Claim, context: Context) -> tuple[Reason, ...]:
    """Every reason to ask people; none means accept."""
    return tuple(reason for rule in RULES if (reason := rule(claim, context)))


def claim_of(reading: FieldReading | None) -> Claim:
    """A stored reading as the rules see it."""
    if reading is None:
        return Claim(ValueState.NOT_FOUND)
    state, stated = ValueState(reading.value_state), tuple(reading.provenance.get(NOTE, ()))
    return Claim(state, reading.value, reading.confidence, reading.id, reading.page, reading.box, stated)
