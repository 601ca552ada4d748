"""What control tasks say of each person and kind of value: skill with its uncertainty, and catches in verify mode."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from hitl.workspace.policy import Policy
from models.ids import new_id
from models.tables import Skill


def skills_of(session: Session, user_ids: Iterable[str], kind: str, policy: Policy) -> dict[str, float]:
    """P(right) of each person on `kind`: what they did on other kinds counts half."""
    wanted = sorted(set(user_ids))
    rows = session.exec(select(Skill).where(col(Skill.user_id).in_(wanted))).all() if wanted else []
    return weigh(rows, wanted, kind, policy)


def weigh(rows: Iterable[Skill], user_ids: Iterable[str], kind: str, policy: Policy) -> dict[str, float]:
    """The same, from all rows of these people."""
    wanted = set(user_ids)
    counts = dict.fromkeys(wanted, (policy.prior_right, policy.prior_wrong))
    for row in rows:
        weight = 1.0 if row.kind == kind else 0.5
        right, wrong = counts[row.user_id]
        counts[row.user_id] = (right + weight * row.right, wrong + weight * row.wrong)
    return {user_id: right / (right + wrong) for user_id, (right, wrong) in counts.items()}


def catch_rate_of(session: Session, user_ids: Iterable[str], kind: str, policy: Policy) -> float:
    """The share of seeded wrong values that these people caught, shrunk to the policy's figure by 20 pseudo-seeds."""
    wanted = sorted(set(user_ids))
    rows = session.exec(select(Skill).where(col(Skill.user_id).in_(wanted), Skill.kind == kind)).all() if wanted else []
    shown, caught = sum(row.seeded_shown for row in rows), sum(row.seeded_caught for row in rows)
    return (20 * policy.catch_rate + caught) / (20 + shown)


def count_control(session: Session, user_id: str, kind: str, *, is_right: bool, now: datetime) -> None:
    """Add the result of one control task."""
    _add(session, user_id, kind, now, right=int(is_right), wrong=int(not is_right))


def count_seeded(session: Session, user_id: str, kind: str, *, caught: bool, now: datetime) -> None:
    """Add the result of one wrong value shown on purpose."""
    _add(session, user_id, kind, now, seeded_shown=1, seeded_caught=int(caught))


def take_back_control(session: Session, user_id: str, kind: str, *, is_right: bool, now: datetime) -> None:
    """An undone answer to a control task does not count."""
    _add(session, user_id, kind, now, right=-int(is_right), wrong=-int(not is_right))


def _add(session: Session, user_id: str, kind: str, now: datetime, **counts: int) -> None:
    columns = ("right", "wrong", "seeded_shown", "seeded_caught")
    start = {column: max(counts.get(column, 0), 0) for column in columns}
    session.flush()
    row = insert(Skill).values(id=new_id("skl"), user_id=user_id, kind=kind, updated_at=now, **start)
    added = {column: getattr(Skill, column) + counts[column] for column in counts}
    session.execute(row.on_conflict_do_update(index_elements=["user_id", "kind"], set_=added | {"updated_at": now}))
    held = select(Skill).where(Skill.user_id == user_id, Skill.kind == kind)
    session.exec(held.execution_options(populate_existing=True)).first()
