"""Evidence kept up to date: what marks name is seen anew, and what was counted of it before is taken back.

Marks are set by triggers of the database with every change of a verdict, audit, observation or document that a
certificate may count, in the transaction of the change. A model that is new here has all documents looked at, some at a
time. One process at a time does this for a workspace.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import delete, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from hitl.certificate import sight
from hitl.platform.db import transaction
from hitl.workspace import registry
from models.tables import CertificateStep, Document, Evidence, EvidenceCourse, EvidenceMark, ModelVersion

AT_A_TIME = 1_000  # documents
MARKS = 2_000

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('evidence:' || :workspace, 11))")
_TAKE_MARKS = text("""
    DELETE FROM evidence_mark WHERE id IN (
      SELECT id FROM evidence_mark WHERE workspace_id = :workspace ORDER BY id LIMIT :most)
    RETURNING document_id, rewind
""")
_MARK_AGAIN = text("SELECT set_config('countersign.marked', '', true)")  # what this transaction has marked is heeded
_NEXT = text("""
    SELECT id, created_at FROM document WHERE workspace_id = :workspace
      AND (CAST(:after AS timestamptz) IS NULL OR (created_at, id) > (CAST(:after AS timestamptz), :after_id))
    ORDER BY created_at, id LIMIT :most
""")


def catch_up(session: Session, workspace_id: str, model: ModelVersion) -> bool:
    """Do a part of what is left to be seen; True once nothing is. Commit between the parts to keep them short."""
    session.execute(_LOCK, {"workspace": workspace_id})
    models = _kept_for(session, workspace_id, model)
    marks = session.execute(_TAKE_MARKS, {"workspace": workspace_id, "most": MARKS}).all()
    session.execute(_MARK_AGAIN)
    rewinds = [mark.rewind for mark in marks if mark.rewind is not None]
    if rewinds:
        rewind(session, workspace_id, min(rewinds))
    for one in models if marks else []:
        _see(session, workspace_id, one, sorted({mark.document_id for mark in marks}))
    is_complete = _go_on(session, workspace_id, model)
    return is_complete and len(marks) < MARKS


def see_all(workspace_id: str, model_of: Callable[[Session, str], ModelVersion | None]) -> None:
    """All that there is to see under a model, each part in a transaction of its own. For jobs."""
    is_done = False
    while not is_done:
        with transaction() as session:
            model = model_of(session, workspace_id)
            is_done = model is None or catch_up(session, workspace_id, model)


def rewind(session: Session, workspace_id: str, at: datetime, **of: str) -> None:
    """Take back what was counted from `at` on, of the certificates that `of` describes."""
    gone = delete(CertificateStep).where(
        col(CertificateStep.workspace_id) == workspace_id, col(CertificateStep.at) >= at
    )
    session.execute(gone.filter_by(**of))


def keep_of_erased(session: Session, document: Document, *, now: datetime) -> None:
    """Before its values go: write what certificates go on counting of a document, under the models that are kept."""
    serving = registry.find_serving(session, document.workspace_id)
    if serving is None:
        return
    for model in _live(session, document.workspace_id, serving):
        seen = sight.seen_when_erased(session, document.workspace_id, model, document.id, now=now)
        stays = {row.run: row for row in seen}
        held = {row.run: row for row in _stored(session, model.id, [document.id])}
        for run in sorted(stays.keys() | held.keys()):
            new, old = stays.get(run), held.get(run)
            if new is None or old is None or not sight.same(new, old):
                at = min(row.at for row in (new, old) if row is not None)
                session.add(_mark(document, at, now))
        _write(session, list(stays.values()), is_final=True)
        _drop(session, [row for run, row in held.items() if run not in stays])


def _mark(document: Document, rewind_to: datetime, now: datetime) -> EvidenceMark:
    return EvidenceMark(workspace_id=document.workspace_id, document_id=document.id, rewind=rewind_to, set_at=now)


def _live(session: Session, workspace_id: str, model: ModelVersion) -> list[ModelVersion]:
    """The models whose certificates are kept up to date: that serves, that passed last, and the one asked for."""
    found = [model, registry.find_serving(session, workspace_id), registry.newest_passed(session, workspace_id)]
    return list({one.id: one for one in found if one is not None}.values())


def _kept_for(session: Session, workspace_id: str, model: ModelVersion) -> list[ModelVersion]:
    """Begin the course of the model if it has none, and end those of models that neither serve nor are to."""
    courses = session.exec(select(EvidenceCourse).where(EvidenceCourse.workspace_id == workspace_id)).all()
    live = {one.id: one for one in _live(session, workspace_id, model)}
    known = {course.model_version_id for course in courses}
    for course in courses:
        if course.model_version_id not in live:
            _forget(session, workspace_id, course.model_version_id)
            session.delete(course)
    if model.id not in known:
        _forget(session, workspace_id, model.id)
        session.add(EvidenceCourse(workspace_id=workspace_id, model_version_id=model.id))
    session.flush()
    return [one for name, one in live.items() if name in known]


def _forget(session: Session, workspace_id: str, model_id: str) -> None:
    """Of documents that were erased, nothing could be seen again."""
    of_model = {"workspace_id": workspace_id, "model_version_id": model_id}
    session.execute(delete(CertificateStep).filter_by(**of_model))
    session.execute(delete(Evidence).filter_by(**of_model).where(~col(Evidence.final)))


def _go_on(session: Session, workspace_id: str, model: ModelVersion) -> bool:
    course = session.get_one(EvidenceCourse, (workspace_id, model.id))
    if course.complete:
        return True
    asked = {"workspace": workspace_id, "after": course.after_created_at, "after_id": course.after_id}
    rows = session.execute(_NEXT, asked | {"most": AT_A_TIME}).all()
    _see(session, workspace_id, model, [row.id for row in rows])
    if rows:
        course.after_created_at, course.after_id = rows[-1].created_at, rows[-1].id
    course.complete = len(rows) < AT_A_TIME
    session.add(course)
    session.flush()
    return course.complete


def _see(session: Session, workspace_id: str, model: ModelVersion, documents: Sequence[str]) -> None:
    """See these documents anew; where that counts otherwise than before, take back what was counted from there on."""
    held = {(row.document_id, row.run): row for row in _stored(session, model.id, documents) if not row.final}
    now = {(row.document_id, row.run): row for row in sight.seen(session, workspace_id, model, documents)}
    fresh = [row for key, row in now.items() if key not in held or not sight.same(row, held[key])]
    gone = [row for key, row in held.items() if key not in now]
    replaced = [held[key] for key, row in now.items() if key in held and not sight.same(row, held[key])]
    least: dict[str, datetime] = {}
    for row in (*fresh, *gone, *replaced):
        least[row.document_type] = min(least.get(row.document_type, row.at), row.at)
    for document_type, at in least.items():
        rewind(session, workspace_id, at, model_version_id=model.id, document_type=document_type)
    _drop(session, gone)
    _write(session, fresh)


def _stored(session: Session, model_id: str, documents: Sequence[str]) -> Sequence[Evidence]:
    wanted = select(Evidence).where(col(Evidence.document_id).in_(documents), Evidence.model_version_id == model_id)
    return session.exec(wanted.execution_options(populate_existing=True)).all()


def _drop(session: Session, rows: Sequence[Evidence]) -> None:
    for row in rows:
        session.delete(row)
    session.flush()


def _write(session: Session, rows: Sequence[Evidence], *, is_final: bool = False) -> None:
    """What is final stays as it is, whoever comes late."""
    if not rows:
        return
    values = insert(Evidence).values([row.model_dump() for row in rows])
    key = ["document_id", "run", "model_version_id"]
    changed = {name: values.excluded[name] for name in (*sight.SAID, "final")}
    open_yet = None if is_final else ~col(Evidence.final)
    session.execute(values.on_conflict_do_update(index_elements=key, set_=changed, where=open_yet))
