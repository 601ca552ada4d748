"""Audits at work: blind checks done by one or two keyers, adjudicated by level 2 when they differ."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from hitl.aggregate.equality import same_answer, token_of
from hitl.aggregate.spelling import best_spelling
from hitl.aggregate.votes import Vote
from hitl.people import eligible
from hitl.people.skills import skills_of
from hitl.platform.locks import hold
from hitl.platform.moves import advance
from hitl.routing.sampling import KEYERS, ask_twice, machine_token, picked, second_chance, second_order
from hitl.work import queue_rows
from hitl.work.document import checked_fields
from hitl.workspace.policy import ANY_TYPE, current_policy
from models.states import TaskPurpose, VerdictState
from models.tables import Answer, Audit, Document, Task, Verdict, Workspace


def open_audit_tasks(session: Session, document: Document, audit: Audit, verdict: Verdict, *, now: datetime) -> None:
    """Ask as many blind keyers as still miss; whom the workspace does not have, level 2 stands in for.

    One, then a second if the first differs from the machine, or if this check is the one that is drawn for it.
    """
    if audit.state != VerdictState.PENDING.value:
        return
    wanted = 1 if audit.first_agreed is None else KEYERS
    if audit.first_agreed and drawn_for_second(session, document, verdict.run)[0] is not audit:
        return
    waiting = len(queue_rows.outstanding(session, audit_id=audit.id))
    missing = wanted - len(typed_answers(session, audit)) - waiting
    left = eligible.keyers_left(session, document.workspace_id, document.id, verdict.field, verdict.kind)
    for _ in range(min(missing, max(len(left) - waiting, 0))):
        queue_rows.add_task(session, document, verdict, audit=audit, now=now)
        waiting += 1
    if waiting == 0 and missing > 0:
        contest(session, document, audit, verdict, reason="exhausted", now=now)


def settle(session: Session, audit: Audit, document: Document, *, now: datetime) -> None:
    """Look at the answers of an audit: gold when two blind people agree, level 2 when they do not."""
    hold(session, document.id)
    if audit.state != VerdictState.PENDING.value:
        return
    verdict = session.get_one(Verdict, audit.verdict_id)
    answers = typed_answers(session, audit)
    tokens = {token_of(verdict.kind, answer.value_state, answer.value) for answer in answers}
    if len(tokens) > 1:
        contest(session, document, audit, verdict, reason="contested", now=now)
    elif len(answers) >= KEYERS:
        policy = current_policy(session, document.workspace_id, document.document_type or ANY_TYPE, now=now)[1]
        skills = skills_of(session, [answer.user_id for answer in answers], verdict.kind, policy)
        token = tokens.pop()
        said = [(Vote(one.user_id, token, skills[one.user_id]), one.value) for one in answers]
        kept = answers[best_spelling(said)]
        conclude(session, audit, (kept.value_state, kept.value), actor="system:audit", now=now)
    else:
        if answers and audit.first_agreed is None:
            _register_first(session, audit, verdict, tokens.pop())
        if not audit.first_agreed:  # else `ask_second` draws, once it is known whether that decides the field
            open_audit_tasks(session, document, audit, verdict, now=now)


def _register_first(session: Session, audit: Audit, verdict: Verdict, token: str) -> None:
    """The first keyer has spoken. Where somebody else has been asked already, nothing is left to draw."""
    if token == machine_token(session, verdict) and not queue_rows.outstanding(session, audit_id=audit.id):
        audit.first_agreed = True
    else:
        ask_twice(audit)
    session.add(audit)


def require_second(session: Session, document: Document, audit: Audit, verdict: Verdict, *, now: datetime) -> None:
    """The word of the first keyer, though the machine's, did not decide the field: a second is asked in any case."""
    is_asked = queue_rows.outstanding(session, audit_id=audit.id)
    if audit.state == VerdictState.PENDING.value and audit.first_agreed and not is_asked:
        ask_twice(audit)
        session.add(audit)
        open_audit_tasks(session, document, audit, verdict, now=now)


def is_under_way(session: Session, audit: Audit) -> bool:
    """Whether somebody is asked about the audit, or a reviewer has it."""
    return audit.state == VerdictState.CONTESTED.value or bool(queue_rows.outstanding(session, audit_id=audit.id))


Checks = dict[str, tuple[Audit, Verdict]]


def drawn_for_second(session: Session, document: Document, run: int) -> tuple[Audit | None, Checks]:
    """The check of one run of `document` that has a second keyer though the first agreed, if it is known, and all."""
    checks = {verdict.field: (audit, verdict) for audit, verdict in checked_fields(session, document, run)}
    workspace = session.get_one(Workspace, document.workspace_id)
    order = second_order(workspace.audit_key, document.id, run, checks)
    name = picked(order, {field: audit.first_agreed for field, (audit, _) in checks.items()})
    return (checks[name][0] if name else None), checks


def ask_second(session: Session, document: Document, run: int, *, now: datetime) -> list[Audit]:
    """Draw the second keyer among the checks of a run that agreed, as far as it is known who they are.

    Returns the audits that are at an end by that: without gold, or with a probability that was not known before.
    """
    session.flush()
    chosen, checks = drawn_for_second(session, document, run)
    if chosen is None:
        return []
    chance, changed = second_chance([audit.first_agreed for audit, _ in checks.values()]), list[Audit]()
    for audit, verdict in checks.values():
        if not audit.first_agreed:
            continue
        if audit is chosen:
            open_audit_tasks(session, document, audit, verdict, now=now)
        elif audit.state == VerdictState.PENDING.value:
            advance(session, audit, VerdictState.FINAL, actor="system:audit", now=now, why="agreed", decided_at=now)
            changed.append(audit)
        if chance is not None and audit.second_probability is None:
            audit.second_probability = chance
            session.add(audit)
            changed.append(audit)
    session.flush()
    return list({audit.id: audit for audit in changed}.values())


def may_take_back(session: Session, audit: Audit, document: Document) -> bool:
    """Whether a first answer may be undone: not once a second keyer was drawn on the strength of it."""
    if not audit.first_agreed:
        return True
    verdict = session.get_one(Verdict, audit.verdict_id)
    return drawn_for_second(session, document, verdict.run)[0] is None


def withdraw_first(session: Session, audit: Audit) -> None:
    """The first answer that agreed with the machine is taken back: nobody has spoken yet."""
    if audit.first_agreed:
        audit.first_agreed = None
        session.add(audit)


def typed_answers(session: Session, audit: Audit) -> list[Answer]:
    """Blind, typed answers of distinct people: the only ones that count."""
    rows = session.exec(
        select(Answer)
        .join(Task, col(Task.id) == col(Answer.task_id))
        .where(
            Task.audit_id == audit.id,
            Task.purpose == TaskPurpose.AUDIT.value,
            Answer.source == "typed",
            col(Answer.undone_at).is_(None),
            col(Answer.skip_reason).is_(None),
        )
        .order_by(col(Answer.created_at), col(Answer.id))
    ).all()
    return list({answer.user_id: answer for answer in rows}.values())


def contest(
    session: Session, document: Document, audit: Audit, verdict: Verdict, *, reason: str, now: datetime
) -> None:
    """Hand the audit to level 2."""
    if audit.first_agreed is None:
        ask_twice(audit)
    advance(session, audit, VerdictState.CONTESTED, actor="system:audit", now=now, why=reason)
    queue_rows.withdraw_open(session, audit_id=audit.id, why=reason, actor="system:audit", now=now)
    queue_rows.add_review(session, document, reason=reason, verdict=verdict, audit=audit, now=now)


def conclude(session: Session, audit: Audit, gold: tuple[str, object], *, actor: str, now: datetime) -> None:
    """Fix the gold value. It never changes what was first released, which is what the certificate counts."""
    changes: dict[str, Any] = {"gold_state": gold[0], "gold": gold[1], "decided_at": now}
    advance(session, audit, VerdictState.FINAL, actor=actor, now=now, **changes)
    queue_rows.withdraw_returned(session, audit_id=audit.id, actor=actor, now=now)


def finding(session: Session, audit: Audit) -> tuple[Verdict, bool]:
    """The audited verdict, and whether the audit says something else than its present value."""
    verdict = session.get_one(Verdict, audit.verdict_id)
    said = (verdict.value_state, verdict.value)
    return verdict, not same_answer(verdict.kind, (audit.gold_state, audit.gold), said)
