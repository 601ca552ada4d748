"""Conduct: rules on how a person works (control tasks, speed, patterns), the pause they lead to, and asking again.

A rule is one pure function `(record) -> Finding | None` and one line in RULES. A finding pauses the person until a
manager has looked, and what hung on their word alone is asked again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select, update

from hitl.aggregate.equality import token_of
from hitl.annotation import leases
from hitl.people import pauses, trackrecord
from hitl.people.trackrecord import RECENT, TrackRecord
from hitl.platform.jobs import enqueue
from hitl.platform.locks import hold
from hitl.platform.moves import advance, record
from hitl.work import queue_rows
from models.states import RELEASED, DocumentState, Route, TaskPurpose, TaskState, VerdictState
from models.tables import Answer, Document, Task, User, Verdict

JUDGED_EVERY = RECENT // 2  # answers; and after every control task
FLOOR = 0.85  # skill below which nobody keys
ALLOWANCE = 0.12  # nobody is asked to be nearer than this to what others reach on the same fields
DOUBT = 0.02  # pause when P(skill >= floor) falls under this; .05 paused 0.9 % of those who err in 3 of 100
FEWEST_CONTROLS = 4
FEWEST_JUDGED = RECENT // 2
FEWEST_CONTRADICTED = 5
ALIKE = 0.8  # share of one answer among the recent ones from which they look monotonous
SECONDS_PER_KEY = 0.04  # nobody reads and types faster: 25 keys a second
LEAST_SECONDS = 0.3  # to see a picture and press one key: a simple reaction alone takes 0.25 s


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that fired, as a sentence for the person and their manager."""

    rule: str
    text: str


def fails_controls(past: TrackRecord) -> Finding | None:
    """The control tasks leave little hope that the person is right often enough."""
    right, asked = sum(past.controls), len(past.controls)
    if asked < FEWEST_CONTROLS or _may_reach(_floor(past.usual_on_controls), right, asked - right):
        return None
    return Finding("fails_controls", f"{right} of the last {asked} control tasks were right.")


def disagrees(past: TrackRecord) -> Finding | None:
    """Where others had their say, too, they too often said something else together."""
    right, asked = sum(past.agreed), len(past.agreed)
    if asked < FEWEST_JUDGED or _may_reach(_floor(past.usual_on_fields), right, asked - right):
        return None
    return Finding("disagrees", f"{right} of the last {asked} answers were confirmed by others.")


def too_fast(past: TrackRecord) -> Finding | None:
    """Answers came faster than a person can read and type."""
    timed = [answer for answer in past.recent if answer.seconds is not None and answer.mode == "blind"]
    fast = [answer for answer in timed if (answer.seconds or 0) < max(LEAST_SECONDS, SECONDS_PER_KEY * answer.keys)]
    if len(timed) < RECENT or len(fast) <= len(timed) / 2:
        return None
    return Finding("too_fast", f"{len(fast)} of {len(timed)} answers came faster than one can read and type.")


def monotonous(past: TrackRecord) -> Finding | None:
    """Nearly always the same answer, and on the same fields of the same documents others together say another.

    That an answer comes again and again is no fault: the queue keeps a person on one field, and documents of one sender
    follow each other. So where nobody else has spoken yet, nobody can tell; the machine alone contradicts nobody.
    """
    alike = looks_monotonous(past)
    contradicted = sum(past.recent[place].is_confirmed is False for place in alike)
    spoken = sum(past.recent[place].is_confirmed is not None for place in alike)
    if contradicted < FEWEST_CONTRADICTED or contradicted <= spoken / 2:
        return None
    return Finding(
        "monotonous",
        f"{len(alike)} of {len(past.recent)} answers were the same, and others say another in {contradicted} of them.",
    )


def confirms_blindly(past: TrackRecord) -> Finding | None:
    """Wrong values that were shown on purpose were confirmed."""
    missed = past.seeded_shown - past.seeded_caught
    if past.seeded_shown < 5 or _may_reach(0.5, past.seeded_caught, missed):
        return None
    return Finding("confirms_blindly", f"{missed} of {past.seeded_shown} wrong values shown were confirmed.")


RULES: tuple[Callable[[TrackRecord], Finding | None], ...] = (
    fails_controls,
    disagrees,
    too_fast,
    monotonous,
    confirms_blindly,
)


def find(past: TrackRecord) -> list[Finding]:
    """Every rule that fires."""
    return [finding for rule in RULES if (finding := rule(past))]


def looks_monotonous(past: TrackRecord) -> list[int]:
    """The places of the recent answers that are all the same, if nearly all are."""
    if len(past.recent) < RECENT:
        return []
    token, count = Counter(answer.token for answer in past.recent).most_common(1)[0]
    alike = [place for place, answer in enumerate(past.recent) if answer.token == token]
    return alike if count >= ALIKE * len(past.recent) else []


def _floor(usual: float) -> float:
    """The skill that is asked for where others reach `usual`."""
    return min(FLOOR, usual - ALLOWANCE)


def _may_reach(level: float, right: int, wrong: int) -> bool:
    """Whether, from a flat prior, the true share may well be `level` or more."""
    from scipy.special import betaincc  # half a second of every process that loads this file

    return float(betaincc(1 + right, 1 + wrong, level)) >= DOUBT


def judge(session: Session, user: User, *, now: datetime) -> list[Finding]:
    """Judge `user` by the rules; on a finding pause them at once, and have a job ask again what hung on them alone.

    Whose answers are all the same is no culprit yet: those whom their fields wait for are asked next.
    """
    if user.paused_reason is not None:
        return []
    past = trackrecord.of(session, user, now=now)
    found = find(past)
    if found:
        pauses.pause(session, user, reason=found[0].text, actor="system:conduct", now=now)
        enqueue(session, "ask_again", user_id=user.id, why=found[0].rule)
    else:
        _ask_others_first(session, [past.recent[place].verdict_id for place in looks_monotonous(past)])
    return found


def _ask_others_first(session: Session, verdict_ids: list[str | None]) -> None:
    """What is open on these fields goes before the batch that others have in hand."""
    document = select(Document.priority).where(col(Document.id) == col(Task.document_id)).scalar_subquery()
    waiting = update(Task).where(
        col(Task.verdict_id).in_([one for one in verdict_ids if one]), col(Task.state) == TaskState.OPEN.value
    )
    session.execute(waiting.values(priority=document + 1))


def judge_if_due(session: Session, user: User, task: Task, answer: Answer, *, now: datetime) -> None:
    """Judge `user` after an answer to `task`: always after a control task, else now and then."""
    if task.purpose == TaskPurpose.GOLD.value or answer.number % JUDGED_EVERY == 0:
        judge(session, user, now=now)


def ask_again(session: Session, user: User, *, why: str, now: datetime) -> list[Verdict]:
    """Take the tasks of a paused person back and reopen their unconfirmed answers. Returns what was reopened."""
    since = trackrecord.since(session, user, now)
    said = select(Answer.document_id).where(Answer.user_id == user.id, col(Answer.created_at) >= since)
    hold(session, *session.exec(said).all(), *(task.document_id for task in _leased(session, user)))
    for task in _leased(session, user):
        leases.put_back(session, task, actor="system:conduct", why="paused", now=now)
    return reopen(session, user, since=since, why=why, now=now)


def _leased(session: Session, user: User) -> Sequence[Task]:
    return session.exec(select(Task).where(Task.leased_to == user.id, Task.state == TaskState.LEASED.value)).all()


def reopen(session: Session, user: User, *, since: datetime, why: str, now: datetime) -> list[Verdict]:
    """Open again what `user` said since then and no second blind person confirmed; to be settled by the caller.

    Not yet released: the answer no longer counts and the next person is asked. Released: a reviewer looks, and amends.
    """
    rows = session.exec(
        select(Answer, Task, Verdict)
        .join(Task, col(Task.id) == col(Answer.task_id))
        .join(Verdict, col(Verdict.id) == col(Task.verdict_id))
        .where(
            Answer.user_id == user.id,
            col(Answer.created_at) >= since,
            (Task.purpose == TaskPurpose.REVIEW.value)
            | ((Task.purpose == TaskPurpose.AUDIT.value) & (Verdict.route == Route.REVIEW.value)),
            col(Answer.undone_at).is_(None),
            col(Answer.skip_reason).is_(None),
        )
        .order_by(col(Answer.document_id))
    ).all()
    hold(session, *(answer.document_id for answer, _, _ in rows))
    return [verdict for answer, _, verdict in rows if _reopen_one(session, answer, verdict, why, now)]


def _reopen_one(session: Session, answer: Answer, verdict: Verdict, why: str, now: datetime) -> bool:
    document = session.get_one(Document, answer.document_id)
    if verdict.run != document.run or verdict.decided_by not in (None, "people"):
        return False
    said = token_of(verdict.kind, answer.value_state, answer.value)
    if verdict.value_state and token_of(verdict.kind, verdict.value_state, verdict.value) != said:
        return False  # others decided otherwise already
    if _others_agree(session, answer, verdict, said):
        return False
    if document.state in RELEASED:
        queue_rows.add_review(session, document, reason="recheck", verdict=verdict, now=now)
        return True
    if document.state != DocumentState.IN_REVIEW.value or verdict.state == VerdictState.CONTESTED.value:
        return False
    answer.undone_at = now
    session.add(answer)
    record(
        session,
        action="answer.discounted",
        subject=answer.id,
        stream=document.id,
        workspace_id=document.workspace_id,
        actor="system:conduct",
        now=now,
        data={"why": why},
    )
    if verdict.state == VerdictState.AGREED.value:
        blank = dict.fromkeys(("value_state", "value", "posterior", "decided_by", "decided_at"))
        advance(session, verdict, VerdictState.PENDING, actor="system:conduct", now=now, why=why, **blank)
    return True


def _others_agree(session: Session, answer: Answer, verdict: Verdict, said: str) -> bool:
    others = session.exec(
        select(Answer)
        .join(Task, col(Task.id) == col(Answer.task_id))
        .where(
            Task.verdict_id == verdict.id,
            Answer.user_id != answer.user_id,
            Answer.source == "typed",
            col(Answer.undone_at).is_(None),
            col(Answer.skip_reason).is_(None),
        )
    ).all()
    return any(token_of(verdict.kind, other.value_state, other.value) == said for other in others)
