"""What may be done with a document from outside its main line, and what stays of one that was erased."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlmodel import Session, col, select

from hitl import housekeeping, pipeline
from hitl.intake import receive as intake
from hitl.learning import snapshots
from hitl.platform.blobs import BlobMissing, blobs
from hitl.platform.moves import verify_chain
from hitl.release import documents
from hitl.workspace import workspaces
from models.states import DocumentState, TaskState
from models.tables import (
    Blob,
    Document,
    DocumentPage,
    DocumentTypeVersion,
    Event,
    Example,
    FieldReading,
    IdempotencyKey,
    Observation,
    Snapshot,
    Task,
    Verdict,
    Workspace,
)
from tests.faults.running import a_pdf

D = DocumentState


@pytest.fixture
def place(session: Session, now: datetime) -> Workspace:
    workspace = workspaces.ensure_default_workspace(session, now)
    session.commit()
    return workspace


def receive(session: Session, workspace: Workspace, now: datetime, data: bytes | None = None, **given) -> Document:
    document, _ = intake.receive(
        session, workspace_id=workspace.id, data=data or a_pdf("Total 12.50"), filename="a.pdf", actor="usr",
        now=now, **given,
    )  # fmt: skip
    session.commit()
    return document


def process(session: Session, document: Document) -> None:
    """All steps up to the people."""
    if document.state == D.RECEIVED:
        pipeline.render(document.id)
    for number in session.exec(select(DocumentPage.number).where(DocumentPage.document_id == document.id)).all():
        pipeline.read_page(document.id, number)
    pipeline.recognise(document.id)
    session.rollback()
    session.expire_all()


def open_tasks(session: Session, document: Document) -> int:
    waiting = [TaskState.OPEN.value, TaskState.LEASED.value]
    tasks = select(Task.id).where(Task.document_id == document.id, col(Task.state).in_(waiting))
    return len(session.exec(tasks).all())


def waiting_jobs(session: Session, document: Document) -> list[str]:
    query = text("SELECT task_name FROM procrastinate_jobs WHERE status = 'todo' AND args->>'document_id' = :id")
    return sorted(session.execute(query, {"id": document.id}).scalars())


def test_cancel_withdraws_the_work(session: Session, place: Workspace, now: datetime):
    document = receive(session, place, now, document_type="receipt")
    process(session, document)
    assert open_tasks(session, document) > 0
    documents.cancel(session, document, actor="usr", now=now)
    session.commit()
    assert document.state == D.CANCELLED
    assert open_tasks(session, document) == 0
    with pytest.raises(documents.NotNow):
        documents.cancel(session, document, actor="usr", now=now)


def test_retyping_reads_the_document_as_the_new_type(session: Session, place: Workspace, now: datetime):
    document = receive(session, place, now, document_type="receipt")
    process(session, document)
    before = open_tasks(session, document)
    documents.retype(session, document, "nda", actor="usr", now=now)
    session.commit()
    assert (document.state, document.run) == (D.RENDERED, 2)
    assert before > 0 == open_tasks(session, document)
    process(session, document)
    assert (document.state, document.document_type) == (D.IN_REVIEW, "nda")
    assert {v.field for v in verdicts(session, document)} >= {"document_type"}
    assert open_tasks(session, document) > 0


def verdicts(session: Session, document: Document) -> list[Verdict]:
    wanted = select(Verdict).where(Verdict.document_id == document.id, Verdict.run == document.run)
    return list(session.exec(wanted).all())


def test_a_document_whose_type_nobody_knew_goes_on_when_it_is_retyped(
    session: Session, place: Workspace, now: datetime
):
    document = receive(session, place, now, a_pdf("zzz"))
    process(session, document)
    assert document.state == D.AWAITING_TYPE
    documents.retype(session, document, "receipt", actor="usr", now=now)
    session.commit()
    process(session, document)
    assert (document.state, document.document_type) == (D.IN_REVIEW, "receipt")
    settled = {verdict.field: verdict.decided_by for verdict in verdicts(session, document)}
    assert settled["document_type"] == "client"


def test_retyping_to_what_does_not_exist_is_refused(session: Session, place: Workspace, now: datetime):
    document = receive(session, place, now)
    with pytest.raises(workspaces.NoSuchType):
        documents.retype(session, document, "no_such_type", actor="usr", now=now)


@pytest.mark.parametrize("pages", [False, True])
def test_reprocessing_is_a_new_run(session: Session, place: Workspace, now: datetime, pages: bool):
    document = receive(session, place, now, document_type="receipt")
    process(session, document)
    documents.reprocess(session, document, pages=pages, actor="usr", now=now)
    session.commit()
    assert ("read_page" if pages else "recognise") in waiting_jobs(session, document)
    process(session, document)
    assert (document.state, document.run) == (D.IN_REVIEW, 2)
    runs = session.exec(select(FieldReading.run).where(FieldReading.document_id == document.id)).all()
    assert set(runs) == {1, 2}
    assert open_tasks(session, document) > 0


def test_a_failed_document_can_be_tried_again(session: Session, place: Workspace, now: datetime):
    from hitl import failures

    document = receive(session, place, now, document_type="receipt")
    for _ in range(3):
        enough = failures.count_failure(RuntimeError("boom"), {"document_id": document.id}, now)
    assert enough
    session.expire_all()
    assert document.state == D.FAILED
    documents.retry_failed(session, document, actor="usr", now=now)
    session.commit()
    assert (document.attempts, document.problem, document.run) == (0, None, 2)
    process(session, document)
    assert document.state == D.IN_REVIEW


def test_ten_lost_workers_fail_a_document(session: Session, place: Workspace, now: datetime):
    from hitl import failures

    document = receive(session, place, now)
    ends = [failures.count_lost_worker(session, document.id, now) for _ in range(10)]
    assert ends == [False] * 9 + [True]
    assert document.problem is not None
    assert (document.state, document.problem["code"], document.attempts) == (D.FAILED, "workers_lost", 0)


def test_a_held_document_is_noted_and_let_go(session: Session, place: Workspace, now: datetime):
    document = receive(session, place, now, document_type="receipt")
    process(session, document)
    documents.hold(session, document, reason="check the stamp", actor="usr", now=now)
    assert document.held_reason == "check the stamp"
    documents.unhold(session, document, actor="usr", now=now)
    session.commit()
    assert document.held_reason is None
    actions = session.exec(select(Event.action).where(Event.stream == document.id)).all()
    assert {"document.held", "document.let_go"} <= set(actions)


def test_erasure_leaves_a_tombstone_and_what_was_counted(session: Session, place: Workspace, now: datetime):
    document = receive(session, place, now, document_type="receipt", external_id="client-7")
    process(session, document)
    snapshot = a_snapshot_of(session, document, now)
    session.add(
        Observation(
            workspace_id=place.id, document_id=document.id, verdict_id="ver_1", document_type="receipt", field="total",
            route="accept", score=0.9, machine_wrong=False, released_wrong=False, probability=0.1, created_at=now,
        )
    )  # fmt: skip
    session.commit()
    keys = session.exec(select(Blob.key).where(Blob.document_id == document.id)).all()

    documents.erase(session, document, actor="usr", now=now)
    session.commit()
    run_blob_jobs(session)

    assert (document.state, document.filename, document.external_id) == (D.ERASED, "", None)
    assert rows_with_values(session, document) == 0
    assert len(session.exec(select(Observation)).all()) == 1
    assert verify_chain(session, document.id)
    for key in keys:
        with pytest.raises(BlobMissing):
            blobs().get(key)
    session.refresh(snapshot)
    assert (snapshot.complete, snapshots.read(snapshot)) == (False, [])
    assert "Total 12.50" not in everything_in_the_database(session)


def a_snapshot_of(session: Session, document: Document, now: datetime) -> Snapshot:
    session.add(
        Example(
            workspace_id=document.workspace_id, document_id=document.id, document_type="receipt", field="total",
            kind="money", value_state="found", value="12.50", source="review", fold="train", created_at=now,
        )
    )  # fmt: skip
    session.flush()
    return snapshots.freeze(session, document.workspace_id, now=now)


def run_blob_jobs(session: Session) -> None:
    query = text("SELECT args FROM procrastinate_jobs WHERE task_name = 'delete_blobs' AND status = 'todo'")
    for arguments in session.execute(query).scalars().all():
        pipeline.delete_blobs(**arguments)
    session.rollback()


def rows_with_values(session: Session, document: Document) -> int:
    counts = [
        session.execute(
            text(f"SELECT count(*) FROM {table.__tablename__} WHERE document_id = :id"), {"id": document.id}
        ).scalar_one()
        for table in documents.HOLD_VALUES
    ]
    return sum(counts)


def everything_in_the_database(session: Session) -> str:
    tables = session.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
    rows = [session.execute(text(f'SELECT json_agg(t) FROM "{table}" t')).scalar() for table in tables]
    return json.dumps(rows, default=str)


def test_bytes_that_another_document_needs_survive_an_erasure(session: Session, place: Workspace, now: datetime):
    data = a_pdf("the same bytes")
    one, two = receive(session, place, now, data), receive(session, place, now, data)
    documents.erase(session, one, actor="usr", now=now)
    session.commit()
    run_blob_jobs(session)
    assert blobs().get(f"{place.id}/{two.sha256}") == data


def test_retention_erases_what_is_old_and_done(session: Session, place: Workspace, now: datetime):
    old, young, busy = (receive(session, place, now, a_pdf(word)) for word in ("old", "young", "busy"))
    for document in (old, young):
        documents.cancel(session, document, actor="usr", now=now)
    young.created_at = now + timedelta(days=29)
    place.retention_days = 30
    session.add_all([young, place])
    session.commit()
    assert housekeeping.erase_expired(session, now=now + timedelta(days=31)) == 1
    session.commit()
    assert (old.state, young.state, busy.state) == (D.ERASED, D.CANCELLED, D.RECEIVED)


def test_upkeep_finds_a_document_whose_job_is_gone(session: Session, place: Workspace, now: datetime):
    document = receive(session, place, now)
    silence = timedelta(minutes=10)
    later = now + timedelta(minutes=11)
    assert housekeeping.enqueue_lost_steps(session, now=later, silence=silence) == 0
    session.execute(text("DELETE FROM procrastinate_jobs"))
    assert housekeeping.enqueue_lost_steps(session, now=later, silence=silence) == 1
    assert waiting_jobs(session, document) == ["render"]


def test_upkeep_forgets_keys_after_a_week(session: Session, workspace: Workspace):
    for key, age in (("old", 8), ("young", 6)):
        created_at = datetime.now(UTC) - timedelta(days=age)
        session.add(
            IdempotencyKey(workspace_id=workspace.id, key=key, request_digest="", status=200, created_at=created_at)
        )
    session.commit()
    pipeline.upkeep()
    assert session.exec(select(IdempotencyKey.key)).all() == ["young"]


def test_every_edit_of_a_type_is_a_new_version(session: Session, place: Workspace, now: datetime):
    first, spec = workspaces.current_type(session, place.id, "receipt")
    same = workspaces.save_type(session, place.id, spec, actor="usr", now=now)
    edited = spec.model_copy(update={"label": "Till receipt"})
    second = workspaces.save_type(session, place.id, edited, actor="usr", now=now)
    assert same.id == first.id
    assert (second.number, second.spec["label"]) == (2, "Till receipt")
    assert session.get_one(DocumentTypeVersion, first.id).spec["label"] == spec.label


def test_two_processes_may_make_the_default_workspace(session: Session, now: datetime):
    one = workspaces.ensure_default_workspace(session, now)
    two = workspaces.ensure_default_workspace(session, now)
    assert one.id == two.id
    assert len(workspaces.current_types(session, one.id)) >= 6
