"""An e-invoice that came alone is a document that people see, and nothing of it proves, teaches or is checked."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlmodel import Session, select

from extractor.page.triage import NotADocument
from fixtures import einvoices
from hitl import pipeline
from hitl.certificate import sight
from hitl.certificate.evidence import is_evidence
from hitl.intake import pages
from hitl.intake import receive as intake
from hitl.learning.examples import write_examples
from hitl.platform.blobs import blobs
from hitl.release import documents
from hitl.workspace import workspaces
from hitl.workspace.policy import ANY_TYPE, AuditRates, Policy, save_policy
from models.states import DocumentState, Fold, Role
from models.tables import Audit, Blob, Document, Example, FieldReading, Observation, Verdict, Workspace
from tests import factories
from tests.hitl.crowd import create_people, review_all, work_off
from tests.hitl.test_pipeline import a_scan, jobs, receive

SAYS = {
    "number": "RB-2031-77", "issue_date": "2025-03-04", "due_date": "2025-04-03", "seller": "Molen Foods BV",
    "buyer": "Kade & Zonen", "currency": "EUR", "net": "130.50", "tax": "24.80", "total": "155.30",
    "iban": "DE89370400440532013000", "line_items": [],
}  # fmt: skip
ALWAYS = AuditRates(accept=1, review=1, fresh=1, elsewhere=1)


def read(session: Session, now: datetime, **given: object) -> Document:
    document = receive(session, einvoices.cii(SAYS), now, document_type="invoice", **given)
    pipeline.render(document.id)
    pipeline.recognise(document.id)
    session.rollback()
    session.expire_all()
    return session.get_one(Document, document.id)


def everything_is_audited(session: Session, now: datetime) -> Workspace:
    workspace = workspaces.ensure_default_workspace(session, now)
    for name in ("invoice", ANY_TYPE):
        save_policy(session, workspace.id, name, Policy(audit_rate=ALWAYS), actor="test", now=now)
    session.commit()
    return workspace


def test_its_pages_are_made_and_nobody_reads_them_from_their_picture(session: Session, now: datetime):
    document = receive(session, einvoices.cii(SAYS), now)
    pipeline.render(document.id)
    session.refresh(document)
    assert (document.state, document.page_count, document.pages_left) == (DocumentState.RENDERED, 1, 0)
    assert [name for name, _ in jobs(session)] == ["render", "recognise"]
    [row] = pages.page_rows(session, document.id)
    assert row.read_at is not None
    assert "Molen Foods BV" in pages.load_words(row).text
    assert blobs().get(row.image_key).startswith(b"\x89PNG")
    before = jobs(session)
    pipeline.render(document.id)  # again harmless
    assert jobs(session) == before


def test_it_is_a_pool_of_its_own(session: Session, now: datetime):
    one, other = read(session, now), receive(session, einvoices.cii(SAYS | {"number": "RB-2031-78"}), now)
    pipeline.render(other.id)
    session.refresh(other)
    assert one.group_id == f"d-{one.sha256}" != other.group_id
    assert one.perceptual_hash is None


@pytest.mark.parametrize("fold", list(Fold))
def test_no_audit_no_certificate_and_no_example_comes_of_it(session: Session, now: datetime, fold: Fold):
    workspace = everything_is_audited(session, now)
    people = create_people(session, workspace, 2)
    reviewer = create_people(session, workspace, 1, Role.REVIEWER)[0]
    document = read(session, now)
    document.fold = fold.value
    session.add(document)
    session.commit()
    assert document.problems[0].startswith("made_from_data")
    verdicts = session.exec(select(Verdict).where(Verdict.document_id == document.id)).all()
    routed = [v for v in verdicts if v.field != "document_type"]
    assert routed
    assert all("made_from_data" in {reason["rule"] for reason in v.reasons} for v in routed)
    assert session.exec(select(Audit)).all() == []
    said = {r.field: r.value if r.value is not None else ".absent" for r in session.exec(select(FieldReading)).all()}
    for person in people:
        work_off(session, person, said)
    review_all(session, reviewer, said)
    session.flush()
    assert document.state == DocumentState.RELEASED
    assert write_examples(session, document, now=now) == 0
    assert session.exec(select(Example)).all() == []
    assert session.exec(select(Observation)).all() == []
    assert not is_evidence(session, document)
    model = factories.create_model(session, workspace, created_at=datetime(2020, 1, 1, tzinfo=now.tzinfo))
    assert list(sight.seen(session, workspace.id, model, [document.id])) == []


def test_read_again_with_its_pages_it_keeps_the_words_that_were_made(session: Session, now: datetime):
    document = read(session, now)
    documents.reprocess(session, document, pages=True, actor="usr", now=now)
    session.commit()
    assert document.pages_left == 0
    pipeline.recognise(document.id)
    session.rollback()
    session.expire_all()
    assert session.get_one(Document, document.id).state == DocumentState.IN_REVIEW


def test_xml_that_is_no_e_invoice_is_refused_at_once(session: Session, now: datetime):
    for data in (
        b"<?xml version='1.0'?><note/>",
        b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><Invoice>&b;</Invoice>",
    ):
        with pytest.raises(NotADocument, match="no e-invoice that is known"):
            receive(session, data, now)
    assert session.exec(select(Document)).all() == []


def test_an_e_invoice_beside_a_scan_is_compared_with_its_print_and_goes_with_it(session: Session, now: datetime):
    xml, scan = einvoices.cii(SAYS), a_scan("Invoice RB-2031-77", "Total 155.30")
    document = receive(session, scan, now, document_type="invoice", beside=("bill.xml", xml))
    assert not document.made_from_data
    pipeline.render(document.id)
    pipeline.read_page(document.id, 1)
    pipeline.recognise(document.id)
    session.rollback()
    session.expire_all()
    readings = session.exec(select(FieldReading).where(FieldReading.document_id == document.id)).all()
    notes = [note for r in readings for note in r.provenance.get("stated", [])]
    assert {(note["source"], note["origin"]) for note in notes} == {("xml", "bill.xml")}
    key = (document.beside or {})["key"]
    documents.erase(session, session.get_one(Document, document.id), actor="usr", now=now)
    session.commit()
    assert session.get_one(Document, document.id).beside is None
    assert session.exec(select(Blob).where(Blob.key == key)).all() == []


def test_what_is_beside_must_be_an_e_invoice_and_comes_with_the_first_upload(session: Session, now: datetime):
    with pytest.raises(NotADocument, match="beside"):
        intake.inspect_beside(("a.png", a_scan("x")))
    scan, xml = a_scan("Invoice"), einvoices.ubl(SAYS)
    first = receive(session, scan, now, external_id="1", beside=("b.xml", xml))
    assert receive(session, scan, now, external_id="1", beside=("b.xml", xml)).id == first.id
    assert receive(session, scan, now, external_id="1").id == first.id
    with pytest.raises(intake.HereWithoutIt):
        receive(session, scan, now, external_id="1", beside=("b.xml", einvoices.cii(SAYS)))
