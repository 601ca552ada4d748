"""Documents as a certificate sees them, and their replay through e-process and alarm. Pure; `certifying` reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hitl.certificate import GRID, Certification, Decision, EProcess, certify, delta_of_model, losses
from hitl.drift import ReverseProcess

ALARM = 0.01  # chance of a false drift alarm


@dataclass(frozen=True, slots=True)
class Unit:
    """One document as a certificate sees it."""

    at: datetime
    group: str
    decisions: tuple[Decision, ...]  # what is not known yet counts as wrong
    known: tuple[Decision, ...]  # what is not known yet counts as nothing
    human_loss: float
    largest: float  # the largest loss it could have shown
    disagreed: tuple[bool, ...]  # of the fields that were labelled: was the machine wrong


@dataclass(frozen=True, slots=True)
class Replay:
    """The certification since the last alarm, and the documents (from 0) at which alarms rang."""

    certification: Certification
    alarms: tuple[int, ...]


def replay(units: Sequence[Unit], target: float, delta: float, first: int) -> Replay:
    """Run the e-process, and the alarm against it once it certifies. After an alarm it starts afresh, at its price.

    `first`: which certificate of this promise it is, from 1; each has a smaller share of `delta`.
    """
    start, alarms = 0, list[int]()
    while (alarm := _first_alarm(units, start, target, delta_of_model(delta, first + len(alarms)))) is not None:
        alarms.append(alarm)
        start = alarm + 1
    share = delta_of_model(delta, first + len(alarms))
    since = [(unit.decisions, unit.largest) for unit in units[start:]]
    return Replay(certify(since, target=target, delta=share), tuple(alarms))


def _first_alarm(units: Sequence[Unit], start: int, target: float, delta: float) -> int | None:
    process, watch = EProcess(target, delta), ReverseProcess(target, ALARM)
    for position in range(start, len(units)):
        unit, threshold = units[position], process.threshold()
        if threshold is not None:
            at = int(GRID.searchsorted(threshold))
            if watch.update(float(losses(unit.known, GRID)[at])):
                return position
        process.update(unit.decisions, unit.largest)
    return None
