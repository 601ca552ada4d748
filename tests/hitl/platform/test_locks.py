"""One order of locks: whatever two people, clients or jobs do to the same documents at once, neither waits for ever."""

from __future__ import annotations

import itertools
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, select

from api.errors import kind_of
from hitl import housekeeping, pipeline
from hitl.annotation import conduct, consensus, qualification, review, tasks
from hitl.annotation.answers import AnswerInput, undo
from hitl.people import pauses
from hitl.platform import db, locks
from hitl.platform.locks import hold, hold_best, hold_free, notes
from hitl.platform.moves import record, verify_chain
from hitl.release import documents, release
from hitl.work.exposure import expose
from hitl.workspace import deployment
from hitl.workspace.policy import AuditRates
from models.states import DocumentState, ModelState, Role, TaskPurpose
from models.tables import Answer, Document, Example, ModelVersion, Review, Task, User, Workspace
from tests import factories
from tests.factories import NOW
from tests.hitl.crowd import answer, create_people, create_read_document, set_policy, start, verdict
from tests.hitl.platform.interleaved import count_locks, interleave

EVERY_STOP = bool(os.environ.get("COUNTERSIGN_EVERY_STOP"))  # minutes instead of seconds
LATER = NOW + timedelta(minutes=2)
CERTAIN = {"vendor": ("ACME LTD", 0.99), "date": ("2026-01-31", 0.99), "total": ("12.50", 0.99)}
UNSURE = {"vendor": ("ACME LTD", 0.6), "date": ("2026-01-31", 0.6), "total": ("12.50", 0.6)}
_keys = itertools.count()


@dataclass(frozen=True)
class Scene:
    """Two documents in review and one released with open audits; people have work in hand on all three."""

    workspace: Workspace
    first: Document
    second: Document
    unrouted: Document
    released: Document
    anna: User
    ben: User
    cleo: User
    judge: User
    candidate: ModelVersion
    tasks: dict[str, Task]  # by what is done with them
    review: Review
    answer: Answer


def build() -> Scene:
    """A new scene in a workspace of its own."""
    with db.transaction() as session:
        workspace = factories.create_workspace(session, retention_days=30)
        audits = AuditRates(accept=1.0, review=0.0)
        set_policy(session, workspace, threshold_mode="fixed", fixed_threshold=0.9, audit_rate=audits)
        anna, ben, cleo = create_people(session, workspace, 3)
        judge = create_people(session, workspace, 1, Role.REVIEWER)[0]
        first, second, unrouted = (create_read_document(session, workspace, UNSURE) for _ in range(3))
        released = create_read_document(session, workspace, CERTAIN)
        for document in (first, second, released):
            start(session, document)
        leased = {
            "answer": _lease(session, first, "date", anna),
            "other": _lease(session, second, "date", anna),
            "skip": _lease(session, second, "total", ben),
            "audit": _lease(session, released, "total", cleo, TaskPurpose.AUDIT),
        }
        said = answer(session, anna, _lease(session, first, "total", anna), "12.50", now=NOW)
        for document in (first, second):
            consensus.contest(session, verdict(session, document, "vendor"), document, reason="contested", now=NOW)
        held = review.next_review(session, judge, now=NOW)
        assert held is not None
        assert (held.document_id, released.state) == (first.id, DocumentState.RELEASED)
        candidate = factories.create_model(session, workspace, state=ModelState.PASSED.value)
        known = {"value_state": "found", "value": "12.50", "source": "audit", "independent": True, "fold": "train"}
        about = {"workspace_id": workspace.id, "document_type": "receipt", "field": "total", "kind": "money"}
        for document in (second, first):
            session.add(Example(document_id=document.id, created_at=NOW, **about, **known))
        given = session.get_one(Answer, said.answer_id)
    return Scene(
        workspace, first, second, unrouted, released, anna, ben, cleo, judge, candidate, leased, held, given
    )  # fmt: skip


def _lease(
    session: Session, document: Document, field: str, user: User, purpose: TaskPurpose = TaskPurpose.REVIEW
) -> Task:
    wanted = select(Task).where(Task.document_id == document.id, Task.field == field, Task.purpose == purpose.value)
    task = session.exec(wanted.order_by(col(Task.id))).first()
    assert task is not None, (document.state, field)
    return tasks.lease(session, task, user, now=NOW)


# --- what is done at once: each looks its rows up anew, as a request does --------------------------


def _accept(session: Session, task: Task, user: User, value: str) -> None:
    said = AnswerInput(value=value, idempotency_key=f"race-{next(_keys)}")
    pipeline.take_answer(session, task.id, session.get_one(User, user.id), task.lease_token or "", said, now=LATER)


def _give_back(session: Session, scene: Scene) -> None:
    mine = [session.get_one(Task, scene.tasks[name].id) for name in ("other", "answer")]
    hold(session, *(task.document_id for task in mine))
    for task in mine:
        tasks.hand_back(session, task, scene.anna, task.lease_token or "", "", now=LATER)


def _decide(session: Session, scene: Scene) -> None:
    held = session.get_one(Review, scene.review.id)
    judge = session.get_one(User, scene.judge.id)
    pipeline.review(session, held, judge, held.lease_token or "", {"vendor": ("found", "ACME LTD")}, now=LATER)


def _pause(session: Session, scene: Scene) -> None:
    anna = session.get_one(User, scene.anna.id)
    pauses.pause(session, anna, reason="test", actor="test", now=LATER)
    for reopened in conduct.ask_again(session, anna, why="test", now=LATER):
        pipeline.settle(session, reopened, session.get_one(Document, reopened.document_id), now=LATER)


def _correct(session: Session, scene: Scene) -> None:
    released = session.get_one(Document, scene.released.id)
    release.correct(session, released, "vendor", "found", "OTHER LTD", note="", by="key_1", now=LATER)


def _look(session: Session, scene: Scene) -> None:
    first = scene.first
    shown = {"subject": first.id, "stream": first.id, "workspace_id": first.workspace_id}
    record(session, action="page.shown", actor="usr", now=LATER, **shown)
    expose(session, scene.ben.id, first.id, pages=[1], now=LATER)


def _on(do: Callable[..., object], name: str) -> Callable[[Session, Scene], object]:
    return lambda session, scene: do(
        session, session.get_one(Document, getattr(scene, name).id), actor="test", now=LATER
    )


CALLS: dict[str, Callable[[Session, Scene], object]] = {
    "lease": lambda s, scene: tasks.hand_out(s, s.get_one(User, scene.ben.id), now=LATER, count=4),
    "answer": lambda s, scene: _accept(s, scene.tasks["answer"], scene.anna, "2026-01-31"),
    "disagree": lambda s, scene: _accept(s, scene.tasks["other"], scene.anna, "2026-02-28"),
    "audit": lambda s, scene: _accept(s, scene.tasks["audit"], scene.cleo, "99.00"),
    "undo": lambda s, scene: undo(s, scene.answer.id, s.get_one(User, scene.anna.id), now=LATER),
    "give back": _give_back,
    "skip": lambda s, scene: tasks.hand_back(
        s, s.get_one(Task, scene.tasks["skip"].id), scene.ben, scene.tasks["skip"].lease_token or "", "x", now=LATER
    ),
    "next review": lambda s, scene: review.next_review(s, s.get_one(User, scene.judge.id), now=LATER),
    "decide": _decide,
    "correct": _correct,
    "cancel": _on(documents.cancel, "first"),
    "erase": _on(documents.erase, "second"),
    "erase released": _on(documents.erase, "released"),
    "reprocess": _on(documents.reprocess, "first"),
    "reprocess released": _on(documents.reprocess, "released"),
    "route": lambda s, scene: pipeline.ask(s, locks.lock_document(s, scene.unrouted.id), now=LATER),
    "promote": lambda s, scene: deployment.promote(
        s, s.get_one(ModelVersion, scene.candidate.id), actor="test", now=LATER
    ),
    "pause": _pause,
    "expire": lambda s, _scene: tasks.expire_leases(s, now=NOW + timedelta(hours=1)),
    "retention": lambda s, _scene: housekeeping.erase_expired(s, now=NOW + timedelta(days=60)),
    "gold": lambda s, scene: qualification.harvest(s, scene.workspace.id, now=LATER),
    "look": _look,
}
ALL_PAIRS = [(one, two) for one in CALLS for two in CALLS]
SOME_PAIRS = [(one, two) for i, one in enumerate(CALLS) for j, two in enumerate(CALLS) if i <= j and (i + j) % 6 == 0]
PAIRS = ALL_PAIRS if EVERY_STOP else SOME_PAIRS


def test_no_two_of_them_wait_for_each_other(session: Session):
    """The second goes as far as it can where the first stops: at one place, or with COUNTERSIGN_EVERY_STOP=1 at all."""
    factories.create_model(session)
    session.commit()
    steps = {}
    for name, call in CALLS.items():
        scene = build()
        steps[name] = count_locks(lambda session, call=call, scene=scene: call(session, scene))
        assert steps[name], f"{name} changes nothing, so it shows nothing"
    found = []
    for one, two in PAIRS:
        stops = range(1, steps[one] + 1)
        for stop in stops if EVERY_STOP else [stops[zlib.crc32(f"{one} {two}".encode()) % len(stops)]]:
            scene = build()
            ended = interleave(lambda s, n=one, c=scene: CALLS[n](s, c), lambda s, n=two, c=scene: CALLS[n](s, c), stop)
            found += [f"{one} | {two} at {stop}: {e!r}" for e in (t.error for t in ended) if not _is_told(e)]
            with db.transaction() as look:
                found += [f"{one} | {two}: chain" for d in (scene.first, scene.second) if not verify_chain(look, d.id)]
    assert not found, "\n".join(found)


def _is_told(error: BaseException | None) -> bool:
    """Whether the loser of the race is answered with a sentence, not with a fault."""
    return error is None or (not isinstance(error, OperationalError) and kind_of(error) is not None)


def a_pair(session: Session, workspace: Workspace) -> list[str]:
    ids = sorted(factories.create_document(session, workspace).id for _ in range(2))
    session.commit()
    return ids


def test_a_document_out_of_turn_is_taken_only_if_it_is_free(session: Session, workspace: Workspace):
    low, high = a_pair(session, workspace)
    with db.transaction() as other:
        hold(other, low)
        hold(session, high)
        with pytest.raises(OperationalError):
            hold(session, low)
        session.rollback()
    hold(session, high)
    hold(session, low)
    assert notes(session).held == {low, high}


def test_of_many_a_free_one_is_taken_and_the_order_is_the_callers(session: Session, workspace: Workspace):
    low, high = a_pair(session, workspace)
    assert hold_best(session, [high, low]) == [high]
    with db.transaction() as other:
        assert hold_free(other, [high, low]) == [low]


def test_what_was_read_before_the_lock_is_read_again(session: Session, workspace: Workspace, now: datetime):
    document = factories.create_document(session, workspace)
    task = factories.create_task(session, factories.create_verdict(session, document))
    session.commit()
    assert task.priority == 0
    with db.transaction() as other:
        other.get_one(Task, task.id).priority = 7
    hold(session, document.id)
    assert task.priority == 7
