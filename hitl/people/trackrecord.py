"""Track record: what is known of a person's recent work, and what others said of the same fields.

Left out is what says nothing of the person: document types (few names, asked in a row), training and exams, and what
was undone or skipped.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, func, select

from hitl.aggregate.equality import TYPE_FIELD, token_of
from models.states import TaskPurpose, VerdictState
from models.tables import Answer, Event, FieldReading, Task, User, Verdict
from models.values import ValueState

RECENT = 20  # answers that are looked at
LOOK_BACK = timedelta(days=7)
USUAL = 0.97  # people who key once err in 1 to 3 %; what others reach on a field is shrunk to it
USUAL_WEIGHT = 50  # by so many pseudo-answers
NO_RECORD = (TaskPurpose.TRAINING.value, TaskPurpose.EXAM.value)
DECIDED = (VerdictState.AGREED.value, VerdictState.FINAL.value)

FieldKind = tuple[str, str]  # the name of a field and its kind


@dataclass(frozen=True, slots=True)
class Given:
    """One recent answer of a person. `keys`: how many keys had to be pressed at least."""

    token: str
    seconds: float | None = None
    keys: int = 0
    mode: str = "blind"
    is_confirmed: bool | None = None  # by others, on the same field of the same document; None: they have not spoken
    verdict_id: str | None = None


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """What the rules look at, newest first: `controls` of control tasks, `agreed` of fields where others spoke.

    `usual_on_controls` and `usual_on_fields`: the shares of right answers that others reach on the same fields.
    """

    controls: Sequence[bool] = ()
    agreed: Sequence[bool] = ()
    recent: Sequence[Given] = ()
    seeded_shown: int = 0
    seeded_caught: int = 0
    usual_on_controls: float = USUAL
    usual_on_fields: float = USUAL


def of(session: Session, user: User, *, now: datetime) -> TrackRecord:
    """The record of `user` since they were last resumed, of a week at most."""
    start = since(session, user, now)
    rows = session.exec(
        select(Answer, Task)
        .join(Task, col(Task.id) == col(Answer.task_id))
        .where(
            Answer.user_id == user.id,
            col(Answer.created_at) >= start,
            col(Answer.undone_at).is_(None),
            col(Answer.skip_reason).is_(None),
            Task.field != TYPE_FIELD,
            col(Task.purpose).not_in(NO_RECORD),
        )
        .order_by(col(Answer.created_at).desc(), col(Answer.id).desc())
        .limit(5 * RECENT)
    ).all()
    controls = [(a, t) for a, t in rows if t.purpose == TaskPurpose.GOLD.value and a.is_right is not None][:RECENT]
    seeded = [(a, t) for a, t in rows if t.seeded]
    given = _given(session, user, rows)
    judged = [(one, task) for one, (_, task) in zip(given, rows, strict=True) if one.is_confirmed is not None]
    judged = judged[: 2 * RECENT]
    return TrackRecord(
        controls=[bool(answer.is_right) for answer, _ in controls],
        agreed=[bool(one.is_confirmed) for one, _ in judged],
        recent=given[:RECENT],
        seeded_shown=len(seeded),
        seeded_caught=sum(_token(a, t) != token_of(t.kind, "found", t.shown_value) for a, t in seeded),
        usual_on_controls=_mean(_usual_on_controls(session, user, start), [task for _, task in controls]),
        usual_on_fields=_mean(_usual_on_fields(session, user, start), [task for _, task in judged]),
    )


def since(session: Session, user: User, now: datetime) -> datetime:
    """A record goes back a week, and not to before the person was last resumed."""
    resumed = session.exec(
        select(Event.at)
        .where(Event.subject == user.id, Event.action == "person.resumed")
        .order_by(col(Event.at).desc())
        .limit(1)
    ).first()
    return max(now - LOOK_BACK, resumed) if resumed else now - LOOK_BACK


def is_confirmed(said: str, others: Iterable[str], decided: str | None) -> bool | None:
    """Whether others confirm what a person said. `others`: what each of them said, the machine among them.

    One who agrees is enough; a contradiction takes two who agree with each other, or the decision. Else None.
    """
    if decided is not None:
        return decided == said
    voices = Counter(others)
    if voices[said]:
        return True
    return False if any(count > 1 for count in voices.values()) else None


def _given(session: Session, user: User, rows: Sequence[tuple[Answer, Task]]) -> list[Given]:
    ids = {task.verdict_id for _, task in rows if task.verdict_id}
    verdicts = {row.id: row for row in session.exec(select(Verdict).where(col(Verdict.id).in_(ids))).all()}
    readings = {row.reading_id for row in verdicts.values() if row.reading_id}
    machine = {row.id: row for row in session.exec(select(FieldReading).where(col(FieldReading.id).in_(readings)))}
    others: defaultdict[str, list[str]] = defaultdict(list)
    for answer, task in session.exec(
        select(Answer, Task)
        .join(Task, col(Task.id) == col(Answer.task_id))
        .where(
            col(Task.verdict_id).in_(ids),
            Answer.user_id != user.id,
            Answer.source == "typed",
            Task.mode == "blind",
            col(Answer.undone_at).is_(None),
            col(Answer.skip_reason).is_(None),
        )
    ).all():
        others[str(task.verdict_id)].append(_token(answer, task))
    return [_one(answer, task, verdicts, machine, others) for answer, task in rows]


def _one(
    answer: Answer,
    task: Task,
    verdicts: dict[str, Verdict],
    machine: dict[str, FieldReading],
    others: dict[str, list[str]],
) -> Given:
    verdict = verdicts.get(task.verdict_id or "")
    said, confirmed = _token(answer, task), None
    if verdict is not None:
        voices = list(others.get(verdict.id, ()))
        reading = machine.get(verdict.reading_id or "") if task.mode == "blind" else None
        if reading is not None and reading.value_state != ValueState.NOT_FOUND.value:
            voices.append(token_of(verdict.kind, reading.value_state, reading.value))
        confirmed = is_confirmed(said, voices, _decided(verdict))
    return Given(said, answer.seconds, _keys(answer), task.mode, confirmed, task.verdict_id)


def _decided(verdict: Verdict) -> str | None:
    """What people decided; the machine alone decides of nobody's answer."""
    if verdict.state not in DECIDED or verdict.decided_by in (None, "machine"):
        return None
    return token_of(verdict.kind, verdict.value_state or "", verdict.value)


def _keys(answer: Answer) -> int:
    """A text that was taken from the picture, or a choice, takes fewer keys than it has letters."""
    if answer.source != "typed":
        return 0
    length = len(answer.text or "")
    return length if answer.keystrokes is None else min(answer.keystrokes, length)


def _token(answer: Answer, task: Task) -> str:
    return token_of(task.kind, answer.value_state, answer.value)


def _usual_on_controls(session: Session, user: User, start: datetime) -> dict[FieldKind, float]:
    """The share of control tasks that the others of the workspace have right, by field and kind."""
    rows = session.exec(
        select(Task.field, Task.kind, func.count(), func.count().filter(col(Answer.is_right).is_(True)))
        .join(Answer, col(Answer.task_id) == col(Task.id))
        .where(
            Answer.workspace_id == user.workspace_id,
            Answer.user_id != user.id,
            Task.purpose == TaskPurpose.GOLD.value,
            col(Answer.created_at) >= start,
            col(Answer.is_right).is_not(None),
        )
        .group_by(Task.field, Task.kind)
    ).all()
    return {(field, kind): _shrunk(right, asked) for field, kind, asked, right in rows}


def _usual_on_fields(session: Session, user: User, start: datetime) -> dict[FieldKind, float]:
    """The share of the others' latest 500 answers to decided fields that the decision confirms, by field and kind."""
    rows = session.exec(
        select(Answer, Task, Verdict)
        .join(Task, col(Task.id) == col(Answer.task_id))
        .join(Verdict, col(Verdict.id) == col(Task.verdict_id))
        .where(
            Answer.workspace_id == user.workspace_id,
            Answer.user_id != user.id,
            col(Answer.created_at) >= start,
            col(Answer.undone_at).is_(None),
            col(Answer.skip_reason).is_(None),
            col(Verdict.state).in_(DECIDED),
        )
        .order_by(col(Answer.created_at).desc())
        .limit(500)
    ).all()
    counts: defaultdict[FieldKind, list[int]] = defaultdict(lambda: [0, 0])
    for answer, task, verdict in rows:
        decided = _decided(verdict)
        if decided is not None:
            counts[task.field, task.kind][0] += decided == _token(answer, task)
            counts[task.field, task.kind][1] += 1
    return {field: _shrunk(right, asked) for field, (right, asked) in counts.items()}


def _shrunk(right: int, asked: int) -> float:
    return (right + USUAL * USUAL_WEIGHT) / (asked + USUAL_WEIGHT)


def _mean(usual: dict[FieldKind, float], tasks: Sequence[Any]) -> float:
    """What others reach on the fields of these tasks."""
    return sum(usual.get((task.field, task.kind), USUAL) for task in tasks) / len(tasks) if tasks else USUAL
