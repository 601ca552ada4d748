"""What people did, in figures: answers, speed, and accuracy on control tasks with its interval."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, true
from sqlalchemy import select as table_select
from sqlmodel import Session, col, func, select

from models.tables import Answer, Skill, Task, User

LOOKED_AT = 2_000  # newest answers of one person, of which figures by kind are
LOOKED_AT_EACH = 200  # the same where all people are listed


@dataclass(frozen=True, slots=True)
class KindFigures:
    """Of one kind of value."""

    kind: str
    answers: int
    median_seconds: float | None
    right: int
    wrong: int
    low: float | None  # 95 % interval of the accuracy on control tasks
    high: float | None

    @property
    def accuracy(self) -> float | None:
        return self.right / (self.right + self.wrong) if self.right + self.wrong else None


@dataclass(frozen=True, slots=True)
class Figures:
    today: int
    week: int
    total: int
    median_seconds: float | None
    skipped: int
    kinds: tuple[KindFigures, ...]


def interval(right: int, wrong: int) -> tuple[float | None, float | None]:
    """The 95 % interval of a share of right answers; nothing without observations."""
    return clopper_pearson(right, wrong) if right + wrong else (None, None)


def clopper_pearson(hits: float, misses: float, *, level: float = 0.95) -> tuple[float, float]:
    """The exact interval of a share, from counts or from effective numbers of observations."""
    from scipy.special import betaincinv  # half a second of every process that loads this file

    tail = (1 - level) / 2
    low = float(betaincinv(hits, misses + 1, tail)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, misses, 1 - tail)) if misses > 0 else 1.0
    return low, high


def _newest(whose: ColumnElement[bool], most: int) -> Any:
    """Task and seconds of the newest answers that count, so that a page costs the same after years."""
    counts = (col(Answer.undone_at).is_(None), col(Answer.skip_reason).is_(None))
    columns = (col(Answer.task_id), col(Answer.seconds))
    return table_select(*columns).where(whose, *counts).order_by(col(Answer.created_at).desc()).limit(most)


def answers_since(session: Session, user: User, since: datetime) -> int:
    """How many answers of this person count since then: undone ones and skips do not."""
    counted = select(func.count()).select_from(Answer).where(
        Answer.user_id == user.id,
        Answer.created_at >= since,
        col(Answer.undone_at).is_(None),
        col(Answer.skip_reason).is_(None),
    )  # fmt: skip
    return session.exec(counted).one()


def figures_of(session: Session, user: User, *, now: datetime, midnight: datetime) -> Figures:
    """What the person sees of their own work. `midnight`: when their day began."""
    newest = _newest(col(Answer.user_id) == user.id, LOOKED_AT).subquery()
    median = func.percentile_cont(0.5).within_group(newest.c.seconds)
    kept = (Answer.user_id == user.id, col(Answer.undone_at).is_(None))
    by_kind = session.exec(
        select(Task.kind, func.count(), median).join(newest, newest.c.task_id == Task.id).group_by(Task.kind)
    ).all()
    skills = {skill.kind: skill for skill in session.exec(select(Skill).where(Skill.user_id == user.id)).all()}
    counts = {kind: (count, seconds) for kind, count, seconds in by_kind}
    skipped = select(func.count()).select_from(Answer).where(*kept, col(Answer.skip_reason).is_not(None))
    return Figures(
        today=answers_since(session, user, midnight),
        week=answers_since(session, user, now - timedelta(days=7)),
        total=sum(count for count, _ in counts.values()),
        median_seconds=session.exec(select(median)).one(),
        skipped=session.exec(skipped).one(),
        kinds=tuple(
            _of_kind(kind, counts.get(kind), skills.get(kind)) for kind in sorted(counts.keys() | skills.keys())
        ),
    )


def speed_by_person(session: Session, workspace_id: str) -> dict[str, tuple[int, float | None]]:
    """Answers that count and median seconds of the newest of them, at most LOOKED_AT, by person."""
    newest = _newest(col(Answer.user_id) == User.id, LOOKED_AT_EACH).correlate(User).lateral()
    median = func.percentile_cont(0.5).within_group(newest.c.seconds)
    rows = session.exec(
        select(User.id, func.count(), median)
        .join(newest, true())
        .where(User.workspace_id == workspace_id)
        .group_by(col(User.id))
    ).all()
    return {user_id: (count, seconds) for user_id, count, seconds in rows}


def accuracy_by_person(
    session: Session, user_ids: Collection[str]
) -> dict[str, list[tuple[Skill, float | None, float | None]]]:
    """By person and kind: right and wrong on control tasks, and the 95 % interval of the accuracy."""
    found: dict[str, list[tuple[Skill, float | None, float | None]]] = {}
    for skill in session.exec(select(Skill).where(col(Skill.user_id).in_(user_ids))).all():
        found.setdefault(skill.user_id, []).append((skill, *interval(skill.right, skill.wrong)))
    return found


def roles_of(session: Session, actors: Iterable[str]) -> dict[str, str]:
    """The roles of those among the actors who are people, by id."""
    people = {actor for actor in actors if actor.startswith("usr_")}
    rows = session.exec(select(User.id, User.role).where(col(User.id).in_(people))).all() if people else []
    return dict(rows)


def _of_kind(kind: str, counted: tuple[int, float | None] | None, skill: Skill | None) -> KindFigures:
    answers, seconds = counted or (0, None)
    right, wrong = (skill.right, skill.wrong) if skill else (0, 0)
    low, high = interval(right, wrong)
    return KindFigures(kind, answers, seconds, right, wrong, low, high)
