"""A certificate that went on from where it stopped says what one counted from the beginning says, to the last digit."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session, col, func, select

from hitl import housekeeping
from hitl.certificate import steps
from hitl.certificate.certify import refresh
from hitl.certificate.observations import write_observations
from hitl.platform.jobs import enqueue_once
from hitl.release.documents import cancel, erase, hold
from hitl.workspace.policy import ANY_TYPE, AuditRates, FieldPolicy, Policy, current_policy, save_policy
from models.doctype import Kind
from models.states import IN_WORK, DocumentState, Fold, ModelState, Route
from models.tables import Audit, Certificate, CertificateStep, Document, Evidence, EvidenceMark, Verdict, Workspace
from tests.factories import NOW, a_type, create_audit, create_document, create_model, create_reading, create_type
from tests.factories import create_verdict as a_verdict

RATES = AuditRates(accept=0.5, review=0.5, fresh=0.0)
FIELDS = ("total", "net")
REPORTED = ("threshold", "documents", "audits_needed", "suspended_reason", "report")


class Life:
    """What may befall documents, drawn by `rng`."""

    def __init__(self, session: Session, workspace: Workspace, seed: int) -> None:
        self.session, self.workspace, self.rng, self.minutes = session, workspace, random.Random(seed), 0
        policy = Policy(audit_rate=RATES, error_target=0.2, fields={"net": FieldPolicy(error_target=0.25)})
        save_policy(session, workspace.id, "receipt", policy, actor="test", now=NOW)
        save_policy(session, workspace.id, ANY_TYPE, Policy(audit_rate=RATES), actor="test", now=NOW)
        create_type(session, workspace, a_type("receipt", total=Kind.MONEY, net=Kind.MONEY))
        self.model = create_model(session, workspace)
        self.documents: list[Document] = []

    def now(self) -> Any:
        self.minutes += 1
        return NOW + timedelta(minutes=self.minutes)

    def some(self) -> Document | None:
        kept = [d for d in self.documents if d.state != DocumentState.ERASED]
        return self.rng.choice(kept[-12:] if self.rng.random() < 0.8 else kept) if kept else None

    def happens(self) -> None:
        deeds = [
            self.comes,
            self.comes,
            self.comes,
            self.is_released,
            self.is_released,
            self.is_audited,
            self.is_audited,
        ]
        deeds += [self.is_cancelled, self.is_held, self.is_erased, self.is_regrouped, self.is_corrected]
        self.rng.choice(deeds)()
        self.session.flush()

    def comes(self) -> None:
        at, rng = self.now(), self.rng
        document = create_document(
            self.session, self.workspace, fold=rng.choice([Fold.CERTIFY.value, Fold.CERTIFY.value, Fold.TRAIN.value]),
            state=DocumentState.IN_REVIEW.value, created_at=at, model_version_id=self.model.id,
            policy_version_id=current_policy(self.session, self.workspace.id, "receipt", now=NOW)[0].id,
        )  # fmt: skip
        a_verdict(self.session, document, "document_type", created_at=at, audit_probability=0.5)
        for name in FIELDS:
            reading = create_reading(
                self.session, document, name, confidence=round(rng.betavariate(9, 1), 6), model_version_id=self.model.id
            )
            route = rng.choice([Route.ACCEPT, Route.REVIEW]).value
            row = a_verdict(self.session, document, name, reading, created_at=at, route=route, audit_probability=0.5)
            if rng.random() < 0.5:
                create_audit(self.session, row, state="pending", gold_state=None, gold=None, probability=0.5)
        self.documents.append(document)

    def is_released(self) -> None:
        if (document := self.some()) is None or document.state != DocumentState.IN_REVIEW:
            return
        for row in self.verdicts(document):
            told = {"document_type": "receipt"}.get(row.field, "12.50")
            row.first_value_state, row.first_value, row.value_state, row.value = "found", told, "found", told
            self.session.add(row)
        document.state = DocumentState.RELEASED.value
        self.session.add(document)
        write_observations(self.session, document, now=self.now(), first=True)

    def is_audited(self) -> None:
        if (document := self.some()) is None or document.state != DocumentState.RELEASED:
            return
        open_ones = select(Audit).where(Audit.document_id == document.id, Audit.state == "pending")
        for audit in self.session.exec(open_ones).all():
            audit.state, audit.gold_state = "final", "found"
            audit.gold = "12.50" if self.rng.random() < 0.97 else "99.00"
            self.session.add(audit)
        write_observations(self.session, document, now=self.now())

    def is_corrected(self) -> None:
        if (document := self.some()) is not None:
            self.session.execute(text("DELETE FROM observation WHERE document_id = :id"), {"id": document.id})

    def is_cancelled(self) -> None:
        if (document := self.some()) is not None and document.state in IN_WORK and self.rng.random() < 0.3:
            cancel(self.session, document, actor="test", now=self.now())

    def is_held(self) -> None:
        if (document := self.some()) is not None and document.state in IN_WORK and self.rng.random() < 0.3:
            hold(self.session, document, reason="stamp", actor="test", now=self.now())

    def is_erased(self) -> None:
        if (document := self.some()) is not None and self.rng.random() < 0.5:
            erase(self.session, document, actor="test", now=self.now() + timedelta(days=self.rng.choice([0, 30])))

    def is_regrouped(self) -> None:
        one, other = self.some(), self.some()
        if one is not None and other is not None and self.rng.random() < 0.3:
            one.group_id = other.group_id
            self.session.add(one)

    def verdicts(self, document: Document) -> list[Verdict]:
        return list(self.session.exec(select(Verdict).where(Verdict.document_id == document.id)).all())


def told(session: Session, workspace: Workspace) -> list[tuple[Any, ...]]:
    rows = refresh(session, workspace.id, "receipt", now=NOW)
    return [(row.pool, *(getattr(row, name) for name in REPORTED)) for row in rows]


def heads(session: Session) -> list[tuple[str, int, bytes]]:
    rows = session.exec(select(CertificateStep).order_by(col(CertificateStep.pool), col(CertificateStep.counted))).all()
    return [(row.pool, row.counted, row.state) for row in {row.pool: row for row in rows}.values()]


def forget(session: Session) -> None:
    for what in ("certificate_step", "evidence_course", "evidence WHERE NOT final"):
        session.execute(text(f"DELETE FROM {what}"))
    session.expire_all()


@pytest.mark.parametrize("seed", range(4))
def test_going_on_is_counting_from_the_beginning(
    session: Session, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, seed: int
):
    monkeypatch.setattr(steps, "FAR", 16)
    monkeypatch.setattr(steps, "NEAR", 4)
    monkeypatch.setattr(steps, "LAST", 32)
    life = Life(session, workspace, seed)
    for i in range(160):
        life.happens()
        if life.rng.random() < 0.25:
            told(session, workspace)
        if i % 40 == 39:
            gone_on = told(session, workspace), heads(session)
            forget(session)
            assert (told(session, workspace), heads(session)) == gone_on
    assert session.exec(select(func.count()).select_from(Evidence)).one() > 20
    assert gone_on[0][0][2] > 10


def test_only_what_changed_is_counted_again(session: Session, workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(steps, "NEAR", 4)
    life, counted = Life(session, workspace, 7), list[int]()
    for _ in range(40):
        life.comes()
    certifying = [d for d in life.documents if d.fold == Fold.CERTIFY.value or d.created_at > life.model.created_at]
    told(session, workspace)
    advance = steps.Course.advance

    def watched(course: steps.Course, units: Any) -> None:
        counted.append(len(units))
        advance(course, units)

    monkeypatch.setattr(steps.Course, "advance", watched)
    told(session, workspace)
    assert counted == []  # nothing new, nothing counted
    life.comes()
    told(session, workspace)
    assert sum(counted) == 2 * 1  # in either pool
    counted.clear()
    audit = session.exec(select(Audit).where(Audit.document_id == certifying[-3].id)).first()
    certifying[-3].held_reason = "stamp"
    session.add(certifying[-3])
    told(session, workspace)
    assert sum(counted) <= 2 * (3 + 4), audit
    counted.clear()
    save_policy(
        session, workspace.id, ANY_TYPE, Policy(audit_rate=AuditRates(accept=0.4, review=0.5)), actor="test", now=NOW
    )
    told(session, workspace)
    assert sum(counted) == 2 * 40  # evidence costs something else now: from the beginning


def test_a_model_that_no_longer_serves_is_not_kept_up_to_date(session: Session, workspace: Workspace):
    life = Life(session, workspace, 1)
    for _ in range(5):
        life.comes()
    told(session, workspace)
    second = create_model(session, workspace, state=ModelState.TRAINING.value)
    life.model.state = ModelState.RETIRED.value
    session.add(life.model)
    session.flush()
    second.state = ModelState.SERVING.value
    session.add(second)
    session.flush()
    told(session, workspace)
    assert set(session.exec(select(CertificateStep.model_version_id)).all()) <= {second.id}
    assert set(session.exec(select(Evidence.model_version_id)).all()) <= {second.id}
    held = session.exec(select(Certificate.model_version_id)).all()
    assert set(held) == {life.model.id, second.id}  # what was certified stays on record


def test_marks_that_nobody_heeded_are_seen_to(session: Session, workspace: Workspace):
    life = Life(session, workspace, 2)
    life.comes()
    old = {"old": NOW - timedelta(hours=2)}
    session.execute(text("UPDATE evidence_mark SET set_at = :old"), old)
    assert session.exec(select(func.count()).select_from(EvidenceMark)).one() == 1
    housekeeping.heed_old_marks(session, now=NOW)
    assert session.exec(select(EvidenceMark)).all() == []  # nobody certifies here yet
    told(session, workspace)
    life.comes()
    session.execute(text("UPDATE evidence_mark SET set_at = :old"), old)
    housekeeping.heed_old_marks(session, now=NOW)
    enqueue_once(session)
    jobs = session.execute(text("SELECT args FROM procrastinate_jobs WHERE task_name = 'certify'")).all()
    assert [job.args["document_type"] for job in jobs] == ["receipt"]
