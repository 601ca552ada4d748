"""Consensus: what the answers to one field amount to: agreed, one more person, or a reviewer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from hitl.aggregate import RULES, Decision, Outcome, Source, Terms, Vote
from hitl.aggregate.calibration import Calibration
from hitl.aggregate.equality import field_spec, token_of
from hitl.aggregate.spelling import best_spelling
from hitl.annotation import audit as audits
from hitl.people import eligible
from hitl.people.skills import catch_rate_of, weigh
from hitl.platform.locks import hold
from hitl.platform.moves import advance, events_later
from hitl.routing import sampling
from hitl.work import queue_rows
from hitl.work.document import is_about_type, policy_of, spec_of
from hitl.workspace.policy import ANY_TYPE, Policy, current_policy
from models.doctype import DocumentType, KeyingMode, Kind
from models.states import TaskPurpose, VerdictState
from models.tables import Answer, Audit, Document, FieldReading, Review, Skill, Task, Verdict, Workspace
from models.values import ValueState

UNDECIDED = (VerdictState.PENDING.value, VerdictState.CONTESTED.value)
COUNTED = (TaskPurpose.REVIEW.value, TaskPurpose.AUDIT.value)  # the blind answers of an audit say it too
MACHINE = "machine"
MACHINE_CAP = 0.995  # the machine is one keyer, however sure it says it is


@dataclass(frozen=True, slots=True)
class Said:
    """One answer, the machine's or a person's, with where it stands."""

    vote: Vote
    value_state: str
    value: Any
    page: int | None
    box: list[float] | None


def settle(session: Session, verdict: Verdict, document: Document, *, now: datetime) -> bool:
    """Aggregate what was said of `verdict`: decide it (True), or ask on. A decided verdict stays as it is (False)."""
    hold(session, document.id)
    if verdict.state != VerdictState.PENDING.value:
        return False
    policy = policy_for(session, document, verdict, now=now)
    said = said_of(session, verdict, document, policy)
    decision = decide(session, verdict, document, policy, said)
    if decision.outcome is Outcome.AGREED:
        _agree(session, verdict, decision, said, now)
        return True
    ask_on(session, verdict, document, policy, contested=decision.outcome is Outcome.CONTESTED, now=now)
    return False


def decide(session: Session, verdict: Verdict, document: Document, policy: Policy, said: Sequence[Said]) -> Decision:
    """The policy's aggregation rule on what was said."""
    rule = RULES[policy.rule_of(verdict.field)]
    return rule([one.vote for one in said], terms_for(session, verdict, document, policy, said))


def ask_on(
    session: Session, verdict: Verdict, document: Document, policy: Policy, *, contested: bool, now: datetime
) -> None:
    """Bring the next person; at the cap, or when nobody is left, level 2. A blind check under way is waited for."""
    if queue_rows.outstanding(session, verdict_id=verdict.id):
        return
    if audit := _audit_that_counts(session, verdict, document, policy):
        audits.require_second(session, document, audit, verdict, now=now)
        if audits.is_under_way(session, audit):
            return
    people = people_asked(session, verdict)
    left = eligible.keyers_left(session, document.workspace_id, document.id, verdict.field, verdict.kind)
    if not people and not eligible.keyers(session, document.workspace_id, verdict.kind):
        open_review_task(session, verdict, document, policy, blind=False, now=now)  # waits, and is shown as blocked
        return
    if len(people) >= policy.cap or not left:
        contest(session, verdict, document, reason="contested" if contested else "exhausted", now=now)
        return
    wanted = 1 if people or machine_says(session, verdict, document) else min(2, len(left))
    for _ in range(1 if policy.single_operator else wanted):
        open_review_task(session, verdict, document, policy, blind=bool(people), now=now)


def _audit_that_counts(session: Session, verdict: Verdict, document: Document, policy: Policy) -> Audit | None:
    """The verdict's audit, where its answers count for the verdict too, so that nobody keys a field twice."""
    if mode_of(policy, spec_of(session, document), verdict.field) is not KeyingMode.BLIND:
        return None
    return session.exec(select(Audit).where(Audit.verdict_id == verdict.id)).first()


def open_review_task(
    session: Session, verdict: Verdict, document: Document, policy: Policy, *, blind: bool, now: datetime
) -> Task:
    """One more answer wanted. Verify mode shows a value to the first person only; whoever comes after keys blindly."""
    reading = session.get(FieldReading, verdict.reading_id) if verdict.reading_id else None
    shows = mode_of(policy, spec_of(session, document), verdict.field) is KeyingMode.VERIFY and not blind
    if not shows or reading is None or reading.value_state != ValueState.FOUND.value:
        missing = reading is None or reading.page is None
        return queue_rows.add_task(session, document, verdict, whole_page=missing, now=now)
    value, seeded = reading.value, False
    workspace = session.get_one(Workspace, document.workspace_id)
    if sampling.draw_number(workspace.audit_key, document.id, verdict.field + "\nseed", verdict.run) < policy.seed_rate:
        wrong = wrong_value(session, reading)
        value, seeded = (wrong, True) if wrong is not None else (value, False)
    return queue_rows.add_task(session, document, verdict, mode="verify", shown_value=value, seeded=seeded, now=now)


def wrong_value(session: Session, reading: FieldReading) -> Any:
    """A believable wrong value to show: the machine's next best, else another document's; None if there is none."""
    own = token_of(reading.kind, ValueState.FOUND.value, reading.value)
    others = session.exec(
        select(FieldReading.value)
        .join(Document, col(Document.id) == col(FieldReading.document_id))
        .where(
            FieldReading.field == reading.field,
            FieldReading.kind == reading.kind,
            FieldReading.value_state == ValueState.FOUND.value,
            FieldReading.document_id != reading.document_id,
            Document.workspace_id
            == select(Document.workspace_id).where(Document.id == reading.document_id).scalar_subquery(),
        )
        .order_by(col(FieldReading.id).desc())
        .limit(5)
    ).all()
    offered = [pair[0] for pair in reading.alternatives if pair] + list(others)
    return next((v for v in offered if token_of(reading.kind, ValueState.FOUND.value, v) != own), None)


def contest(session: Session, verdict: Verdict, document: Document, *, reason: str, now: datetime) -> None:
    """Hand the verdict to level 2."""
    advance(session, verdict, VerdictState.CONTESTED, actor="system:aggregate", now=now, why=reason)
    queue_rows.add_review(session, document, reason=reason, verdict=verdict, now=now)


def said_of(session: Session, verdict: Verdict, document: Document, policy: Policy) -> list[Said]:
    """What the machine and the people said of the verdict, as votes with their skills."""
    wanted = (
        select(Answer, Task, Skill)
        .join(Task, col(Task.id) == col(Answer.task_id))
        .outerjoin(Skill, col(Skill.user_id) == col(Answer.user_id))
        .where(
            Task.verdict_id == verdict.id,
            col(Task.purpose).in_(COUNTED),
            col(Answer.undone_at).is_(None),
            col(Answer.skip_reason).is_(None),
        )
        .order_by(col(Answer.created_at), col(Answer.id))
    )
    with events_later(session):
        rows = session.exec(wanted).all()
    answers = {answer.id: (answer, task) for answer, task, _ in rows}
    known = {skill.id: skill for _, _, skill in rows if skill is not None}
    skills = weigh(known.values(), [answer.user_id for answer, _ in answers.values()], verdict.kind, policy)
    said = [_said(verdict.kind, answer, task, skills[answer.user_id]) for answer, task in answers.values()]
    people = [one for one in said if one is not None]
    machine = machine_says(session, verdict, document)
    return ([machine] if machine else []) + people


def _said(kind: str, answer: Answer, task: Task, skill: float) -> Said | None:
    token = token_of(kind, answer.value_state, answer.value)
    source, shown = Source.BLIND, None
    if task.mode == "verify":
        source, shown = Source.SHOWN, token_of(kind, ValueState.FOUND.value, task.shown_value)
        if task.seeded and token == shown:
            return None  # they missed the wrong value that we made: no evidence about the document
    elif answer.source != "typed":
        source, shown = Source.SHOWN, token  # text taken from the OCR words: a verification of what OCR read
    vote = Vote(answer.user_id, token, skill, source, shown)
    return Said(vote, answer.value_state, answer.value, answer.page, answer.box)


def machine_says(session: Session, verdict: Verdict, document: Document) -> Said | None:
    """The machine's own answer, with its calibrated confidence as its skill; None where it is no keyer.

    What it did not find, and a type that it does not know, is no answer: two people are needed then.
    """
    if is_about_type(verdict):
        named, confidence = document.document_type, document.document_type_confidence or 0.0
        if document.requested_type or named in (None, "unknown"):
            return None
        vote = Vote(MACHINE, token_of(verdict.kind, "found", named), min(confidence, MACHINE_CAP), Source.MACHINE)
        return Said(vote, ValueState.FOUND.value, named, None, None)
    reading = session.get(FieldReading, verdict.reading_id) if verdict.reading_id else None
    if reading is None or reading.value_state == ValueState.NOT_FOUND.value:
        return None
    token = token_of(verdict.kind, reading.value_state, reading.value)
    vote = Vote(MACHINE, token, min(reading.confidence, MACHINE_CAP), Source.MACHINE)
    return Said(vote, reading.value_state, reading.value, reading.page, reading.box)


def terms_for(session: Session, verdict: Verdict, document: Document, policy: Policy, said: Sequence[Said]) -> Terms:
    """The terms of agreement for one field: closed lists have fewer wrong values, verify mode its own catch rate."""
    spec = spec_of(session, document)
    field = field_spec(spec, verdict.field)
    choices = len(field.choices) + 2 if field and field.choices else None  # absent and illegible are answers too
    if verdict.kind == Kind.CHECKBOX.value:
        choices = 4
    verify = mode_of(policy, spec, verdict.field) is KeyingMode.VERIFY and not is_about_type(verdict)
    shown = [one.vote.voter for one in said if one.vote.source is Source.SHOWN]
    workspace = session.get_one(Workspace, verdict.workspace_id)
    knots = workspace.settings.get("posterior_calibration", {})
    return Terms(
        posterior=policy.posterior,
        sources=policy.sources,
        wrong_values=float(choices - 1) if choices else policy.wrong_values,
        choices=choices,
        verify=verify,
        catch_rate=catch_rate_of(session, shown, verdict.kind, policy),
        calibration=Calibration(tuple(knots.get("claimed", ())), tuple(knots.get("observed", ()))),
    )


def mode_of(policy: Policy, spec: DocumentType | None, name: str) -> KeyingMode:
    """How a field is keyed: its own policy, else the type's policy, else the document type."""
    field = field_spec(spec, name)
    return policy.field(name).mode or policy.mode or (field.mode if field else KeyingMode.BLIND)


def policy_for(session: Session, document: Document, verdict: Verdict, *, now: datetime) -> Policy:
    """The policy that governs a verdict: the document's own, or that of classification."""
    if is_about_type(verdict):
        return current_policy(session, document.workspace_id, ANY_TYPE, now=now)[1]
    return policy_of(session, document, now=now)


def people_asked(session: Session, verdict: Verdict) -> set[str]:
    """Ids of those who answered or skipped the verdict."""
    rows = session.exec(
        select(Answer.user_id)
        .join(Task, col(Task.id) == col(Answer.task_id))
        .where(
            Task.verdict_id == verdict.id,
            col(Task.purpose).in_(COUNTED),
            col(Answer.undone_at).is_(None),
        )
    ).all()
    return set(rows)


def _agree(session: Session, verdict: Verdict, decision: Decision, said: Sequence[Said], now: datetime) -> None:
    agreeing = [one for one in said if one.vote.token == decision.token]
    spelling = best_spelled(agreeing)
    place = next((one for one in agreeing if one.box is not None), spelling)
    advance(
        session,
        verdict,
        VerdictState.AGREED,
        actor="system:aggregate",
        now=now,
        value_state=spelling.value_state,
        value=spelling.value,
        page=place.page,
        box=place.box,
        posterior=decision.posterior,
        decided_by="people",
        decided_at=now,
    )
    if queue_rows.is_anything_left(session, verdict.id):
        queue_rows.withdraw_open(session, verdict_id=verdict.id, why="agreed", actor="system:aggregate", now=now)
        queue_rows.withdraw_returned(session, verdict_id=verdict.id, actor="system:aggregate", now=now)


def best_spelled(said: Sequence[Said]) -> Said:
    """Of equal answers the one whose spelling is kept."""
    return said[best_spelling([(one.vote, one.value) for one in said])]


def adopt(session: Session, verdict: Verdict, audit: Audit, *, now: datetime) -> None:
    """An audit came to its gold before the field was decided: two blind people, or a reviewer, have decided it."""
    reviewer = session.exec(
        select(Review.decided_by).where(Review.audit_id == audit.id, col(Review.decided_by).is_not(None))
    ).first()
    said = {"value_state": audit.gold_state, "value": audit.gold, "posterior": None, "decided_at": now}
    by = f"reviewer:{reviewer}" if reviewer else "people"
    actor = "system:audit"
    advance(session, verdict, VerdictState.FINAL, actor=actor, now=now, why="audited", decided_by=by, **said)
    queue_rows.withdraw_open(session, verdict_id=verdict.id, why="audited", actor=actor, now=now)
    queue_rows.withdraw_reviews(session, verdict_id=verdict.id, why="audited", actor=actor, now=now)
