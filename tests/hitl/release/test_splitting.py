"""Files of several documents: noticed, held, cut in one transaction, and erased with what was made of them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, select

from hitl import housekeeping, pipeline
from hitl.annotation.blocked import blocked
from hitl.intake import receive as intake
from hitl.platform.blobs import blobs
from hitl.release import documents, splitting
from hitl.release.documents import NotNow
from hitl.release.splitting import CutsImpossible
from hitl.workspace import workspaces
from models.states import DocumentState
from models.tables import Document, Workspace
from tests import factories
from tests.extractor.splitting.stacked import document as made
from tests.extractor.splitting.stacked import page_counts, stack
from tests.hitl.test_pipeline import jobs

D = DocumentState


def read(session: Session, now: datetime, files: list[bytes]) -> Document:
    """A file of these documents, as far as its words."""
    workspace = workspaces.ensure_default_workspace(session, now)
    document, _ = intake.receive(
        session, workspace_id=workspace.id, data=stack(files), filename="stack.pdf", actor="usr_test", now=now
    )
    session.commit()
    pipeline.render(document.id)
    session.expire_all()
    for number in range(1, (document.page_count or 0) + 1):
        pipeline.read_page(document.id, number)
    pipeline.recognise(document.id)
    session.expire_all()
    return document


def parts_of(session: Session, document: Document) -> list[Document]:
    return list(session.exec(select(Document).where(Document.parent_id == document.id).order_by(Document.part)).all())


def test_a_stack_becomes_its_documents_once(session: Session, now: datetime):
    files = [made("trade_invoice", seed, f"seller {seed}") for seed in (1, 2, 3)]
    document = read(session, now, files)
    assert document.state == D.AWAITING_SPLIT
    if not document.split["answer"]:
        starts = [1 + sum(page_counts(files)[:k]) for k in (1, 2)]
        splitting.answer(session, document, starts, actor="usr_test", now=now)
        session.commit()
    assert ("split", {"document_id": document.id}) in jobs(session)
    pipeline.split(document.id)
    pipeline.split(document.id)
    session.expire_all()
    parts = parts_of(session, document)
    assert document.state == D.SPLIT
    assert [part.part for part in parts] == [1, 2, 3]
    assert {(part.group_id, part.fold, part.state) for part in parts} == {
        (document.group_id, document.fold, D.RENDERED)
    }
    assert [len(blobs().get(f"{p.workspace_id}/{p.sha256}")) for p in parts] == [part.bytes for part in parts]
    pipeline.recognise(parts[1].id)
    session.expire_all()
    assert parts[1].state in (D.IN_REVIEW, D.AWAITING_TYPE)
    with pytest.raises(NotNow):
        splitting.answer(session, parts[1], [], actor="usr_test", now=now)
    documents.erase(session, document, actor="usr_test", now=now)
    assert {part.state for part in parts_of(session, document)} == {D.ERASED}


def test_impossible_cuts_are_refused_and_one_document_goes_on(session: Session, now: datetime):
    document = read(session, now, [made("trade_invoice", 1), made("nda", 2)])
    if document.state != D.AWAITING_SPLIT:
        pytest.skip("the machine took it as one")
    document.split = document.split | {"answer": None}
    for cuts in ([1], [0], [2, 2], [(document.page_count or 0) + 1]):
        with pytest.raises(CutsImpossible):
            splitting.answer(session, document, cuts, actor="usr_test", now=now)
    splitting.answer(session, document, [], actor="usr_test", now=now)
    session.commit()
    pipeline.recognise(document.id)
    session.expire_all()
    assert document.state in (D.IN_REVIEW, D.AWAITING_TYPE)
    assert parts_of(session, document) == []


def test_a_file_that_waits_for_cuts_is_shown_as_blocked_until_somebody_says(
    session: Session, workspace: Workspace, now: datetime
):
    undecided = {"guess": None, "answer": None, "by": splitting.MACHINE}
    document = factories.create_document(
        session,
        workspace,
        state=D.AWAITING_SPLIT.value,
        page_count=3,
        split=undecided,
        created_at=now - timedelta(days=1),
    )
    assert [one.cause for one in blocked(session, workspace.id)] == ["several"]
    silence = timedelta(minutes=10)
    assert housekeeping.enqueue_lost_steps(session, now=now, silence=silence) == 0  # nothing is lost: people are asked
    document.split = undecided | {"answer": [2]}
    session.flush()
    assert blocked(session, workspace.id) == []
    assert housekeeping.enqueue_lost_steps(session, now=now, silence=silence) == 1  # its job is gone, and comes again
