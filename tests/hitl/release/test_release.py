"""Releases: once, with exceptions, told to webhooks in the same transaction; corrections and what teaches what."""

from __future__ import annotations

import pytest
from sqlmodel import Session, select

from hitl.annotation.recalibration import audited_decisions
from hitl.release.payload import payload
from hitl.release.release import NoSuchField, NotReleased, amend, correct, release_if_ready
from hitl.workspace.policy import AuditRates
from models.doctype import Check, DocumentType, FieldSpec, Kind
from models.states import DocumentState, Role
from models.tables import Audit, Correction, Document, Example, Release, User, Webhook, WebhookDelivery, Workspace
from tests.factories import NOW, save
from tests.hitl.crowd import create_people, create_read_document, review_all, set_policy, start, verdict, work_off

TRUTH = {"vendor": "ACME LTD", "date": "2026-01-31", "total": "12.50"}


@pytest.fixture
def people(session: Session, workspace: Workspace) -> list[User]:
    set_policy(session, workspace)
    return create_people(session, workspace, 3)


@pytest.fixture
def released(session: Session, workspace: Workspace, people: list[User]) -> Document:
    save(
        session,
        Webhook(workspace_id=workspace.id, url="https://x.test/h", secret="whsec_c2VjcmV0", events=[], created_at=NOW),
    )
    document = create_read_document(session, workspace)
    start(session, document)
    work_off(session, people[0], TRUTH)
    return document


def test_a_release_is_told_once(session: Session, released: Document):
    assert release_if_ready(session, released, now=NOW) is None
    release = session.exec(select(Release)).one()
    told = session.exec(select(WebhookDelivery).where(WebhookDelivery.event_type == "document.released")).one()
    assert (told.event_type, told.event_key) == ("document.released", release.id)
    assert told.payload["data"]["fields"]["total"]["value"] == "12.50"
    assert released.released_at == release.created_at


def test_before_the_decision_a_field_shows_the_reading_as_pending(
    session: Session, workspace: Workspace, people: list[User]
):
    document = create_read_document(session, workspace, {"total": ("12.50", 0.7)})
    assert payload(session, document)["total"]["verdict"] == "pending"
    start(session, document)
    fields = payload(session, document)
    assert (fields["total"]["value"], fields["total"]["verdict"]) == ("12.50", "pending")
    assert (fields["vendor"]["state"], fields["vendor"]["value"]) == ("not_found", None)


def test_a_held_document_is_not_released(session: Session, workspace: Workspace, people: list[User]):
    document = create_read_document(session, workspace)
    start(session, document)
    document.held_reason = "check the stamp"
    work_off(session, people[0], TRUTH)
    assert document.state == DocumentState.IN_REVIEW
    document.held_reason = None
    work_off(session, people[0], TRUTH)
    assert document.state == DocumentState.RELEASED


def test_a_failed_sum_is_released_as_an_exception(session: Session, workspace: Workspace, people: list[User]):
    fields = tuple(FieldSpec(name=name, kind=Kind.MONEY) for name in ("net", "tax", "total"))
    spec = DocumentType(
        name="bill", label="Bill", fields=fields, checks=(Check(kind="sum", fields=("net", "tax", "total")),)
    )
    read = {"net": ("10.00", 0.9), "tax": ("2.00", 0.9), "total": ("12.50", 0.9)}
    document = create_read_document(session, workspace, read, spec)
    set_policy(session, workspace, "bill")
    start(session, document)
    assert [r["rule"] for r in verdict(session, document, "net").reasons] == ["warm-up", "failed_check"]
    work_off(session, people[0], {"net": "10.00", "tax": "2.00", "total": "12.50"})
    assert document.state == DocumentState.RELEASED
    assert [(e["code"], e["fields"]) for e in document.exceptions] == [("sum", ["net", "tax", "total"])]


@pytest.mark.parametrize(("by", "decider"), [("key_1", "client"), ("usr_1", "operator")])
def test_a_client_corrects_and_it_is_learnt(session: Session, released: Document, by: str, decider: str):
    correct(session, released, "total", "found", "$72.50", "typo", by, now=NOW)
    assert released.state == DocumentState.AMENDED
    assert session.exec(select(Correction)).one().value == "72.50"
    total = verdict(session, released, "total")
    assert (total.value, total.first_value, total.decided_by) == ("72.50", "12.50", decider)
    sources = {e.source: (e.value, e.independent) for e in session.exec(select(Example)) if e.field == "total"}
    assert sources == {"review": ("12.50", False), "correction": ("72.50", False)}
    told = {delivery.event_type for delivery in session.exec(select(WebhookDelivery))}
    assert told == {"document.needs_people", "document.released", "document.amended"}


def test_what_cannot_be_corrected(session: Session, workspace: Workspace, released: Document):
    with pytest.raises(NoSuchField):
        correct(session, released, "colour", "found", "red", "", "key_1", now=NOW)
    with pytest.raises(ValueError, match="cannot be read as money"):
        correct(session, released, "total", "found", "twelve", "", "key_1", now=NOW)
    fresh = create_read_document(session, workspace)
    start(session, fresh)
    with pytest.raises(NotReleased):
        amend(session, fresh, {"total": ("found", "1.00")}, reason="correction", actor="me", now=NOW)


def test_one_operator_is_enough_and_the_release_says_so(session: Session, workspace: Workspace, people: list[User]):
    set_policy(session, workspace, single_operator=True, audit_rate=AuditRates(accept=1, review=1))
    document = create_read_document(session, workspace, {"total": ("12.50", 0.3), "date": ("2026-01-31", 0.99)})
    start(session, document)
    assert work_off(session, people[0], TRUTH | {"total": "72.50"}) == 2
    assert document.state == DocumentState.RELEASED
    release = session.exec(select(Release)).one()
    assert release.certified["mode"] == "single_operator"
    assert release.certified["certified"] is False
    assert release.payload["fields"]["total"]["value"] == "72.50"
    assert not any(e.independent for e in session.exec(select(Example)))


def test_what_posteriors_claimed_is_kept_through_an_amendment(
    session: Session, workspace: Workspace, people: list[User]
):
    rates = AuditRates(accept=1, review=1, elsewhere=1)
    set_policy(session, workspace, audit_rate=rates, second_keyer="all")
    document = create_read_document(session, workspace)
    start(session, document)
    work_off(session, people[0], TRUTH)
    work_off(session, people[1], TRUTH | {"total": "72.50"})
    reviewer = create_people(session, workspace, 1, Role.REVIEWER)[0]
    review_all(session, reviewer, TRUTH | {"total": "72.50"})
    assert document.state == DocumentState.AMENDED
    decisions = audited_decisions(session, workspace.id)
    assert sorted((right, weight) for _, right, weight in decisions) == [(False, 1.0), (True, 1.0), (True, 1.0)]
    assert all(claimed > 0.999 for claimed, _, _ in decisions)
    for audit in session.exec(select(Audit)).all():
        audit.second_probability = 0.25 if audit.gold != "72.50" else None
    assert [(right, weight) for _, right, weight in audited_decisions(session, workspace.id)] == [(True, 4.0)] * 2
