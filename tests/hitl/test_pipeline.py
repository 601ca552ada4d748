"""The main line of a document, step by step, with real pages and a real database."""

from __future__ import annotations

import io
from datetime import datetime

import pytest
from PIL import Image, ImageDraw
from sqlalchemy import text
from sqlmodel import Session, select

from extractor.page.triage import EmptyFile, NotADocument
from hitl import pipeline
from hitl.intake import pages
from hitl.intake import receive as intake
from hitl.platform import db
from hitl.workspace import workspaces
from models.states import DocumentState
from models.tables import Document, Event, FieldReading
from tests import factories


def a_scan(*lines: str, size: tuple[int, int] = (850, 1100)) -> bytes:
    """A page image with a few printed lines, as PNG."""
    image = Image.new("L", size, "white")
    pen = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        pen.text((80, 80 + 60 * number), line, fill="black", font_size=32)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def jobs(session: Session) -> list[tuple[str, dict]]:
    rows = session.execute(text("SELECT task_name, args FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id"))
    return [(name, arguments) for name, arguments in rows]


def receive(session: Session, data: bytes, now: datetime, **given) -> Document:
    workspace = workspaces.ensure_default_workspace(session, now)
    document, _ = intake.receive(
        session, workspace_id=workspace.id, data=data, filename="a.png", actor="usr_test", now=now, **given
    )
    session.commit()
    return document


def test_an_upload_stores_bytes_document_event_and_job_together(session: Session, now: datetime):
    document = receive(session, a_scan("Hello"), now)
    assert document.state == DocumentState.RECEIVED
    assert jobs(session) == [("render", {"document_id": document.id})]
    assert session.exec(select(Event.action).where(Event.stream == document.id)).all() == ["document.received"]


def test_an_upload_that_is_rolled_back_leaves_no_document_and_no_job(session: Session, now: datetime):
    workspace = workspaces.ensure_default_workspace(session, now)
    session.commit()
    intake.receive(session, workspace_id=workspace.id, data=a_scan("x"), filename="a.png", actor="me", now=now)
    session.rollback()
    assert session.exec(select(Document)).all() == []
    assert jobs(session) == []


@pytest.mark.parametrize(("data", "refusal"), [(b"", EmptyFile), (b"MZ\x90 program", NotADocument)])
def test_a_bad_upload_is_refused_before_anything_is_stored(session: Session, now: datetime, data: bytes, refusal):
    with pytest.raises(refusal):
        receive(session, data, now)
    assert session.exec(select(Document)).all() == []


def test_the_same_bytes_and_external_id_are_the_same_document(session: Session, now: datetime):
    data = a_scan("once")
    first = receive(session, data, now, external_id="42")
    second = receive(session, data, now, external_id="42")
    other = receive(session, data, now, external_id="43")
    assert first.id == second.id != other.id


def test_a_scan_goes_through_every_step(session: Session, now: datetime):
    document = receive(session, a_scan("Invoice 4711", "Total 12.50"), now)

    pipeline.render(document.id)
    session.refresh(document)
    assert (document.state, document.page_count, document.pages_left) == (DocumentState.RENDERED, 1, 1)
    assert document.group_id.startswith("p-")
    assert ("read_page", {"document_id": document.id, "number": 1}) in jobs(session)

    pipeline.read_page(document.id, 1)
    session.refresh(document)
    assert document.pages_left == 0
    page = pages.load_words(pages.page_rows(session, document.id)[0])
    assert "4711" in page.text
    assert ("recognise", {"document_id": document.id}) in jobs(session)

    pipeline.recognise(document.id)
    session.expire_all()
    assert document.state in (DocumentState.AWAITING_TYPE, DocumentState.IN_REVIEW)


def test_every_job_is_harmless_the_second_time(session: Session, now: datetime):
    document = receive(session, a_scan("Total 12.50"), now, document_type="receipt")
    for step in (pipeline.render, lambda i: pipeline.read_page(i, 1), pipeline.recognise):
        step(document.id)
        before = snapshot(session, document.id)
        step(document.id)
        assert snapshot(session, document.id) == before
    assert document.state in (DocumentState.READ, DocumentState.IN_REVIEW)


def snapshot(session: Session, document_id: str) -> tuple:
    session.rollback()
    session.expire_all()
    document = session.get_one(Document, document_id)
    readings = session.exec(select(FieldReading.id).where(FieldReading.document_id == document_id)).all()
    events = session.exec(select(Event.action).where(Event.stream == document_id)).all()
    return document.state, document.pages_left, sorted(readings), len(events), jobs(session)


def test_a_damaged_file_is_refused_with_its_reason(session: Session, now: datetime):
    broken = b"%PDF-1.4\n" + b"garbage " * 100 + b"\n%%EOF\n"
    document = receive(session, broken, now)
    pipeline.render(document.id)
    session.refresh(document)
    assert document.state == DocumentState.REFUSED
    assert document.problem is not None
    assert set(document.problem) == {"code", "message", "next_step"}


def test_the_same_picture_in_another_file_is_in_the_same_group_and_fold(session: Session, now: datetime):
    scan = a_scan("Invoice 4711", "Total 12.50")
    buffer = io.BytesIO()
    Image.open(io.BytesIO(scan)).save(buffer, "TIFF")
    one, two = receive(session, scan, now), receive(session, buffer.getvalue(), now)
    other = receive(session, a_scan("Lease agreement", "between the parties", "of the first part"), now)
    for document in (one, two, other):
        pipeline.render(document.id)
        session.refresh(document)
    assert (one.group_id, one.fold) == (two.group_id, two.fold)
    assert other.group_id != one.group_id


def test_a_cancelled_document_stays_cancelled(session: Session, now: datetime):
    from hitl.release import documents

    document = receive(session, a_scan("x"), now)
    documents.cancel(session, document, actor="usr_test", now=now)
    session.commit()
    pipeline.render(document.id)
    session.refresh(document)
    assert document.state == DocumentState.CANCELLED


def test_the_database_fixture_is_empty_each_time(database: str):
    with db.transaction() as session:
        assert session.exec(select(Document)).all() == []
    assert factories.NOW.tzinfo is not None
