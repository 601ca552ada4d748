"""Release: when every field is decided the client is told, once; a later finding amends, and is told again.

ReleaseError
  NotReleased       there is nothing to amend yet
  NoSuchField       the document has no such field
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, func, select

from extractor.checks import find_failures
from hitl.aggregate.equality import field_spec, same_answer
from hitl.grader import sampling as review_sampling
from hitl.intake.locales import locale_for
from hitl.learning.collect import collect
from hitl.people.keys import CLIENT
from hitl.platform import traces
from hitl.platform.locks import hold
from hitl.platform.moves import advance
from hitl.release import webhooks
from hitl.release.payload import describe_certificate, payload
from hitl.work.document import checked_fields, fields_of, is_about_type, policy_of, spec_of, verdicts_of
from hitl.work.ground_truth import is_usable
from hitl.work.queue_rows import has_document_review, withdraw_open
from hitl.work.repeats import hold_if_repeat
from hitl.work.typed import understood
from hitl.workspace.policy import Policy
from models.states import RELEASED, DocumentState, VerdictState
from models.tables import Audit, Correction, Document, Release, Verdict
from models.values import ValueState

Changes = Mapping[str, tuple[str, Any]]  # field: (value state, value)

READY = {VerdictState.AGREED.value, VerdictState.FINAL.value}
IN_HAND = {DocumentState.READ.value, DocumentState.IN_REVIEW.value}


class ReleaseError(Exception):
    """Why a result cannot be changed, as a sentence."""


class NotReleased(ReleaseError):
    """There is nothing to amend yet."""


class NoSuchField(ReleaseError):
    """The document has no such field."""


@traces.spanned
def release_if_ready(session: Session, document: Document, *, now: datetime) -> Release | None:
    """Release `document` if every verdict of its run is decided and nothing holds it; else None."""
    hold(session, document.id)
    if document.state not in IN_HAND or document.held_reason:
        return None
    verdicts = verdicts_of(session, document)
    if all(is_about_type(verdict) for verdict in verdicts):
        return None
    if any(verdict.state not in READY for verdict in verdicts) or has_document_review(session, document.id):
        return None
    if hold_if_repeat(session, document, now=now):
        return None
    policy = policy_of(session, document, now=now)
    if policy.hold_for_audit and _pending_audits(session, document):
        return None
    if review_sampling.sample_for_review(session, document, verdicts, policy, now=now):
        return None
    _finalise(session, verdicts, now)
    _apply_early_audits(session, document, now)
    exceptions = exceptions_of(session, document)
    advance(
        session,
        document,
        DocumentState.RELEASED,
        actor="system:release",
        now=now,
        released_at=now,
        exceptions=exceptions,
    )
    return _tell(session, document, policy, reason="released", now=now)


def amend(
    session: Session, document: Document, changes: Changes, *, reason: str, actor: str, now: datetime, by: str = ""
) -> Release:
    """Change released values and tell the client. `by` is what the verdict will say of who decided; default `reason`.

    Raises NotReleased, NoSuchField.
    """
    hold(session, document.id)
    if document.state not in RELEASED:
        raise NotReleased(f"Document {document.id} is {document.state}; only a released result can be amended.")
    verdicts = {verdict.field: verdict for verdict in verdicts_of(session, document)}
    if unknown := sorted(set(changes) - set(verdicts)):
        raise NoSuchField(f"Document {document.id} has no field {', '.join(unknown)}.")
    for name, (value_state, value) in changes.items():
        _change(session, verdicts[name], value_state, value, by=by or reason, actor=actor, why=reason, now=now)
    advance(
        session,
        document,
        DocumentState.AMENDED,
        actor=actor,
        now=now,
        why=reason,
        exceptions=exceptions_of(session, document),
    )
    return _tell(session, document, policy_of(session, document, now=now), reason=reason, now=now)


def correct(
    session: Session,
    document: Document,
    field: str,
    value_state: str,
    value: Any,
    note: str,
    by: str,
    *,
    now: datetime,
    meant: Any = None,
) -> Release:
    """A client, or an operator on the page, says that a released value is wrong: keep it, amend, and learn from it.

    `value` is taken as typed; `meant` says which value, where that may be several. Raises NotReleased, NoSuchField,
    Unparseable, AmbiguousValue.
    """
    verdict = next((row for row in fields_of(session, document) if row.field == field), None)
    if verdict is None:
        raise NoSuchField(f"Document {document.id} has no field {field}.")
    if value_state == ValueState.FOUND.value:
        spec = spec_of(session, document)
        its_spec = field_spec(spec, field)
        value = understood(verdict.kind, value, its_spec, locale_for(session, document, spec, its_spec), meant)
    else:
        value = None
    session.add(
        Correction(
            document_id=document.id,
            field=field,
            value_state=value_state,
            value=value,
            note=note,
            by=by,
            created_at=now,
        )
    )
    changes = {field: (value_state, value)}
    decider = "client" if by.startswith(CLIENT) else "operator"  # who signs in on the page is of the staff
    return amend(session, document, changes, reason="correction", actor=by, by=decider, now=now)


def exceptions_of(session: Session, document: Document) -> list[dict[str, Any]]:
    """What the client should look at although it is released: illegible values, rules that the values break."""
    spec = spec_of(session, document)
    verdicts = fields_of(session, document)
    found: list[dict[str, Any]] = [
        {"code": "illegible", "fields": [verdict.field], "message": f"{verdict.field} cannot be read on this scan."}
        for verdict in verdicts
        if verdict.value_state == ValueState.ILLEGIBLE.value
    ]
    if spec is not None:
        values = {v.field: v.value for v in verdicts if v.value_state == ValueState.FOUND.value}
        failures = find_failures(values, spec, document.created_at.date())
        found += [{"code": one.rule, "fields": list(one.fields), "message": str(one)} for one in failures]
    return found


def _finalise(session: Session, verdicts: list[Verdict], now: datetime) -> None:
    for verdict in verdicts:
        first = {"first_value_state": verdict.value_state, "first_value": verdict.value}
        advance(session, verdict, VerdictState.FINAL, actor="system:release", now=now, why="released", **first)
        withdraw_open(session, verdict_id=verdict.id, why="released", actor="system:release", now=now)


def _apply_early_audits(session: Session, document: Document, now: datetime) -> None:
    """An audit that was done before the release corrects it; the loss is still counted on the first value."""
    for audit, verdict in checked_fields(session, document, document.run):
        gold = (audit.gold_state, audit.gold)
        if not is_usable(audit):
            continue
        if not same_answer(verdict.kind, gold, (verdict.value_state, verdict.value)):
            _change(session, verdict, gold[0] or "", gold[1], by="audit", actor="system:release", why="audit", now=now)
        elif verdict.decided_by == "machine" and verdict.value != audit.gold:
            why = "spelled as people typed it"
            advance(session, verdict, VerdictState.FINAL, actor="system:release", now=now, why=why, value=audit.gold)


def _change(
    session: Session, verdict: Verdict, value_state: str, value: Any, *, by: str, actor: str, why: str, now: datetime
) -> None:
    was = {"posterior": verdict.posterior, "decided_by": verdict.decided_by}
    reasons = [*verdict.reasons, {"rule": "amended", "text": f"Changed by a later finding: {why}.", "numbers": was}]
    changes = {"value_state": value_state, "value": value, "decided_by": by, "decided_at": now, "posterior": None}
    advance(
        session,
        verdict,
        VerdictState.FINAL,
        actor=actor,
        now=now,
        why=why,
        page=None,
        box=None,
        reasons=reasons,
        **changes,
    )


def _pending_audits(session: Session, document: Document) -> bool:
    pending = (
        select(Audit.id)
        .join(Verdict, col(Verdict.id) == col(Audit.verdict_id))
        .where(Audit.document_id == document.id, Verdict.run == document.run, Audit.state != VerdictState.FINAL.value)
    )
    return session.exec(pending).first() is not None


def _tell(session: Session, document: Document, policy: Policy, *, reason: str, now: datetime) -> Release:
    collect(session, document, now=now, first=reason == "released")
    number = session.exec(select(func.max(Release.number)).where(Release.document_id == document.id)).one() or 0
    release = Release(
        document_id=document.id,
        number=number + 1,
        payload={
            "document_type": document.document_type,
            "document_type_confidence": document.document_type_confidence,
            "fields": payload(session, document),
            "exceptions": document.exceptions,
        },
        reason=reason,
        certified=describe_certificate(session, document, policy),
        created_at=now,
    )
    session.add(release)
    session.flush()
    webhooks.notify(
        session,
        document,
        event=f"document.{document.state}",
        payload={
            "document_id": document.id,
            "external_id": document.external_id,
            "state": document.state,
            "release": release.number,
            "reason": reason,
            "certified": release.certified,
            **(release.payload or {}),
        },
        event_key=release.id,
        now=now,
    )
    return release
