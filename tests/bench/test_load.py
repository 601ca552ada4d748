"""Hundreds of people keying at once against `countersign serve --processes 2`, and four times as many.

`make bench-load`: SECONDS of COUNTERSIGN_SECONDS (by default 10; 60 for the figures of the manual) with 300 API clients
and 200 signed-in sessions, each with a connection of its own and no pause between two answers, then four times as many.
The clients share the cores with the server, so rates are compared within the run.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlmodel import Session

from models.tables import Workspace
from tests.load.checks import check_answers
from tests.load.clients import GONE, Person, storm
from tests.load.seeding import SAID, create_clients, create_work
from tests.load.serving import serving, watched_health

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1800)]

SECONDS = float(os.environ.get("COUNTERSIGN_SECONDS", "10"))
API, BROWSERS, OVERLOAD = 300, 200, 4
FEW = (5, 10, 20)  # people at once: the best rate of these is the unloaded best
DOCUMENTS = 5_000
KEPT_UP = 0.8
AFTER = 5  # seconds
QUICK = 0.1


def test_storm_and_overload(session: Session, workspace: Workspace, tmp_path: Path):
    create_work(session, workspace, DOCUMENTS)
    people = create_clients(session, workspace, OVERLOAD * API, OVERLOAD * BROWSERS)
    session.commit()
    callers, sessions = people[: OVERLOAD * API], people[OVERLOAD * API :]
    with serving(tmp_path / "serve.log") as port:
        storm(mixed(callers, sessions, 10), port, SAID, 3)  # what is loaded at first use is loaded
        few = {count: storm(mixed(callers, sessions, count), port, SAID, max(5, SECONDS / 4)) for count in FEW}
        tell("few at once", [], "; ".join(f"{count} people {rate:.1f}/s" for count, rate in few.items()))
        many = callers[:API] + sessions[:BROWSERS]
        rate = watched(many, port, f"{len(many)} people")
        watched(people, port, f"overload, {len(people)} people")
        time.sleep(AFTER)
        with watched_health(port, 2) as health:
            pass
        tell(f"{AFTER} s after, idle", health, "/healthz")
        after = mixed(callers, sessions, 10)
        before = statuses_of(after)
        calm = storm(after, port, SAID, 3)
        since = statuses_of(after) - before
        tell(f"{AFTER} s after", [], f"{calm:.1f} answers/s of 10 people, statuses {dict(since)}")
    check_answers(session, people)
    assert set(since) <= {200, 201} | GONE
    assert max(health) <= QUICK
    assert rate >= KEPT_UP * max(few.values())


def mixed(callers: Sequence[Person], sessions: Sequence[Person], count: int) -> list[Person]:
    """So many people, in the shares of the storm."""
    api = count * API // (API + BROWSERS)
    return [*callers[:api], *sessions[: count - api]]


def watched(people: Sequence[Person], port: int, what: str) -> float:
    """A storm of these people. Prints its figures and returns the answers a second."""
    statuses = statuses_of(people)
    seen = {person.login: len(person.record.seconds) for person in people}
    with watched_health(port, SECONDS) as health:
        rate = storm(people, port, SAID, SECONDS)
    since = statuses_of(people) - statuses
    tell(what, health, f"{rate:.1f} answers/s, statuses {dict(sorted(since.items()))}; /healthz")
    took = [second for person in people for second in person.record.seconds[seen[person.login] :]]
    served = sum(len(person.record.seconds) > seen[person.login] for person in people)
    tell(what, took, f"{served} of them had an answer taken; seconds of an answer")
    return rate


def statuses_of(people: Sequence[Person]) -> Counter[int]:
    return sum((person.record.statuses for person in people), Counter[int]())


def tell(what: str, seconds: Sequence[float], said: str) -> None:
    order = sorted(seconds)
    at = {share: order[min(len(order) - 1, int(share * len(order)))] for share in (0.5, 0.95, 0.99, 1.0) if order}
    percentiles = ", ".join(f"p{100 * share:.0f} {1000 * second:.0f} ms" for share, second in at.items())
    sys.stderr.write(f"\n{what}: {said}{' ' + percentiles if order else ''}")
