"""Documents as a certificate sees them, and their replay through e-process and alarm. Pure; `certifying` reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import dropwhile

import numpy as np
from numpy.typing import NDArray

from hitl.certificate.drift import ReverseProcess
from hitl.certificate.eprocess import (
    GRID,
    Certification,
    Decision,
    EProcess,
    Floats,
    certification,
    delta_of_model,
    is_claimed,
    losses_of,
)

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
    disagreed: tuple[bool, ...]  # of the fields that were audited: was the machine wrong


@dataclass(frozen=True, slots=True)
class Replay:
    """The certification since the last alarm, and the documents (from 0) at which alarms rang."""

    certification: Certification
    alarms: tuple[int, ...]


def from_first_claim(units: Sequence[Unit]) -> list[Unit]:
    """The documents from the first on in which a threshold would have accepted something."""
    return list(dropwhile(lambda unit: not is_claimed(unit.decisions), units))


def replay(units: Sequence[Unit], target: float, delta: float, first: int) -> Replay:
    """Run the e-process, and the alarm against it once it certifies. After an alarm it starts afresh, at its price.

    `first`: which certificate of this promise it is, from 1; each has a smaller share of `delta`.
    """
    loss, known = (losses_of(some, GRID) for some in ([u.decisions for u in units], [u.known for u in units]))
    largest = np.array([unit.largest for unit in units])
    start, alarms = 0, list[int]()
    while True:
        process = EProcess(target, delta_of_model(delta, first + len(alarms)))
        alarm = _first_alarm(known[start:], process.update_many(loss[start:], largest[start:]), target)
        if alarm is None:
            break
        alarms.append(start + alarm)
        start += alarm + 1
    since = [(unit.decisions, unit.largest) for unit in units[start:]]
    return Replay(certification(process, since), tuple(alarms))


def _first_alarm(known: Floats, certified: NDArray[np.int_], target: float) -> int | None:
    """`known`: (documents, grid) losses; `certified`: how many thresholds of the grid were, after each document."""
    watch, before = ReverseProcess(target, ALARM), np.concatenate([[0], certified[:-1]])
    watched = np.flatnonzero(before)
    for position in watched:
        if watch.update(float(known[position, len(GRID) - before[position]])):
            return int(position)
    return None
