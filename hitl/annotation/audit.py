"""Audits: blind checks drawn by a keyed hash, done by two keyers, adjudicated by level 2 when they differ.

The second keyer is drawn too. A first keyer who differs from the machine always gets one. Of the checks of a document
on which the first keyer says what the machine says, the second is asked for one alone: the first in a keyed order.
With n of these each has the probability 1 / n, which is stored and multiplies that of the draw; the others end without
gold. A certificate counts the mean of a document, in which one field that weighs n is worth n fields: the largest loss
that a document could show, which is what evidence costs, is no larger than with a second keyer for all.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from hitl.aggregate.equality import TYPE_FIELD, same_answer, token_of
from hitl.people import eligible
from hitl.platform.moves import advance
from hitl.work import queue_rows
from hitl.workspace.policy import Policy
from models.states import Route, TaskPurpose, TaskState, VerdictState
from models.tables import Answer, Audit, Document, FieldReading, Task, Verdict, Workspace
from models.values import ValueState

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


def second_order(audit_key: str, document_id: str, run: int, fields: Iterable[str]) -> list[str]:
    """The keyed order in which the checks of one document come into question for a second keyer."""
    return sorted(fields, key=lambda name: draw_number(audit_key, document_id, f"{name}\nsecond", run))


def picked(order: Sequence[str], agreed: Mapping[str, bool | None]) -> str | None:
    """The first of `order` on which the first keyer agreed with the machine; None if there is none, or not yet."""
    name = next((name for name in order if agreed[name] is not False), None)
    return name if name is not None and agreed[name] else None


def second_chance(agreed: Collection[bool | None]) -> float | None:
    """With which probability each check that agreed had a second keyer; None until all first keyers have spoken."""
    return None if None in agreed or True not in agreed else 1 / sum(one is True for one in agreed)


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
    audits = []
    for verdict in verdicts:
        if verdict.field not in drawn:
            continue
        audit = Audit(
            workspace_id=document.workspace_id,
            document_id=document.id,
            verdict_id=verdict.id,
            probability=chances[verdict.field],
            created_at=now,
        )
        if policy.second_keyer == "all" or machine_token(session, verdict) is None:
            _ask_twice(audit)
        audits.append(audit)
    session.add_all(audits)
    session.flush()
    return audits


def _has_keyers(session: Session, verdict: Verdict) -> bool:
    """Too few people for two blind keyers: to audit everything would only leave reviews that nobody may decide."""
    return len(eligible.keyers(session, verdict.workspace_id, verdict.kind)) >= KEYERS


def machine_token(session: Session, verdict: Verdict) -> str | None:
    """What a first keyer may agree with; None where the machine found nothing, or where the type is in question."""
    reading = session.get(FieldReading, verdict.reading_id) if verdict.reading_id else None
    if is_about_type(verdict) or reading is None or reading.value_state == ValueState.NOT_FOUND.value:
        return None
    return token_of(verdict.kind, reading.value_state, reading.value)


def _ask_twice(audit: Audit) -> None:
    audit.first_agreed, audit.second_probability = False, 1.0


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
        if answers and audit.first_agreed is None:
            _hear_first(session, audit, verdict, tokens.pop())
        if not audit.first_agreed:  # else `ask_second` draws, once it is known whether that decides the field
            open_audit_tasks(session, document, audit, verdict, now=now)


def _hear_first(session: Session, audit: Audit, verdict: Verdict, token: str) -> None:
    """The first keyer has spoken. Where somebody else has been asked already, nothing is left to draw."""
    if token == machine_token(session, verdict) and not queue_rows.outstanding(session, audit_id=audit.id):
        audit.first_agreed = True
    else:
        _ask_twice(audit)
    session.add(audit)


def insist(session: Session, document: Document, audit: Audit, verdict: Verdict, *, now: datetime) -> None:
    """The word of the first keyer, though the machine's, did not decide the field: a second is asked in any case."""
    is_asked = queue_rows.outstanding(session, audit_id=audit.id)
    if audit.state == VerdictState.PENDING.value and audit.first_agreed and not is_asked:
        _ask_twice(audit)
        session.add(audit)
        open_audit_tasks(session, document, audit, verdict, now=now)


Checks = dict[str, tuple[Audit, Verdict]]


def drawn_for_second(session: Session, document: Document, run: int) -> tuple[Audit | None, Checks]:
    """The check of one run of `document` that has a second keyer though the first agreed, if it is known, and all."""
    rows = session.exec(
        select(Audit, Verdict)
        .join(Verdict, col(Verdict.id) == col(Audit.verdict_id))
        .where(Audit.document_id == document.id, Verdict.run == run, Verdict.field != TYPE_FIELD)
    ).all()
    checks = {verdict.field: (audit, verdict) for audit, verdict in rows}
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
    if drawn_for_second(session, document, verdict.run)[0] is not None:
        return False
    audit.first_agreed = None
    session.add(audit)
    return True


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
        _ask_twice(audit)
    advance(session, audit, VerdictState.CONTESTED, actor="system:audit", now=now, why=reason)
    for task in queue_rows.outstanding(session, audit_id=audit.id):
        if task.state == TaskState.OPEN.value:
            advance(session, task, TaskState.WITHDRAWN, actor="system:audit", now=now, why=reason)
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


def is_about_type(verdict: Verdict) -> bool:
    """A wrong document type makes all its fields wrong: it is not amended but typed again by a reviewer."""
    return verdict.field == TYPE_FIELD
