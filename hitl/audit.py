"""Audits: blind checks drawn by a keyed hash, done by two keyers, adjudicated by level 2 when they differ."""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from hitl import eligible, work
from hitl.moves import advance
from hitl.policy import Policy
from hitl.tokens import TYPE_FIELD, same_answer, token_of
from models.states import Route, TaskPurpose, TaskState, VerdictState
from models.tables import Answer, Audit, Document, Task, Verdict, Workspace

KEYERS = 2


def draw_number(audit_key: str, document_id: str, field: str, index: int) -> float:
    """A number in [0, 1) that only the holder of the key can foretell; the same for ever for the same field."""
    message = f"{document_id}\n{field}\n{index}".encode()
    digest = hmac.new(audit_key.encode(), message, hashlib.sha256).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def drawn_together(audit_key: str, document_id: str, run: int, probabilities: Mapping[str, float]) -> set[str]:
    """The fields of one document that are audited, each with exactly its probability, and few of them together.

    Systematic sampling: the fields lie end to end in a keyed order, each as long as its probability; those are drawn
    that hold one of the points u, u + 1, ... for one keyed number u. While the probabilities sum to less than 1, at
    most one field of a document is drawn, which is what makes an audit worth so much to a certificate.
    """
    order = sorted(probabilities, key=lambda name: draw_number(audit_key, document_id, name, run))
    u = draw_number(audit_key, document_id, "\naudit", run)
    drawn, end = set(), -u
    for name in order:
        start, end = end, end + probabilities[name]
        if probabilities[name] >= 1 or math.ceil(end) > math.ceil(start):
            drawn.add(name)
    return drawn


def draw(
    session: Session,
    document: Document,
    verdicts: Sequence[Verdict],
    policy: Policy,
    *,
    now: datetime,
    warm_up: Collection[str] = (),
    at_least: float = 0.0,
    certifying: bool = True,
) -> list[Audit]:
    """Draw among the fields of one run of a document; the probability each had is kept on its verdict.

    `warm_up`: the fields of a document that certifies of which nothing is certified yet. `at_least`: the
    rate while a certificate is fresh, or after an alarm. `certifying`: whether the document is evidence at all.
    """
    workspace = session.get_one(Workspace, document.workspace_id)
    for verdict in verdicts:
        is_warm_up = verdict.field in warm_up and _has_keyers(session, verdict)
        verdict.audit_probability = policy.audit_probability(
            Route(verdict.route), warm_up=is_warm_up, at_least=at_least, certifying=certifying
        )
        session.add(verdict)
    chances = {verdict.field: verdict.audit_probability or 0.0 for verdict in verdicts}
    drawn = drawn_together(workspace.audit_key, document.id, document.run, chances)
    audits = [
        Audit(
            workspace_id=document.workspace_id,
            document_id=document.id,
            verdict_id=verdict.id,
            probability=chances[verdict.field],
            created_at=now,
        )
        for verdict in verdicts
        if verdict.field in drawn
    ]
    session.add_all(audits)
    session.flush()
    return audits


def _has_keyers(session: Session, verdict: Verdict) -> bool:
    """Too few people for two blind keyers: to audit everything would only leave reviews that nobody may decide."""
    return len(eligible.keyers(session, verdict.workspace_id, verdict.kind)) >= KEYERS


def open_audit_tasks(session: Session, document: Document, audit: Audit, verdict: Verdict, *, now: datetime) -> None:
    """Ask as many blind keyers as still miss; whom the workspace does not have, level 2 stands in for."""
    if audit.state != VerdictState.PENDING.value:
        return
    waiting = len(work.outstanding(session, audit_id=audit.id))
    missing = KEYERS - len(typed_answers(session, audit)) - waiting
    left = eligible.keyers_left(session, document.workspace_id, document.id, verdict.field, verdict.kind)
    for _ in range(min(missing, max(len(left) - waiting, 0))):
        work.add_task(session, document, verdict, audit=audit, now=now)
        waiting += 1
    if waiting == 0 and missing > 0:
        contest(session, document, audit, verdict, reason="exhausted", now=now)


def settle(session: Session, audit: Audit, document: Document, *, now: datetime) -> None:
    """Look at the answers of an audit: gold when two blind people agree, level 2 when they do not."""
    session.flush()
    session.refresh(audit, with_for_update=True)
    if audit.state != VerdictState.PENDING.value:
        return
    verdict = session.get_one(Verdict, audit.verdict_id)
    answers = typed_answers(session, audit)
    tokens = {token_of(verdict.kind, answer.value_state, answer.value) for answer in answers}
    if len(tokens) > 1:
        contest(session, document, audit, verdict, reason="contested", now=now)
    elif len(answers) >= KEYERS:
        first = answers[0]
        conclude(session, audit, (first.value_state, first.value), actor="system:audit", now=now)
    else:
        open_audit_tasks(session, document, audit, verdict, now=now)


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
    advance(session, audit, VerdictState.CONTESTED, actor="system:audit", now=now, why=reason)
    for task in work.outstanding(session, audit_id=audit.id):
        if task.state == TaskState.OPEN.value:
            advance(session, task, TaskState.WITHDRAWN, actor="system:audit", now=now, why=reason)
    work.add_review(session, document, reason=reason, verdict=verdict, audit=audit, now=now)


def conclude(session: Session, audit: Audit, gold: tuple[str, object], *, actor: str, now: datetime) -> None:
    """Fix the gold value. It never changes what was first released, which is what the certificate counts."""
    changes: dict[str, Any] = {"gold_state": gold[0], "gold": gold[1], "decided_at": now}
    advance(session, audit, VerdictState.FINAL, actor=actor, now=now, **changes)
    work.withdraw_returned(session, audit_id=audit.id, actor=actor, now=now)


def finding(session: Session, audit: Audit) -> tuple[Verdict, bool]:
    """The audited verdict, and whether the audit says something else than its present value."""
    verdict = session.get_one(Verdict, audit.verdict_id)
    said = (verdict.value_state, verdict.value)
    return verdict, not same_answer(verdict.kind, (audit.gold_state, audit.gold), said)


def is_about_type(verdict: Verdict) -> bool:
    """A wrong document type makes all its fields wrong: it is not amended but typed again by a reviewer."""
    return verdict.field == TYPE_FIELD
