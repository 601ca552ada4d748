"""Tasks: opening what people are needed for, and handing it out under a lease that a token fences.

Which of them a person gets next: `front`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import exists, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, func, select

from hitl.annotation import audit as audits
from hitl.annotation import consensus, leases, qualification
from hitl.annotation.at_hand import next_number
from hitl.annotation.front import Walk
from hitl.annotation.queue import escalate_stranded, queue_summary
from hitl.annotation.standing import standing_of
from hitl.platform.locks import hold
from hitl.platform.moves import record
from hitl.platform.ownership import rows_of
from hitl.work.document import verdicts_of
from hitl.work.exposure import expose
from hitl.work.queue_rows import OLD, SOON
from models.states import TaskPurpose, TaskState, VerdictState
from models.tables import Answer, Audit, Document, Task, User, Verdict, Workspace

__all__ = ["expire_leases", "hand_back", "hand_out", "open_tasks", "queue_summary"]


_other = aliased(Task)


class Handed(list[Task]):
    """The tasks that were leased. `is_unfinished`: none yet, but not all of the queue was looked at; ask again."""

    def __init__(self, tasks: Iterable[Task], is_unfinished: bool = False) -> None:
        super().__init__(tasks)
        self.is_unfinished = is_unfinished


def open_tasks(session: Session, document: Document, *, now: datetime) -> list[Verdict]:
    """Open what people are needed for: audits, then what the machine did not decide. Returns the undecided verdicts."""
    verdicts = verdicts_of(session, document)
    for audit in _pending_audits(session, document):  # first: their answers count for pending verdicts too
        verdict = next(row for row in verdicts if row.id == audit.verdict_id)
        audits.open_audit_tasks(session, document, audit, verdict, now=now)
    pending = [row for row in verdicts if row.state == VerdictState.PENDING.value]
    for verdict in pending:
        policy = consensus.policy_for(session, document, verdict, now=now)
        consensus.ask_on(session, verdict, document, policy, contested=False, now=now)
    return pending


def hand_out(
    session: Session,
    user: User,
    *,
    now: datetime,
    count: int = 1,
    kinds: Sequence[str] | None = None,
    field: str | None = None,
    purposes: Sequence[str] | None = None,
) -> Handed:
    """Lease up to `count` tasks to `user`, best first. Nobody gets the same field of the same document twice.

    Nothing for the paused, for those who worked their hours of the week, nor of a kind whose exam is asked for and not
    passed. Now and then one of the tasks is a control task. `kinds`, `field` and `purposes` narrow the choice.
    """
    if not user.active or user.paused_reason is not None or has_worked_enough(session, user, now=now):
        return Handed([])
    standing = standing_of(session, user)
    batch = field or standing.field
    trained = list(user.trained_kinds) if standing.exam_is_asked else None
    if purposes is None and kinds is None and qualification.is_due(user, standing):
        qualification.open_control(session, user, field=batch, exactly=field is not None, kinds=trained, now=now)
    asked = {
        "workspace": user.workspace_id,
        "user": user.id,
        "kinds": list(kinds) if kinds is not None else None,
        "field": field,
        "cap": standing.exposure_cap,
        "batch": batch,
        "trained": trained,
        "purposes": list(purposes) if purposes is not None else None,
    }
    chosen: list[Task] = []
    session.flush()
    walk = Walk(session, asked, user.passed, now=now)
    while len(chosen) < count and (ids := walk.choose(count - len(chosen))):
        chosen += _lease_those(session, ids, user, now)
    if user.passed != (passed := walk.passed_now()):
        user.passed = passed
        session.add(user)
    return Handed(_controls_amid(chosen), walk.is_unfinished and not chosen)


def _lease_those(session: Session, ids: Sequence[str], user: User, now: datetime) -> list[Task]:
    """Those that are open now that their documents are held, of fields that the person has not got elsewhere since."""
    same_field = (col(_other.document_id) == col(Task.document_id)) & (col(_other.field) == col(Task.field))
    leased = exists().where(same_field, col(_other.leased_to) == user.id, col(_other.state) == TaskState.LEASED.value)
    answered = exists().where(
        same_field,
        col(Answer.task_id) == col(_other.id),
        col(Answer.user_id) == user.id,
        col(Answer.undone_at).is_(None),
    )
    granted = leases.grant_open(session, ids, user, ~leased, ~answered, now=now)
    for task in granted:
        _show(session, task, user, now)
    return granted


def _controls_amid(tasks: list[Task]) -> list[Task]:
    """A control task stands anywhere in the batch, not always first."""
    for task in [task for task in tasks if task.purpose == TaskPurpose.GOLD.value]:
        tasks.remove(task)
        tasks.insert(sum(task.id.encode()) % (len(tasks) + 1), task)
    return tasks


def has_worked_enough(session: Session, user: User, *, now: datetime) -> bool:
    """True when the person has a cap of hours a week and has reached it (time on answers, the last seven days)."""
    if user.weekly_hours_cap is None:
        return False
    week = select(func.coalesce(func.sum(col(Answer.seconds)), 0.0)).where(
        Answer.user_id == user.id, col(Answer.created_at) > now - timedelta(days=7)
    )
    return (session.exec(week).one() or 0.0) >= 3600 * user.weekly_hours_cap


def lease(session: Session, task: Task, user: User, *, now: datetime) -> Task:
    """Give one open task to `user` with a new token."""
    leases.grant(session, task, user, now=now)
    _show(session, task, user, now)
    return task


def _show(session: Session, task: Task, user: User, now: datetime) -> None:
    """Of some tasks the whole page is seen."""
    if task.whole_page:
        expose(session, user.id, task.document_id, pages=[1], now=now)
        record(
            session,
            action="page.shown",
            subject=task.id,
            stream=task.document_id,
            workspace_id=task.workspace_id,
            actor=user.id,
            now=now,
            data={"why": task.purpose},
        )


def take_up_again(session: Session, task: Task, user: User, token: str, *, now: datetime) -> bool:
    """Renew the lease of a task, or lease it again to who had it last if nobody took it. False if it is lost."""
    if leases.renew(session, task, user, token, now=now):
        return True
    if not leases.may_take_up_again(session, task, user):
        return False
    lease(session, task, user, now=now)
    return True


def hand_back(session: Session, task: Task, user: User, token: str, reason: str, *, now: datetime) -> None:
    """Put a leased task back. With a reason it was skipped: this person is not asked again, and the next one is.

    Without one (the browser was closed) anybody may get it. A lease that was lost is nothing to give back.
    """
    hold(session, task.document_id)
    if not leases.is_held(task, user, token):
        return
    if reason:
        session.add(
            Answer(
                workspace_id=task.workspace_id,
                task_id=task.id,
                document_id=task.document_id,
                user_id=user.id,
                idempotency_key=f"skip:{task.id}:{token}",
                value_state="skipped",
                skip_reason=reason,
                number=next_number(user.id),
                created_at=now,
            )
        )
    leases.put_back(session, task, actor=user.id, why=reason or "handed back", now=now)
    if reason:
        escalate_stranded(session, task.workspace_id, now=now, document_id=task.document_id)


def hand_back_all(session: Session, user: User, tokens: Mapping[str, str], *, now: datetime) -> None:
    """Put back what was fetched ahead, by the tokens of its leases; tasks of other workspaces are left alone."""
    wanted = rows_of(Task, user.workspace_id).where(col(Task.id).in_(tokens)).order_by(col(Task.document_id))
    handed = session.exec(wanted).all()
    hold(session, *(task.document_id for task in handed))
    for task in handed:
        hand_back(session, task, user, tokens[task.id], "", now=now)


def expire_leases(session: Session, *, now: datetime) -> int:
    """Put back what nobody finished in time, and pass on what nobody is left for. Returns how many leases."""
    expired = leases.put_back_expired(session, now=now)
    for workspace_id in session.exec(select(Workspace.id)).all():
        escalate_stranded(session, workspace_id, now=now)
    return expired


def mark_pressing(session: Session, *, now: datetime, most: int = 5_000) -> int:
    """Mark open tasks that cannot wait any more: due within the hour, or four hours old. Returns how many.

    It waits for nobody, so it needs no documents: a task that somebody is at is marked the next time.
    """
    due, old = col(Task.due_at) < now + SOON, col(Task.created_at) < now - OLD
    marked: set[str] = set()
    for which, by in ((due, col(Task.due_at)), (old, col(Task.created_at))):
        patient = select(Task.id).where(Task.state == TaskState.OPEN.value, ~col(Task.pressing), which)
        marked |= set(session.exec(patient.order_by(by).limit(most).with_for_update(skip_locked=True)).all())
    session.execute(update(Task).where(col(Task.id).in_(marked)).values(pressing=True))
    return len(marked)


def _pending_audits(session: Session, document: Document) -> list[Audit]:
    audits_ = select(Audit).where(Audit.document_id == document.id, Audit.state == VerdictState.PENDING.value)
    current = {verdict.id for verdict in verdicts_of(session, document)}
    return [audit for audit in session.exec(audits_).all() if audit.verdict_id in current]
