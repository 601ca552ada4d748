"""Promotion and demotion: people ranked by error and speed, proposed by the numbers, confirmed by a manager.

After Haas, Ansel, Gu and Marcus, "Argonaut", PVLDB 8(12), 2015: the 75th percentile over a person's documents of the
share of their fields that were decided otherwise says more than the mean, which one easy batch flatters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from sqlmodel import Session, col, select

from hitl.aggregate.equality import token_of
from hitl.people import accounts
from models.states import LEVEL, Role, TaskPurpose, VerdictState
from models.tables import Answer, Task, User, Verdict

WINDOW = timedelta(days=30)
FEWEST = 50  # decided fields before anybody is ranked
NEWEST = 20_000  # decided answers of the workspace that are looked at, at most
ERROR_WEIGHT = 0.75  # of the error rank; the rest is the speed rank
TOP, BOTTOM = 0.2, 0.2  # shares of a level that are looked at
ABOVE = {Role.VALIDATOR: Role.REVIEWER, Role.REVIEWER: Role.MANAGER}
BELOW = {Role.REVIEWER: Role.VALIDATOR}


class NotAManager(Exception):
    """Only a manager, operator or admin confirms a proposal, and never their own."""


class NotProposed(LookupError):
    """The figures no longer propose that change of level."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One person's recent work. Ranks run from 0 (best of their level) to 1."""

    user_id: str
    role: str
    fields: int
    error_75: float
    seconds: float | None  # median a field
    error_rank: float
    speed_rank: float
    score: float  # lower is better


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change of role for a manager to confirm. `place`: why, in words."""

    user_id: str
    to_role: Role
    place: str
    standing: Standing


def standings(session: Session, workspace_id: str, *, now: datetime) -> list[Standing]:
    """Everybody with enough decided work, ranked within their role, best first."""
    users = session.exec(select(User).where(User.workspace_id == workspace_id, col(User.active))).all()
    roles = {user.id: user.role for user in users}
    work = _decided_work(session, workspace_id, now - WINDOW)
    found: list[Standing] = []
    for role in sorted(set(roles.values())):
        level = {user_id: rows for user_id, rows in work.items() if roles.get(user_id) == role}
        found += rank(role, {user_id: rows for user_id, rows in level.items() if len(rows) >= FEWEST})
    return sorted(found, key=lambda one: (one.role, one.score, one.user_id))


def rank(role: str, work: Mapping[str, Sequence[tuple[str, bool, float | None]]]) -> list[Standing]:
    """Rank people of one role. Their work: (document id, was wrong, seconds) a field."""
    errors = {user_id: error_75(rows) for user_id, rows in work.items()}
    speeds = {user_id: _median([row[2] for row in rows if row[2] is not None]) for user_id, rows in work.items()}
    error_ranks = _ranks(errors)
    speed_ranks = _ranks({user_id: speed for user_id, speed in speeds.items() if speed is not None})
    return [
        Standing(
            user_id,
            role,
            len(rows),
            errors[user_id],
            speeds[user_id],
            error_ranks[user_id],
            speed_ranks.get(user_id, 0.5),
            ERROR_WEIGHT * error_ranks[user_id] + (1 - ERROR_WEIGHT) * speed_ranks.get(user_id, 0.5),
        )
        for user_id, rows in work.items()
    ]


def error_75(rows: Sequence[tuple[str, bool, float | None]]) -> float:
    """The 75th percentile, over documents, of the share of a person's fields that were decided otherwise."""
    documents: dict[str, list[bool]] = {}
    for document_id, is_wrong, _ in rows:
        documents.setdefault(document_id, []).append(is_wrong)
    return float(np.quantile([np.mean(wrongs) for wrongs in documents.values()], 0.75)) if documents else 0.0


def proposals(session: Session, workspace_id: str, *, now: datetime) -> list[Proposal]:
    """Who of each level might rise or fall: the best and the last fifth, and only where there are five to compare."""
    found: list[Proposal] = []
    by_role: dict[str, list[Standing]] = {}
    for standing in standings(session, workspace_id, now=now):
        by_role.setdefault(standing.role, []).append(standing)
    for role, level in by_role.items():
        if len(level) < 5:
            continue
        few = max(1, int(TOP * len(level))), max(1, int(BOTTOM * len(level)))
        up, down = ABOVE.get(Role(role)), BELOW.get(Role(role))
        found += [Proposal(one.user_id, up, f"among the best {role}s", one) for one in level[: few[0]] if up]
        found += [Proposal(one.user_id, down, f"among the last {role}s", one) for one in level[-few[1] :] if down]
    return found


def confirm(session: Session, user: User, to_role: Role, manager: User, *, now: datetime) -> User:
    """Carry out a proposal. Raises NotAManager, NotProposed."""
    if LEVEL[Role(manager.role)] < LEVEL[Role.MANAGER] or manager.id == user.id:
        raise NotAManager("Only a manager confirms a proposal, and never their own.")
    proposed = {(one.user_id, one.to_role) for one in proposals(session, user.workspace_id, now=now)}
    if (user.id, to_role) not in proposed:
        raise NotProposed(f"{user.name or user.login} is not proposed as {to_role} any more. Look at the list again.")
    accounts.change_role(session, user, to_role, actor=manager.id, now=now)
    return user


def _decided_work(
    session: Session, workspace_id: str, since: datetime
) -> dict[str, list[tuple[str, bool, float | None]]]:
    rows = session.exec(
        select(Answer, Verdict)
        .join(Task, col(Task.id) == col(Answer.task_id))
        .join(Verdict, col(Verdict.id) == col(Task.verdict_id))
        .where(
            Answer.workspace_id == workspace_id,
            col(Answer.created_at) >= since,
            Task.purpose == TaskPurpose.REVIEW.value,
            Verdict.state == VerdictState.FINAL.value,
            col(Answer.undone_at).is_(None),
            col(Answer.skip_reason).is_(None),
        )
        .order_by(col(Answer.created_at).desc())
        .limit(NEWEST)
    ).all()
    work: dict[str, list[tuple[str, bool, float | None]]] = {}
    for answer, verdict in rows:
        final = token_of(verdict.kind, verdict.value_state or "", verdict.value)
        wrong = token_of(verdict.kind, answer.value_state, answer.value) != final
        work.setdefault(answer.user_id, []).append((answer.document_id, wrong, answer.seconds))
    return work


def _ranks(values: Mapping[str, float]) -> dict[str, float]:
    """Share of the others who are strictly better; ties share a rank."""
    ordered = sorted(values.values())
    most = max(len(ordered) - 1, 1)
    return {name: ordered.index(value) / most for name, value in values.items()}


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None
