"""Conduct: rules on how a person works (control tasks, speed, patterns), the pause they lead to, and asking again.

A rule is one pure function `(record) -> Finding | None` and one line in RULES. A finding pauses the person until a
manager has looked, and what hung on their word alone is asked again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from scipy.special import betaincc  # scipy.stats would cost every web process a second
from sqlmodel import Session, col, select

from hitl.aggregate.equality import token_of
from hitl.annotation import consensus, tasks
from hitl.people import accounts
from hitl.platform.jobs import enqueue
from hitl.platform.moves import advance, record
from hitl.work import queue_rows
from models.states import DocumentState, Route, TaskPurpose, TaskState, VerdictState
from models.tables import Answer, Document, Event, Task, User, Verdict

RECENT = 20  # answers that the rules look at
FLOOR = 0.85  # skill below which nobody keys
DOUBT = 0.05  # pause when P(skill >= FLOOR) falls under this
SECONDS_PER_KEY = 0.04  # nobody reads and types faster: 25 keys a second
LEAST_SECONDS = 0.5
FEWEST_OTHERS = 50  # answers of others before anybody's are called unusual
LOOK_BACK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Work:
    """One recent answer of a person."""

    token: str
    seconds: float | None
    keystrokes: int | None
    length: int
    mode: str


@dataclass(frozen=True, slots=True)
class Conduct:
    """What the rules look at, newest first: `controls` of control tasks, `agreed` of fields that were decided."""

    controls: Sequence[bool] = ()
    agreed: Sequence[bool] = ()
    recent: Sequence[Work] = ()
    seeded_shown: int = 0
    seeded_caught: int = 0
    usual_share: dict[str, float] = field(default_factory=dict)  # of a token among the answers of the others


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that fired, as a sentence for the person and their manager."""

    rule: str
    text: str


def fails_controls(conduct: Conduct) -> Finding | None:
    """The control tasks leave little hope that the person is right often enough."""
    right, asked = sum(conduct.controls), len(conduct.controls)
    if asked < 5 or _chance_above(FLOOR, right, asked - right) >= DOUBT:
        return None
    return Finding("fails_controls", f"{right} of the last {asked} control tasks were right.")


def disagrees(conduct: Conduct) -> Finding | None:
    """What was decided in the end is too often not what the person said."""
    right, asked = sum(conduct.agreed), len(conduct.agreed)
    if asked < RECENT or _chance_above(FLOOR, right, asked - right) >= DOUBT:
        return None
    return Finding("disagrees", f"{right} of the last {asked} answers were confirmed by others.")


def too_fast(conduct: Conduct) -> Finding | None:
    """Answers came faster than a person can read and type."""
    timed = [work for work in conduct.recent if work.seconds is not None and work.mode == "blind"]
    fast = [w for w in timed if (w.seconds or 0.0) < max(LEAST_SECONDS, SECONDS_PER_KEY * (w.keystrokes or w.length))]
    if len(timed) < RECENT or len(fast) <= len(timed) / 2:
        return None
    return Finding("too_fast", f"{len(fast)} of {len(timed)} answers came faster than one can read and type.")


def monotonous(conduct: Conduct) -> Finding | None:
    """Nearly always the same answer, which others seldom give. Where others gave few, nobody can tell."""
    if len(conduct.recent) < RECENT or not conduct.usual_share:
        return None
    token, count = Counter(work.token for work in conduct.recent).most_common(1)[0]
    if count < 0.8 * len(conduct.recent) or conduct.usual_share.get(token, 0.0) >= 0.4:
        return None
    return Finding("monotonous", f"{count} of {len(conduct.recent)} answers were the same.")


def confirms_blindly(conduct: Conduct) -> Finding | None:
    """Wrong values that were shown on purpose were confirmed."""
    missed = conduct.seeded_shown - conduct.seeded_caught
    if conduct.seeded_shown < 5 or _chance_above(0.5, conduct.seeded_caught, missed) >= DOUBT:
        return None
    return Finding("confirms_blindly", f"{missed} of {conduct.seeded_shown} wrong values shown were confirmed.")


RULES: tuple[Callable[[Conduct], Finding | None], ...] = (
    fails_controls,
    disagrees,
    too_fast,
    monotonous,
    confirms_blindly,
)


def find(conduct: Conduct) -> list[Finding]:
    """Every rule that fires."""
    return [finding for rule in RULES if (finding := rule(conduct))]


def _chance_above(level: float, right: int, wrong: int) -> float:
    """P(true share >= level) from a flat prior."""
    return float(betaincc(1 + right, 1 + wrong, level))


def judge(session: Session, user: User, *, now: datetime) -> list[Finding]:
    """Judge `user` by the rules; on a finding pause them at once, and have a job ask again what hung on them alone."""
    if user.paused_reason is not None:
        return []
    found = find(conduct_of(session, user, now=now))
    if found:
        accounts.pause(session, user, reason=found[0].text, actor="system:conduct", now=now)
        enqueue(session, "ask_again", user_id=user.id, why=found[0].rule)
    return found


def ask_again(session: Session, user: User, *, why: str, now: datetime) -> int:
    """Take the tasks of a paused person back and reopen their unconfirmed answers. Returns how many were reopened."""
    _take_back_leases(session, user, now)
    return reopen(session, user, since=_since(session, user, now), why=why, now=now)


def conduct_of(session: Session, user: User, *, now: datetime) -> Conduct:
    """What is known of the person's recent work since they were last resumed."""
    since = _since(session, user, now)
    rows = session.exec(
        select(Answer, Task)
        .join(Task, col(Task.id) == col(Answer.task_id))
        .where(
            Answer.user_id == user.id,
            col(Answer.created_at) >= since,
            col(Answer.undone_at).is_(None),
            col(Answer.skip_reason).is_(None),
        )
        .order_by(col(Answer.created_at).desc(), col(Answer.id).desc())
        .limit(5 * RECENT)
    ).all()
    own = [(answer, task) for answer, task in rows if task.purpose != TaskPurpose.TRAINING.value]
    controls = [bool(a.is_right) for a, t in own if t.purpose == TaskPurpose.GOLD.value and a.is_right is not None]
    seeded = [(a, t) for a, t in own if t.seeded]
    recent = [_work(answer, task) for answer, task in own[:RECENT]]
    return Conduct(
        controls=controls[:RECENT],
        agreed=_confirmed(session, own)[: 2 * RECENT],
        recent=recent,
        seeded_shown=len(seeded),
        seeded_caught=sum(_work(a, t).token != token_of(t.kind, "found", t.shown_value) for a, t in seeded),
        usual_share=_usual_share(session, user, {work.token for work in recent}, since),
    )


def _since(session: Session, user: User, now: datetime) -> datetime:
    """The rules look back a week, and not before the person was last resumed."""
    resumed = session.exec(
        select(Event.at)
        .where(Event.subject == user.id, Event.action == "person.resumed")
        .order_by(col(Event.at).desc())
        .limit(1)
    ).first()
    return max(now - LOOK_BACK, resumed) if resumed else now - LOOK_BACK


def reopen(session: Session, user: User, *, since: datetime, why: str, now: datetime) -> int:
    """Ask again what `user` said since then and no second blind person confirmed. Returns how many fields.

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
    return sum(_reopen_one(session, answer, verdict, why, now) for answer, _, verdict in rows)


def _reopen_one(session: Session, answer: Answer, verdict: Verdict, why: str, now: datetime) -> bool:
    document = session.get_one(Document, answer.document_id)
    session.refresh(document, with_for_update=True)
    session.refresh(verdict, with_for_update=True)
    if verdict.run != document.run or verdict.decided_by not in (None, "people"):
        return False
    said = token_of(verdict.kind, answer.value_state, answer.value)
    if verdict.value_state and token_of(verdict.kind, verdict.value_state, verdict.value) != said:
        return False  # others decided otherwise already
    if _others_agree(session, answer, verdict, said):
        return False
    released = {DocumentState.RELEASED.value, DocumentState.AMENDED.value}
    if document.state in released:
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
    consensus.settle(session, verdict, document, now=now)
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


def _take_back_leases(session: Session, user: User, now: datetime) -> None:
    held = session.exec(
        select(Task)
        .where(Task.leased_to == user.id, Task.state == TaskState.LEASED.value)
        .order_by(col(Task.document_id))
        .with_for_update(
            of=Task, skip_locked=True
        )  # one that is being answered this instant is no longer theirs to lose
        .execution_options(populate_existing=True)
    ).all()
    for task in held:
        tasks.put_back(session, task, actor="system:conduct", why="paused", now=now)


def _work(answer: Answer, task: Task) -> Work:
    token = token_of(task.kind, answer.value_state, answer.value)
    return Work(token, answer.seconds, answer.keystrokes, len(answer.text or ""), task.mode)


def _confirmed(session: Session, own: Sequence[tuple[Answer, Task]]) -> list[bool]:
    """Of answers to fields that others had a say in and that are decided: did the decision say the same?"""
    asked = {task.verdict_id: (answer, task) for answer, task in own if task.purpose == TaskPurpose.REVIEW.value}
    decided = session.exec(
        select(Verdict).where(
            col(Verdict.id).in_([verdict_id for verdict_id in asked if verdict_id]),
            col(Verdict.state).in_([VerdictState.AGREED.value, VerdictState.FINAL.value]),
        )
    ).all()
    results = []
    for verdict in sorted(decided, key=lambda row: asked[row.id][0].created_at, reverse=True):
        answer, task = asked[verdict.id]
        final = token_of(verdict.kind, verdict.value_state or "", verdict.value)
        results.append(token_of(task.kind, answer.value_state, answer.value) == final)
    return results


def _usual_share(session: Session, user: User, tokens: set[str], since: datetime) -> dict[str, float]:
    """How often the others of the workspace give each of these answers, of their latest 500."""
    others = session.exec(
        select(Answer, Task.kind)
        .join(Task, col(Task.id) == col(Answer.task_id))
        .where(
            Answer.workspace_id == user.workspace_id,
            Answer.user_id != user.id,
            col(Answer.created_at) >= since,
            col(Answer.skip_reason).is_(None),
        )
        .order_by(col(Answer.created_at).desc())
        .limit(500)
    ).all()
    counts = Counter(token_of(kind, answer.value_state, answer.value) for answer, kind in others)
    return {token: counts[token] / len(others) for token in tokens} if len(others) >= FEWEST_OTHERS else {}
