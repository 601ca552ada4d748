"""Documents as a certificate sees them, and their course through e-process, alarm and estimates. Pure.

A course is advanced document by document, in any number of steps, and says the same to the last digit however many
there were: what is added up is added up in one order. Its state can be stored after any document and taken up again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import dropwhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hitl.certificate.bound import UpperBound
from hitl.certificate.drift import Doubts, ReverseProcess
from hitl.certificate.eprocess import (
    GRID,
    Certification,
    Decision,
    EProcess,
    Floats,
    Tally,
    certification,
    delta_of_model,
    is_claimed,
    losses_of,
)

ALARM = 0.01  # chance of a false drift alarm
FORMAT = 1  # of a stored state; one of another format is not taken up


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


class Course:
    """A certificate on its way: the e-process since the last alarm, the alarm against it, and what was estimated.

    `first`: which certificate of this promise it is, from 1; each has a smaller share of `delta`, and after an alarm
    the e-process starts afresh at that price. Evidence begins with the first document in which a threshold would have
    accepted something; people's errors and disagreements are counted from the first document on.
    """

    def __init__(self, target: float, delta: float, first: int, human_delta: float) -> None:
        self.target, self.delta, self.first = target, delta, first
        self.counted = 0  # all documents
        self.claimed = 0  # those from the first claim on
        self.alarms: list[int] = []  # at which of the claimed ones, from 0
        self.human_loss = 0.0
        self.bound, self.doubts = UpperBound(human_delta), Doubts()
        self._start()

    def _start(self) -> None:
        self.process = EProcess(self.target, delta_of_model(self.delta, self.first + len(self.alarms)))
        self.watch, self.tally, self.certified = ReverseProcess(self.target, ALARM), Tally(), 0

    def advance(self, units: Sequence[Unit]) -> None:
        """Count some documents more, in the order of routing."""
        for unit in units:
            self.human_loss += unit.human_loss
            for disagreed in unit.disagreed:
                self.doubts.update(disagreed)
        self.bound.update((unit.human_loss, unit.largest) for unit in units)
        self.counted += len(units)
        claimed = units if self.claimed else from_first_claim(units)
        if claimed:
            self._advance(claimed)

    def _advance(self, units: Sequence[Unit]) -> None:
        loss, known = (losses_of(some, GRID) for some in ([u.decisions for u in units], [u.known for u in units]))
        largest = np.array([unit.largest for unit in units])
        start = 0
        while True:
            certified = self.process.update_many(loss[start:], largest[start:])
            alarm = self._first_alarm(known[start:], np.concatenate([[self.certified], certified])[:-1])
            if alarm is None:
                break
            self.alarms.append(self.claimed + start + alarm)
            start += alarm + 1
            self._start()
        if start < len(units):
            self.certified = int(certified[-1])
            self.tally.update([unit.decisions for unit in units[start:]], [unit.largest for unit in units[start:]])
        self.claimed += len(units)

    def _first_alarm(self, known: Floats, before: NDArray[np.int_]) -> int | None:
        """`known`: (documents, grid) losses; `before`: how many thresholds were certified before each document."""
        for position in np.flatnonzero(before):
            if self.watch.update(float(known[position, len(GRID) - before[position]])):
                return int(position)
        return None

    def result(self) -> Replay:
        """What it says now."""
        return Replay(certification(self.process, self.tally), tuple(self.alarms))

    def pack(self) -> bytes:
        """The whole state: a line of JSON, and the arrays that it names."""
        arrays = {name: np.ascontiguousarray(array) for name, array in self._arrays().items()}
        shapes = {name: [array.dtype.str, list(array.shape)] for name, array in arrays.items()}
        head = json.dumps({"format": FORMAT, "arrays": shapes, **self._scalars()}).encode()
        return head + b"\n" + b"".join(array.tobytes() for array in arrays.values())

    def take_up(self, packed: bytes) -> None:
        """Go on where `packed` was. Its target, delta and number are the caller's to compare."""
        line, _, body = packed.partition(b"\n")
        head, at = json.loads(line), 0
        self.counted, self.claimed, self.alarms = head["counted"], head["claimed"], head["alarms"]
        self._start()
        arrays: dict[str, Any] = {}
        for name, (kind, shape) in head["arrays"].items():
            size = np.dtype(kind).itemsize * int(np.prod(shape))
            arrays[name] = np.frombuffer(body[at : at + size], dtype=kind).reshape(shape).copy()
            at += size
        process, watch, tally = self.process, self.watch, self.tally
        process.log_wealth, process.certified, watch.log_wealth = (arrays[n] for n in ("wealth", "certified", "watch"))
        tally.weights, tally.lost = arrays["weights"], arrays["lost"]
        self.bound.log_wealth, self.bound.refuted = arrays["bound"], arrays["refuted"]
        process.documents, process.since, self.certified = head["documents"], head["since"], head["from_top"]
        watch.observations, watch.alarm_at = head["watched"], None
        tally.fields, tally.audited, tally.largest = head["fields"], head["audited"], head["largest"]
        self.human_loss, self.doubts = head["human_loss"], Doubts.taken_up(head["doubts"])
        self.bound.run = ((head["run"][0], head["run"][1]), head["run"][2]) if head["run"] else None

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {
            "wealth": self.process.log_wealth,
            "certified": self.process.certified,
            "watch": self.watch.log_wealth,
            "weights": self.tally.weights,
            "lost": self.tally.lost,
            "bound": self.bound.log_wealth,
            "refuted": self.bound.refuted,
        }

    def _scalars(self) -> dict[str, Any]:
        run = self.bound.run
        return {
            "counted": self.counted,
            "claimed": self.claimed,
            "alarms": self.alarms,
            "documents": self.process.documents,
            "since": self.process.since,
            "from_top": self.certified,
            "watched": self.watch.observations,
            "fields": self.tally.fields,
            "audited": self.tally.audited,
            "largest": self.tally.largest,
            "human_loss": self.human_loss,
            "doubts": self.doubts.state(),
            "run": [*run[0], run[1]] if run else None,
        }


def from_first_claim(units: Sequence[Unit]) -> list[Unit]:
    """The documents from the first on in which a threshold would have accepted something."""
    return list(dropwhile(lambda unit: not is_claimed(unit.decisions), units))


def replay(units: Sequence[Unit], target: float, delta: float, first: int) -> Replay:
    """The course of these documents from the beginning."""
    course = Course(target, delta, first, delta)
    course.advance(units)
    return course.result()
