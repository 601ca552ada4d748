"""Conduct replayed: honest people of many habits keep their work, those who only pretend to work lose it soon.

The first replay is of thousands of answers without a database, with documents as queues send them: one field after the
other, one sender after the other. The second goes through the queue itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest
from sqlmodel import Session

from hitl.annotation.conduct import JUDGED_EVERY, find
from hitl.annotation.qualification import gold_rate
from hitl.annotation.tasks import hand_out
from hitl.people.trackrecord import RECENT, Given, TrackRecord, is_confirmed
from models import ids
from models.doctype import Kind
from models.tables import FieldReading, Task, User, Verdict, Workspace
from tests import factories
from tests.hitl.crowd import answer, create_people, create_read_document, set_policy, start

Generator = np.random.Generator
Say = Callable[[Generator, str], tuple[str, float, int]]  # the truth -> the answer, seconds, keys
ANSWERS = 200  # of one honest person
SOON = 40  # answers in which who only pretends is found


def keys(error: float, seconds: float) -> Say:
    """An honest person: so often wrong, so fast at a field of eight keys."""

    def say(rng: Generator, truth: str) -> tuple[str, float, int]:
        said = f"=slip{rng.integers(20)}" if rng.random() < error else truth
        pressed = 8 if said.startswith("=") else 1
        return said, float(seconds * rng.lognormal(0, 0.3) * (0.3 if pressed == 1 else 1)), pressed

    return say


HONEST = {
    "careful and slow": keys(0.01, 20.0),
    "usual": keys(0.02, 5.0),
    "fast": keys(0.03, 1.6),
}
PRETENDERS: dict[str, Say] = {
    "nothing is ever there": lambda rng, truth: ("absent", 2.0, 1),
    "always the same word": lambda rng, truth: ("=asdf", 2.0, 4),
    "any word": lambda rng, truth: (f"=word{rng.integers(1000)}", 2.0, 4),
    "every other answer": lambda rng, truth: (truth if rng.random() < 0.5 else f"=w{rng.integers(20)}", 2.0, 4),
    "faster than anybody": lambda rng, truth: (truth, 0.1, 8),
}


def fields_in_a_row(rng: Generator, run: int) -> list[tuple[str, str | None]]:
    """(truth, what the machine says) of one field in the documents of sender after sender, up to `run` of each.

    A third of the senders never print the field, a third always the same value; with one in ten the machine is wrong on
    every document.
    """
    rows: list[tuple[str, str | None]] = []
    while len(rows) < ANSWERS:
        habit, is_misread = rng.random(), rng.random() < 0.1
        for _ in range(int(rng.integers(1, run + 1))):
            truth = "absent" if habit < 1 / 3 else "=always" if habit < 2 / 3 else f"={rng.integers(10**6)}"
            found = truth if truth != "absent" else None
            if is_misread or rng.random() < 0.1:
                found = f"=misread{rng.integers(10**6)}"
            rows.append((truth, found if rng.random() < 0.9 else None))
    return rows


def others_on(rng: Generator, truth: str, found: str | None, said: str, spoken: float) -> list[str]:
    """What the machine says, and the others who have come to the field by now; more where somebody contradicts."""
    voices = [] if found is None else [found]
    asked = int(rng.binomial(2 if said != found else 1, spoken))
    return voices + [truth if rng.random() >= 0.02 else f"=slip{rng.integers(20)}" for _ in range(asked)]


def answers_until_paused(rng: Generator, say: Say, most: int, *, spoken: float, run: int) -> int:
    """How many answers somebody gives until a rule fires; `most` + 1 when none does."""
    controls: list[bool] = []
    given: list[Given] = []
    for count, (truth, found) in enumerate(itertools.islice(fields_in_a_row(rng, run), most), start=1):
        said, seconds, pressed = say(rng, truth)
        is_control = rng.random() < gold_rate(len(controls))
        confirmed = None if is_control else is_confirmed(said, others_on(rng, truth, found, said, spoken), None)
        given.insert(0, Given(said, seconds, pressed, is_confirmed=confirmed))
        if is_control:
            controls.insert(0, said == truth)
        if is_control or count % JUDGED_EVERY == 0:
            judged = [one.is_confirmed for one in given if one.is_confirmed is not None][: 2 * RECENT]
            if find(TrackRecord(controls[:RECENT], judged, given[:RECENT])):
                return count
    return most + 1


@pytest.mark.parametrize("habit", HONEST)
@pytest.mark.parametrize("spoken", [0.05, 0.5, 1.0])
def test_honest_people_of_any_habit_are_paused_at_most_once_in_a_hundred(habit: str, spoken: float):
    rng = np.random.default_rng(7)
    took = [answers_until_paused(rng, HONEST[habit], ANSWERS, spoken=spoken, run=60) for _ in range(300)]
    assert sum(count <= ANSWERS for count in took) <= 3


@pytest.mark.parametrize("pretence", PRETENDERS)
def test_who_only_pretends_is_paused_within_forty_answers(pretence: str):
    rng = np.random.default_rng(11)
    took = [answers_until_paused(rng, PRETENDERS[pretence], 2 * SOON, spoken=0.5, run=5) for _ in range(100)]
    assert np.median(took) <= SOON / 2
    assert np.mean(np.array(took) <= SOON) >= 0.9


TRUTH = {"vendor": "ACME LTD", "vat_number": ".absent"}


@pytest.fixture
def numbered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids count up, so that the queue has the same order in every run."""
    clock = itertools.count(1_700_000_000_000)
    monkeypatch.setattr(ids, "time", SimpleNamespace(time=lambda: next(clock) / 1000))
    monkeypatch.setattr(ids, "os", SimpleNamespace(urandom=Random(5).randbytes))


@pytest.fixture
def crowd(numbered: None, session: Session, workspace: Workspace) -> list[User]:
    """Four people, and thirty receipts of one sender that never prints a VAT number."""
    set_policy(session, workspace)
    spec = factories.a_type(vendor=Kind.NAME, total=Kind.MONEY, vat_number=Kind.IDENTIFIER)
    for number in range(30):
        readings = {"vendor": ("ACME LTD", 0.9), "total": (f"{number}.50", 0.9), "vat_number": (None, 0.0)}
        start(session, create_read_document(session, workspace, readings, spec))
    return create_people(session, workspace, 4)


def work_in_turn(session: Session, people: list[User], says: dict[str, str], turns: int) -> dict[str, int]:
    """Each answers the truth in turn, or always what `says` has for them. Returns their answers until one is paused."""
    done = dict.fromkeys([person.id for person in people], 0)
    for turn in range(turns):
        if any(person.paused_reason for person in people):
            break
        now = factories.NOW + timedelta(seconds=10 * turn)
        for person in people:
            for task in hand_out(session, person, now=now):
                truth = TRUTH.get(task.field) or str(verdict_value(session, task))
                told = says.get(person.id, truth)
                answer(session, person, task, told, now=now + timedelta(seconds=5), seconds=5.0, keystrokes=8)
                done[person.id] += 1
    return done


def verdict_value(session: Session, task: Task) -> str:
    verdict = session.get_one(Verdict, task.verdict_id)
    return str(session.get_one(FieldReading, verdict.reading_id).value)


def test_the_queue_itself_pauses_nobody_who_is_honest(session: Session, crowd: list[User]):
    done = work_in_turn(session, crowd, {}, RECENT + 5)
    assert min(done.values()) >= RECENT
    assert [person.paused_reason for person in crowd] == [None] * 4


@pytest.mark.parametrize("said", [".absent", "1.00"])
def test_the_queue_finds_one_who_always_says_the_same(session: Session, crowd: list[User], said: str):
    *honest, pretender = crowd
    done = work_in_turn(session, crowd, {pretender.id: said}, SOON)
    assert done[pretender.id] <= SOON
    assert pretender.paused_reason is not None
    assert [person.paused_reason for person in honest] == [None] * 3
