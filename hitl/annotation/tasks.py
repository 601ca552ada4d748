"""Tasks: opening what people are needed for, and handing it out under a lease that a token fences."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlmodel import Session, col, func, select

from hitl.annotation import audit as audits
from hitl.annotation import consensus, leases, qualification
from hitl.annotation.queue import escalate_stranded, queue_summary
from hitl.people import eligible
from hitl.platform.moves import record
from hitl.work.document import verdicts_of
from hitl.work.queue_rows import OUTSTANDING
from models.states import TaskPurpose, VerdictState
from models.tables import Answer, Audit, Document, Exposure, Task, User, Verdict, Workspace

__all__ = ["expire_leases", "hand_back", "hand_out", "open_tasks", "queue_summary"]

SOON = timedelta(hours=1)  # a task that is due so soon goes before the batch
OLD = timedelta(hours=4)  # and so does one that waited so long

# Each step takes the whole queue at once: probing for every task cost a quarter of a second at 2,000 open ones.
# Of several tasks on one field a person gets the first. The order: returned work, priority, what cannot wait, the field
# the person has in hand, due, age. Of the best, those are leased that nobody else is leasing this instant.
_NEXT = text("""
    WITH waiting AS MATERIALIZED (
      SELECT DISTINCT ON (document_id COLLATE "C", field COLLATE "C")
        id, document_id, field, kind, for_user_id, priority, due_at, created_at FROM task
      WHERE workspace_id = :workspace AND state = 'open'
        AND (for_user_id IS NULL OR for_user_id = :user)
        AND (CAST(:purposes AS text[]) IS NULL OR purpose = ANY (CAST(:purposes AS text[])))
        AND (CAST(:field AS text) IS NULL OR field = :field)
      ORDER BY document_id COLLATE "C", field COLLATE "C", id COLLATE "C"),
    had AS MATERIALIZED (
      SELECT a.document_id, done.field FROM (SELECT DISTINCT document_id FROM waiting) w
      JOIN answer a ON a.user_id = :user AND a.document_id = w.document_id AND a.undone_at IS NULL
      JOIN task done ON done.id = a.task_id
      UNION ALL SELECT document_id, field FROM task WHERE leased_to = :user AND state = 'leased'),
    best AS MATERIALIZED (
      SELECT id, row_number() OVER (
        ORDER BY (for_user_id IS NOT NULL) DESC, priority DESC, (due_at < :soon OR created_at < :old) IS TRUE DESC,
          (field = :batch) IS TRUE DESC, due_at NULLS LAST, created_at, id COLLATE "C") AS place
      FROM waiting w
      WHERE (CAST(:kinds AS text[]) IS NULL OR kind = ANY (CAST(:kinds AS text[])))
        AND (CAST(:trained AS text[]) IS NULL OR kind = ANY (CAST(:trained AS text[])) OR for_user_id = :user)
        AND (document_id, field) NOT IN (SELECT document_id, field FROM had)
        AND document_id NOT IN (SELECT id FROM document WHERE workspace_id = :workspace AND held_reason IS NOT NULL)
        AND (CAST(:cap AS float) >= 1 OR for_user_id = :user OR coalesce(
          (SELECT jsonb_array_length(e.fields) FROM exposure e
            WHERE e.user_id = :user AND e.document_id = w.document_id), 0) + 1
          <= greatest(1, :cap * (SELECT count(*) FROM verdict v JOIN document d ON d.id = v.document_id
            WHERE v.document_id = w.document_id AND v.run = d.run)))
      ORDER BY place LIMIT :count + 200)
    SELECT t.id FROM best JOIN task t ON t.id = best.id WHERE t.state = 'open'
    ORDER BY best.place LIMIT :count FOR UPDATE OF t SKIP LOCKED
""")


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
) -> list[Task]:
    """Lease up to `count` tasks to `user`, best first. Nobody gets the same field of the same document twice.

    Nothing for the paused, for those who worked their hours of the week, nor of a kind whose exam is asked for and not
    passed. Now and then one of the tasks is a control task. `kinds`, `field` and `purposes` narrow the choice.
    """
    if not user.active or user.paused_reason is not None or has_worked_enough(session, user, now=now):
        return []
    workspace = session.get_one(Workspace, user.workspace_id)
    batch = field or field_in_hand(session, user)
    trained = list(user.trained_kinds) if eligible.exam_is_asked(session, user.workspace_id) else None
    if purposes is None and kinds is None:
        _mix_in_control(session, user, batch, exactly=field is not None, trained=trained, now=now)
    asked = {
        "workspace": user.workspace_id,
        "user": user.id,
        "kinds": list(kinds) if kinds is not None else None,
        "field": field,
        "cap": float(workspace.settings.get("exposure_cap", 1.0)),
        "soon": now + SOON,
        "old": now - OLD,
        "batch": batch,
        "trained": trained,
        "purposes": list(purposes) if purposes is not None else None,
        "count": count,
    }
    session.flush()
    ids = list(session.execute(_NEXT, asked).scalars())
    tasks = {task.id: task for task in session.exec(select(Task).where(col(Task.id).in_(ids))).all()}
    chosen = [tasks[task_id] for task_id in ids]
    for task in sorted(chosen, key=lambda task: task.document_id):  # one order of locks for everybody
        lease(session, task, user, now=now)
    return _controls_amid(chosen)


def _mix_in_control(
    session: Session, user: User, field: str | None, *, exactly: bool, trained: list[str] | None, now: datetime
) -> None:
    waiting = select(Task.id).where(
        Task.for_user_id == user.id, Task.purpose == TaskPurpose.GOLD.value, col(Task.state).in_(OUTSTANDING)
    )
    if session.exec(waiting).first() is None and qualification.is_due(session, user):
        qualification.open_control(session, user, field=field, exactly=exactly, kinds=trained, now=now)


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
    if task.whole_page:
        expose(session, user.id, task.document_id, now=now, whole_page=True)
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
    return task


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
    session.flush()
    session.refresh(task, with_for_update=True)
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
                created_at=now,
            )
        )
    leases.put_back(session, task, actor=user.id, why=reason or "handed back", now=now)
    if reason:
        escalate_stranded(session, task.workspace_id, now=now, document_id=task.document_id)


def expire_leases(session: Session, *, now: datetime) -> int:
    """Put back what nobody finished in time, and pass on what nobody is left for. Returns how many leases."""
    expired = leases.put_back_expired(session, now=now)
    for workspace_id in session.exec(select(Workspace.id)).all():
        escalate_stranded(session, workspace_id, now=now)
    return expired


def field_in_hand(session: Session, user: User) -> str | None:
    """The field that the person answered last, so that the next task is of the same."""
    return session.exec(
        select(Task.field)
        .join(Answer, col(Answer.task_id) == col(Task.id))
        .where(Answer.user_id == user.id, Task.purpose != TaskPurpose.TRAINING.value)
        .order_by(col(Answer.created_at).desc())
        .limit(1)
    ).first()


def expose(
    session: Session,
    user_id: str,
    document_id: str,
    *,
    now: datetime,
    field: str | None = None,
    page: int | None = None,
    whole_page: bool = False,
) -> None:
    """Count what one person has seen of one document: fields keyed, pages shown whole (page 1 when not told)."""
    row = session.exec(
        select(Exposure).where(Exposure.user_id == user_id, Exposure.document_id == document_id)
    ).first() or Exposure(user_id=user_id, document_id=document_id, updated_at=now)
    pages = [page or 1] if whole_page else []
    row.fields = sorted({*row.fields, *([field] if field else [])})
    row.pages = sorted({*row.pages, *pages})
    row.updated_at = now
    session.add(row)
    session.flush()


def _pending_audits(session: Session, document: Document) -> list[Audit]:
    audits_ = select(Audit).where(Audit.document_id == document.id, Audit.state == VerdictState.PENDING.value)
    current = {verdict.id for verdict in verdicts_of(session, document)}
    return [audit for audit in session.exec(audits_).all() if audit.verdict_id in current]
