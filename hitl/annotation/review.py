"""Levels 2 and 3: contested fields, audits that need adjudication, and whole documents; decide, escalate, or return.

ReviewRefused         a sentence and the next thing to do
  NotYourReview       somebody else has it, or the lease ran out
  OwnWork             nobody adjudicates what they keyed or decided themselves
  NoHigherLevel       level 3 is the last
  BadDecision         a value is missing, of the wrong kind, or for a field the document does not have
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import text
from sqlmodel import Session, col, select

from extractor.kinds import AmbiguousValue
from hitl.aggregate.equality import TYPE_FIELD, same_answer, token_of
from hitl.aggregate.votes import Vote
from hitl.annotation import audit as audits
from hitl.annotation import consensus, leases
from hitl.annotation.answers import parse
from hitl.annotation.blocked import field_of
from hitl.annotation.consensus import Said
from hitl.people import eligible, messages
from hitl.platform.locks import hold, hold_best
from hitl.platform.moves import advance
from hitl.release.release import IN_HAND, amend
from hitl.work import queue_rows
from hitl.work.document import fields_of, verdicts_of
from hitl.work.exposure import expose
from hitl.work.typed import Unparseable
from models.states import LEVEL, RELEASED, ReviewState, Role, VerdictState
from models.tables import Answer, Audit, Document, Review, Task, User, Verdict
from models.values import ValueState

Decisions = Mapping[str, tuple[str, Any]]  # field: (value state, value)

LAST_LEVEL = 3
MOST_TRIED = 20  # reviews that are looked at together for a free one

# Level, own work and own earlier decisions are looked at here; the field of a review is that of its verdict or audit.
_NEXT = text("""
    SELECT r.id, r.document_id FROM review r
    LEFT JOIN audit au ON au.id = r.audit_id
    LEFT JOIN verdict v ON v.id = coalesce(r.verdict_id, au.verdict_id)
    JOIN document d ON d.id = r.document_id
    WHERE r.workspace_id = :workspace AND r.state = 'open' AND r.level <= :level
      AND NOT EXISTS (
        SELECT 1 FROM answer a JOIN task t ON t.id = a.task_id
        WHERE a.user_id = :user AND a.document_id = r.document_id AND a.undone_at IS NULL
          AND (v.id IS NULL OR t.field = v.field))
      AND NOT EXISTS (
        SELECT 1 FROM review e
        WHERE e.document_id = r.document_id AND e.id <> r.id AND e.decided_by = :user
          AND e.verdict_id IS NOT DISTINCT FROM r.verdict_id AND e.audit_id IS NOT DISTINCT FROM r.audit_id)
    ORDER BY r.level DESC, d.priority DESC, d.due_at NULLS LAST, r.created_at, r.id
    LIMIT :most
""")


class ReviewRefused(Exception):
    """Why a review was not taken. `next_step` is for the person."""

    next_step: ClassVar[str] = "Go on with the next review."


class NotYourReview(ReviewRefused):
    """Somebody else has it, or the lease ran out."""


class OwnWork(ReviewRefused):
    """Nobody adjudicates what they keyed or decided themselves."""


class NoHigherLevel(ReviewRefused):
    """Level 3 is the last."""

    next_step = "Decide it, or return it to a validator."


class BadDecision(ReviewRefused):
    """A value is missing, of the wrong kind, or for a field the document does not have."""

    next_step = "Mend the value and send the decision again."


@dataclass(frozen=True, slots=True)
class Candidate:
    """One value that was proposed, anonymised: who said it, person or machine, is not told before the decision."""

    value_state: str
    value: Any
    page: int | None
    box: list[float] | None
    voices: int


def next_review(session: Session, user: User, *, now: datetime) -> Review | None:
    """Lease the next review that `user` may decide: of their level or below, and not of their own work."""
    if not user.active or user.paused_reason is not None or LEVEL[Role(user.role)] < 2:
        return None
    review = _free_review(session, user)
    if review is None:
        return None
    leases.grant(session, review, user, now=now)
    expose(session, user.id, review.document_id, pages=[1], now=now)
    return review


def _free_review(session: Session, user: User) -> Review | None:
    """The best review of a document that nobody is at this instant; if somebody is at all of them, after them."""
    session.flush()
    asked = {"workspace": user.workspace_id, "user": user.id, "level": LEVEL[Role(user.role)], "most": MOST_TRIED}
    while found := session.execute(_NEXT, asked).all():
        held = hold_best(session, [row.document_id for row in found])
        for row in found:
            review = session.get_one(Review, row.id) if row.document_id in held else None
            if review is not None and review.state == ReviewState.OPEN.value:
                return review
    return None


def in_hand(session: Session, user: User, *, now: datetime) -> Review | None:
    """The review that this person has leased."""
    held = select(Review).where(Review.leased_to == user.id, Review.state == ReviewState.LEASED.value)
    return session.exec(held.where(col(Review.lease_until) > now)).first()


def task_behind(session: Session, review: Review, value_state: str, value: Any) -> str | None:
    """The task in which a person gave this value; None where nobody did."""
    verdict, audit = subject_of(session, review)
    if verdict is None:
        return None
    for answer, task in _answers_to(session, verdict, audit):
        if same_answer(verdict.kind, (value_state, value), (answer.value_state, answer.value)):
            return task.id
    return None


def candidates(session: Session, review: Review, *, now: datetime) -> list[Candidate]:
    """The values proposed for the field under review, shuffled by the review's own id; empty for a whole document."""
    verdict, audit = subject_of(session, review)
    if verdict is None:
        return []
    document = session.get_one(Document, review.document_id)
    if audit is not None:
        said = [
            Said(
                Vote(a.user_id, token_of(verdict.kind, a.value_state, a.value), 0.0),
                a.value_state,
                a.value,
                a.page,
                a.box,
            )
            for a in audits.typed_answers(session, audit)
        ]
    else:
        policy = consensus.policy_for(session, document, verdict, now=now)
        said = consensus.said_of(session, verdict, document, policy)
    tokens = sorted({one.vote.token for one in said}, key=lambda token: _shuffled(review.id, token))
    return [_candidate([one for one in said if one.vote.token == token]) for token in tokens]


def _said(verdict: Verdict, answer: Answer) -> Said:
    """An answer to a blind check; people's skills do not matter where each says something else."""
    vote = Vote(answer.user_id, token_of(verdict.kind, answer.value_state, answer.value), skill=0.0)
    return Said(vote, answer.value_state, answer.value, answer.page, answer.box)


def _candidate(said: Sequence[Said]) -> Candidate:
    """What several said alike, in the best spelling."""
    kept = consensus.best_spelled(said)
    place = next((one for one in said if one.box is not None), said[0])
    return Candidate(kept.value_state, kept.value, place.page, place.box, len(said))


def decide(
    session: Session,
    review: Review,
    user: User,
    token: str,
    decisions: Decisions,
    note: str = "",
    *,
    now: datetime,
    seconds: float | None = None,
) -> Document:
    """Fix what the review is about. Of a whole document, `decisions` holds only the fields that change.

    Returns the document. Raises NotYourReview, OwnWork, BadDecision.
    """
    document = _hold(session, review, user, token)
    verdict, audit = subject_of(session, review)
    parsed = _parse(session, document, verdict, decisions)
    if verdict is None:
        changes, count = _decide_document(session, document, user, parsed, now)
    elif audit is not None:
        gold = parsed[verdict.field]
        changes, count = _change(verdict, gold), 1
        audits.conclude(session, audit, gold, actor=user.id, now=now)
    else:
        changes, count = _change(verdict, parsed[verdict.field]), 1
        if document.state not in RELEASED:
            _fix(session, verdict, parsed[verdict.field], user, now)
        elif changes:  # looked at again after the release
            amend(session, document, parsed, reason="review", actor=user.id, by=f"reviewer:{user.id}", now=now)
    done = {
        "decided_by": user.id,
        "decided_at": now,
        "changes": changes,
        "changed_fraction": len(changes) / max(count, 1),
        "note": note,
        "seconds": seconds,
    }
    advance(session, review, ReviewState.DECIDED, actor=user.id, now=now, why=review.reason, **done)
    return document


def escalate(session: Session, review: Review, user: User, token: str, note: str = "", *, now: datetime) -> Review:
    """Hand the question one level up. Returns the new review. Raises NotYourReview, OwnWork, NoHigherLevel."""
    document = _hold(session, review, user, token)
    if review.level >= LAST_LEVEL:
        raise NoHigherLevel("Level 3 is the last to decide.")
    verdict, audit = subject_of(session, review)
    done = {"decided_by": user.id, "decided_at": now, "note": note}
    advance(session, review, ReviewState.ESCALATED, actor=user.id, now=now, why=note, **done)
    return queue_rows.add_review(
        session, document, reason="escalated", verdict=verdict, audit=audit, level=review.level + 1, now=now
    )


def return_work(
    session: Session, review: Review, user: User, task_or_user: str, message: str, *, now: datetime
) -> Task:
    """Send a contested field back to one of its validators, with a message; their answer counts as undone.

    `task_or_user` is the id of the answered task, or of the person. Raises NotYourReview, OwnWork, BadDecision.
    """
    document = _hold(session, review, user, review.lease_token or "")
    verdict, audit = subject_of(session, review)
    if verdict is None:
        raise BadDecision("A whole document is not returned; return one of its fields.")
    answer, task = _answer_to_return(session, verdict, audit, task_or_user)
    answer.undone_at = now
    session.add(answer)
    subject: Verdict | Audit = audit or verdict
    advance(session, subject, VerdictState.PENDING, actor=user.id, now=now, why="returned")
    owner = {"answered_at": None, "for_user_id": answer.user_id}
    leases.put_back(session, task, actor=user.id, why="returned", now=now, **owner)
    advance(session, review, ReviewState.RETURNED, actor=user.id, now=now, why=message, **leases.GONE)
    messages.send(
        session,
        user,
        message,
        to_user_id=answer.user_id,
        document_id=document.id,
        field=verdict.field,
        task_id=task.id,
        now=now,
    )
    return task


def subject_of(session: Session, review: Review) -> tuple[Verdict | None, Audit | None]:
    """The verdict a review is about (that of its audit, if it is about one), and the audit."""
    audit = session.get_one(Audit, review.audit_id) if review.audit_id else None
    verdict_id = audit.verdict_id if audit else review.verdict_id
    return (session.get_one(Verdict, verdict_id) if verdict_id else None), audit


def _hold(session: Session, review: Review, user: User, token: str) -> Document:
    """Lock the document and the review, and see that this person may decide it now."""
    document = session.get_one(Document, review.document_id)
    hold(session, document.id)
    if not leases.is_held(review, user, token):
        raise NotYourReview("This review is no longer in your hands.")
    if user.id in eligible.barred_from(session, review, field_of(session, review)):
        raise OwnWork("You keyed or decided this yourself.")
    return document


def _parse(
    session: Session, document: Document, verdict: Verdict | None, decisions: Decisions
) -> dict[str, tuple[str, Any]]:
    rows = {verdict.field: verdict} if verdict else {row.field: row for row in verdicts_of(session, document)}
    if unknown := sorted(set(decisions) - set(rows)):
        raise BadDecision(f"This review is not about {', '.join(unknown)}.")
    if verdict and verdict.field not in decisions:
        raise BadDecision(f"A value for {verdict.field} is missing.")
    if verdict is None and TYPE_FIELD in decisions:
        raise BadDecision("The type of a document is changed by retyping it.")
    parsed: dict[str, tuple[str, Any]] = {}
    for name, (state, value) in decisions.items():
        if ValueState(state) is ValueState.NOT_FOUND:
            raise BadDecision("People say found, absent, empty or illegible.")
        try:
            parsed[name] = (state, parse(session, rows[name], document, value) if state == "found" else None)
        except (Unparseable, AmbiguousValue) as error:
            raise BadDecision(str(error)) from error
    return parsed


def _decide_document(
    session: Session, document: Document, user: User, parsed: Decisions, now: datetime
) -> tuple[list[dict[str, Any]], int]:
    """Change what differs, if only in its spelling, which is no change that counts.

    Before the release the verdicts change; after it the release is amended.
    """
    rows = fields_of(session, document)
    changed = {row.field: parsed[row.field] for row in rows if row.field in parsed and _differs(row, parsed[row.field])}
    changes = [change for row in rows if row.field in changed for change in _change(row, changed[row.field])]
    if changed and document.state in RELEASED:
        by = f"reviewer:{user.id}"
        amend(session, document, changed, reason="review", actor=user.id, by=by, now=now)
    elif document.state in IN_HAND:
        for row in rows:
            if row.field in changed:
                _fix(session, row, changed[row.field], user, now)
    return changes, len(rows)


def _fix(session: Session, verdict: Verdict, answer: tuple[str, Any], user: User, now: datetime) -> None:
    state, value = answer
    kept = not _change(verdict, answer)
    place = (verdict.page, verdict.box) if kept else _place_of(session, verdict, answer)
    advance(
        session,
        verdict,
        VerdictState.FINAL,
        actor=user.id,
        now=now,
        value_state=state,
        value=value,
        page=place[0],
        box=place[1],
        posterior=None,
        decided_by=f"reviewer:{user.id}",
        decided_at=now,
    )
    queue_rows.withdraw_open(session, verdict_id=verdict.id, why="decided by a reviewer", actor=user.id, now=now)


def _place_of(session: Session, verdict: Verdict, answer: tuple[str, Any]) -> tuple[int | None, list[float] | None]:
    """Where the chosen value stands, if the machine or a person showed it."""
    rows = session.exec(
        select(Answer).join(Task, col(Task.id) == col(Answer.task_id)).where(Task.verdict_id == verdict.id)
    ).all()
    for row in rows:
        if row.box is not None and same_answer(verdict.kind, answer, (row.value_state, row.value)):
            return row.page, row.box
    machine = consensus.machine_says(session, verdict, session.get_one(Document, verdict.document_id))
    if machine and same_answer(verdict.kind, answer, (machine.value_state, machine.value)):
        return machine.page, machine.box
    return None, None


def _differs(verdict: Verdict, answer: tuple[str, Any]) -> bool:
    """Whether an answer changes a verdict, or a text alone in its spelling."""
    return bool(_change(verdict, answer)) or (isinstance(answer[1], str) and answer[1] != verdict.value)


def _change(verdict: Verdict, answer: tuple[str, Any]) -> list[dict[str, Any]]:
    if same_answer(verdict.kind, answer, (verdict.value_state, verdict.value)):
        return []
    before = {"value_state": verdict.value_state, "value": verdict.value}
    return [{"field": verdict.field, "from": before, "to": {"value_state": answer[0], "value": answer[1]}}]


def _answer_to_return(
    session: Session, verdict: Verdict, audit: Audit | None, task_or_user: str
) -> tuple[Answer, Task]:
    for answer, task in _answers_to(session, verdict, audit):
        if task_or_user in (answer.user_id, task.id):
            return answer, task
    raise BadDecision("That person has no answer to this field.")


def _answers_to(session: Session, verdict: Verdict, audit: Audit | None) -> Sequence[tuple[Answer, Task]]:
    """What people said in the audit, or in the ordinary tasks of the verdict."""
    unaudited = (col(Task.verdict_id) == verdict.id) & col(Task.audit_id).is_(None)
    about = (col(Task.audit_id) == audit.id) if audit else unaudited
    wanted = select(Answer, Task).join(Task, col(Task.id) == col(Answer.task_id))
    return session.exec(wanted.where(about, col(Answer.undone_at).is_(None))).all()


def _shuffled(review_id: str, token: str) -> str:
    return hashlib.sha256(f"{review_id}\n{token}".encode()).hexdigest()
