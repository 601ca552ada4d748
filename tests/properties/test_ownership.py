"""Whatever people do, in whatever order: every undecided field is in somebody's hands, and the log stays whole."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from hitl import pipeline
from hitl.annotation import review, tasks
from hitl.annotation.answers import TooLateToUndo, undo
from hitl.annotation.blocked import field_of
from hitl.people import pauses
from hitl.platform.moves import verify_chain
from hitl.work import queue_rows
from hitl.workspace.policy import AuditRates
from models.states import DocumentState, Role, TaskState, VerdictState
from models.tables import Answer, Audit, Document, Review, Task, User, Verdict
from tests import factories
from tests.hitl.crowd import answer, create_people, create_read_document, set_policy, start

TRUTH = {"date": "2026-01-31", "total": "12.50"}
WRONG = {"date": "2025-01-31", "total": "72.50"}
SAYS = st.sampled_from(["right", "right", "wrong", "illegible", "skip", "close", "leave"])
STEPS = st.one_of(
    st.tuples(st.just("key"), st.integers(0, 3), SAYS),
    st.tuples(st.just("key"), st.integers(0, 3), SAYS),
    st.tuples(st.just("undo"), st.integers(0, 3), st.just("")),
    st.tuples(st.just("review"), st.integers(0, 1), st.sampled_from(["decide", "escalate", "return", "leave"])),
    st.tuples(st.just("expire"), st.just(0), st.just("")),
    st.tuples(st.just("pause"), st.integers(0, 2), st.sampled_from(["pause", "resume"])),
)


class World:
    """One workspace with two documents, three validators, and a reviewer and manager."""

    def __init__(self, session: Session, rate: float) -> None:
        self.session, self.now = session, factories.NOW
        self.workspace = factories.create_workspace(session)
        set_policy(session, self.workspace, audit_rate=AuditRates(accept=rate, review=rate), cap=3)
        self.validators = create_people(session, self.workspace, 3)
        self.seniors = [
            *create_people(session, self.workspace, 1, Role.REVIEWER),
            *create_people(session, self.workspace, 1, Role.MANAGER),
        ]
        spec = factories.a_type("receipt", date=factories.Kind.DATE, total=factories.Kind.MONEY)
        readings = [{"date": ("2026-01-31", 0.9), "total": ("12.50", 0.9)}, {"date": ("2026-01-31", 0.4)}]
        self.documents = [create_read_document(session, self.workspace, reading, spec) for reading in readings]
        for document in self.documents:
            start(session, document)

    def tick(self, seconds: int = 7) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now

    def key(self, person: User, says: str) -> None:
        for task in tasks.hand_out(self.session, person, now=self.tick()):
            token = task.lease_token or ""
            if says in ("skip", "close"):
                reason = "cannot tell" if says == "skip" else ""
                tasks.hand_back(self.session, task, person, token, reason, now=self.tick())
            elif says != "leave":
                said = {"right": TRUTH, "wrong": WRONG}.get(says, {}).get(task.field, ".illegible")
                answer(self.session, person, task, said, now=self.tick())

    def undo(self, person: User) -> None:
        mine = select(Answer).where(Answer.user_id == person.id, Answer.undone_at.is_(None))
        last = self.session.exec(mine.order_by(Answer.created_at.desc())).first()
        if last is not None and last.skip_reason is None:
            try:
                undo(self.session, last.id, person, now=self.tick())
            except TooLateToUndo:
                return

    def review(self, person: User, does: str) -> None:
        held = review.next_review(self.session, person, now=self.tick())
        if held is None or does == "leave":
            return
        token, field = held.lease_token or "", field_of(self.session, held) or ""
        if does == "escalate" and held.level < 3:
            review.escalate(self.session, held, person, token, now=self.tick())
        elif does == "return":
            try:
                about = Task.audit_id == held.audit_id if held.audit_id else Task.verdict_id == held.verdict_id
                who = self.session.exec(select(Task.id).where(about, Task.state == "answered")).first()
                review.return_work(self.session, held, person, who or "nobody", "Again, please.", now=self.tick())
            except review.BadDecision:
                return
        else:
            decision = {field: ("found", TRUTH[field])}
            pipeline.review(self.session, held, person, token, decision, now=self.tick())

    def do(self, action: str, number: int, how: str) -> None:
        everybody = [*self.validators, self.seniors[0]]
        if action == "key":
            self.key(everybody[number], how)
        elif action == "undo":
            self.undo(everybody[number])
        elif action == "review":
            self.review(self.seniors[number], how)
        elif action == "expire":
            tasks.expire_leases(self.session, now=self.tick(3600))
        elif how == "pause":
            pauses.pause(self.session, self.validators[number], reason="x", actor="m", now=self.tick())
        else:
            pauses.resume(self.session, self.validators[number], actor="m", now=self.tick())

    def check(self) -> None:
        for document in self.documents:
            undecided = [cared_for(self.session, document, row) for row in rows_of(self.session, document)]
            assert all(undecided), (document.state, undecided)
            waiting = any(
                row.state in ("pending", "contested") for row in rows_of(self.session, document, audits=False)
            )
            expected = {DocumentState.IN_REVIEW} if waiting else {DocumentState.RELEASED, DocumentState.AMENDED}
            assert document.state in expected


def rows_of(session: Session, document: Document, audits: bool = True) -> list[Verdict | Audit]:
    rows: list[Verdict | Audit] = list(session.exec(select(Verdict).where(Verdict.document_id == document.id)).all())
    return rows + (list(session.exec(select(Audit).where(Audit.document_id == document.id)).all()) if audits else [])


def cared_for(session: Session, document: Document, row: Verdict | Audit) -> bool:
    """Somebody owns the row; or its audit, whose blind answers count for the verdict too."""
    if owned(session, document, row):
        return True
    if not isinstance(row, Verdict):
        return False
    own = session.exec(select(Audit).where(Audit.verdict_id == row.id)).first()
    return own is not None and own.state in ("pending", "contested") and owned(session, document, own)


def owned(session: Session, document: Document, row: Verdict | Audit) -> bool:
    """Decided, or somebody can be handed a task or a review about it."""
    if row.state not in (VerdictState.PENDING, VerdictState.CONTESTED):
        return True
    about = {"audit_id": row.id} if isinstance(row, Audit) else {"verdict_id": row.id}
    column = Review.audit_id if isinstance(row, Audit) else Review.verdict_id
    reviews = session.exec(select(Review).where(column == row.id, Review.state.in_(["open", "leased"]))).all()
    if row.state == VerdictState.CONTESTED:
        return bool(reviews)
    return any(task.state in (TaskState.OPEN, TaskState.LEASED) for task in queue_rows.outstanding(session, **about))


@given(st.lists(STEPS, min_size=4, max_size=18), st.sampled_from([0.0, 1.0]))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_somebody_is_always_responsible(session: Session, steps, rate):
    world = World(session, rate)
    world.check()
    for step in steps:
        world.do(*step)
        world.check()
    for document in world.documents:
        assert verify_chain(session, document.id)
