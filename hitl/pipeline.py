"""The main line, as verbs in the order in which they happen. Each stands in the file of its name.

the machine reads     receive (`intake.receive`), then the jobs render, read_page, recognise, or split
people decide         ask: route, draw audits, open tasks | take_answer, settle | review | release | collect
the machine learns    the jobs retrain (train, judge), certify and recertify (the shadow, promote)

Doors call the verbs of people in their own transaction. Every job is short and may run twice: it looks in one
transaction, works outside of any, and writes in one last transaction that locks the document and looks again: what
somebody else did meanwhile is left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel import Session, select

from extractor.page.triage import Refusal
from extractor.splitting.cuts import ONE
from hitl import housekeeping
from hitl.annotation import answers, conduct, consensus, qualification, recalibration, tasks
from hitl.annotation import audit as audits
from hitl.annotation import review as reviews
from hitl.certificate import certify as certifying
from hitl.certificate import courses
from hitl.failures import count_failure
from hitl.grader import sampling as review_sampling
from hitl.intake import pages, recognition
from hitl.intake.groups import assign_group
from hitl.intake.receive import limits
from hitl.learning import request, rescore, shadow, train_job
from hitl.learning.collect import collect
from hitl.people import throttle
from hitl.platform import idempotency, traces
from hitl.platform.blobs import blobs, drop_unused
from hitl.platform.children import cpu, engine
from hitl.platform.db import transaction
from hitl.platform.jobs import every, job
from hitl.platform.lanes import enqueue_step
from hitl.platform.locks import lock_document
from hitl.platform.moves import advance
from hitl.release import documents, splitting, webhooks
from hitl.release.release import amend, release_if_ready
from hitl.routing.route import route, route_type
from hitl.routing.sampling import draw_audits
from hitl.settings import settings
from hitl.work import queue_rows, repeats
from hitl.work.document import is_about_type
from hitl.work.ground_truth import is_usable
from hitl.workspace import registry
from models.states import RELEASED, DocumentState, VerdictState
from models.tables import Audit, Document, Review, User, Verdict, Workspace
from models.values import ValueState

D = DocumentState


# --- the machine reads ----------------------------------------------------------------------------


@job("render", on_failure=count_failure)
def render(document_id: str) -> None:
    """Bytes to page images, or a refusal. Data alone to pages with their words, which nobody has to read."""
    with transaction() as session:
        document = session.get(Document, document_id)
        if document is None or document.state != D.RECEIVED:
            return
        key, is_data = f"{document.workspace_id}/{document.sha256}", document.made_from_data
        webhooks.notify(session, document, "document.received", now=now())
    import extractor.page.render  # here, for web processes import this page too, and need no OpenCV

    try:
        with cpu():
            made = pages.make(blobs().get(key)) if is_data else []
            drawn = [] if is_data else extractor.page.render.render(blobs().get(key), limits(), settings().renderer)
    except Refusal as refusal:
        refuse(document_id, refusal)
        return
    with transaction() as session:
        document = still(session, document_id, D.RECEIVED)
        if document is None:
            return
        assign_group(session, document, (made or drawn)[0].png)
        if is_data:
            pages.keep_made(session, document, made, now())
            enqueue_step(session, "recognise", document)
        else:
            pages.keep_rendered(session, document, drawn, now())
        for page in drawn:
            enqueue_step(session, "read_page", document, number=page.number)
        move(session, document, D.RENDERED, page_count=len(made or drawn), pages_left=len(drawn))


@job("read_page", on_failure=count_failure)
def read_page(document_id: str, number: int) -> None:
    """A page image to words. The last page to finish enqueues the next step."""
    with transaction() as session:
        document, row = session.get(Document, document_id), pages.page_row(session, document_id, number)
        if document is None or document.state != D.RENDERED or row is None or row.read_at is not None:
            return
        drawn = pages.DrawnPage(number, row.rendered_key, row.text_layer_key, row.width, row.height)
    import extractor.read

    with cpu():
        read = extractor.read.read_page(drawn.load(), engine(), seconds=settings().read_seconds)
    with transaction() as session:
        document, row = still(session, document_id, D.RENDERED), pages.page_row(session, document_id, number)
        if document is None or row is None or row.read_at is not None:
            return
        pages.keep_read(session, document, row, read, now())
        document.pages_left = (document.pages_left or 0) - 1
        if document.pages_left == 0:
            enqueue_step(session, "recognise", document)


@job("recognise", on_failure=count_failure)
def recognise(document_id: str) -> None:
    """Words to document type and readings, then routing: to people, or straight to a release. Or held to be split."""
    with transaction() as session:
        document = session.get(Document, document_id)
        if document is None or not recognition.is_ready(document):
            return
        seen = (document.run, document.requested_type)
        work = recognition.gather(session, document)
        is_due = splitting.is_due(session, document, now=now())
    with cpu():
        cuts = splitting.look(work) if is_due else ONE
        result = None  # of what may be several documents nothing is kept
        if cuts.is_one:
            result = recognition.recognise(work, seconds=settings().recognise_seconds, today=now().date())
    with transaction() as session:
        document = still(session, document_id, D.RENDERED, D.AWAITING_TYPE)
        if document is None or not recognition.is_ready(document):
            return
        if (document.run, document.requested_type) != seen:  # retyped or started again while we worked
            enqueue_step(session, "recognise", document)
            return
        if (is_due and splitting.hold(session, document, cuts, now=now())) or result is None:
            return
        recognition.store(session, document, result, work, now())
        sure = recognition.is_sure(session, document, result, now=now())
        move(session, document, D.READ if sure else D.AWAITING_TYPE)
        repeats.hold_if_repeat(session, document, now=now())
        ask(session, document, now=now())


@job("split", on_failure=count_failure)
def split(document_id: str) -> None:
    """A file of several documents to these documents, each with its pages as they were read."""
    splitting.split(document_id, now=now())


# --- people decide --------------------------------------------------------------------------------


@traces.spanned
def ask(session: Session, document: Document, *, now: datetime) -> None:
    """Route a document that was just read, and ask people what they are needed for, or release it. Again harmless."""
    of_type, draw = route_type(session, document, now=now)
    draw_audits(session, document, draw, now=now)
    if document.state == D.READ.value and of_type.state != VerdictState.PENDING.value:
        draw_audits(session, document, route(session, document, now=now), now=now)
    undecided = tasks.open_tasks(session, document, now=now)
    if not undecided:
        release_if_ready(session, document, now=now)
    if document.state == D.READ.value and (undecided or queue_rows.waiting(session, document)):
        advance(session, document, D.IN_REVIEW, actor="system:route", now=now)
        webhooks.notify(session, document, "document.needs_people", event_key=f"{document.id}:{document.run}", now=now)


@traces.spanned
def take_answer(
    session: Session, task_id: str, user: User, token: str, given: answers.AnswerInput, *, now: datetime
) -> answers.Accepted:
    """An answer to a leased task, and what follows from it. Raises an `answers.AnswerRefused`."""
    taken = answers.take(session, task_id, user, token, given, now=now)
    task, row = taken.task, taken.row
    if row is not None and not taken.is_repeat:
        if task.purpose in answers.CONTROLS:
            qualification.score_control(session, task, user, row, now=now)
        else:
            if task.seeded:
                qualification.score_seeded(session, task, user, row, now=now)
            audit = session.get_one(Audit, task.audit_id) if task.audit_id else None
            settle(session, session.get_one(Verdict, task.verdict_id), taken.document, audit, now=now)
        conduct.judge_if_due(session, user, task, row, now=now)
    return answers.outcome(session, taken)


def settle(
    session: Session, verdict: Verdict, document: Document, audit: Audit | None = None, *, now: datetime
) -> None:
    """See what was said of a field, and of its audit: decided, asked on, or for a reviewer; and on to the release."""
    if audit is not None:
        audits.settle(session, audit, document, now=now)
        apply_audit(session, audit, document, now=now)
    if consensus.settle(session, verdict, document, now=now):
        go_on(session, verdict, document, now=now)
    if audit is not None:
        _ask_second(session, verdict, document, now=now)


@traces.spanned
def review(
    session: Session,
    held: Review,
    user: User,
    token: str,
    decisions: reviews.Decisions,
    note: str = "",
    *,
    now: datetime,
    seconds: float | None = None,
) -> None:
    """A reviewer's decision on a leased review, and what follows from it. Raises a `review.ReviewRefused`."""
    document = reviews.decide(session, held, user, token, decisions, note, now=now, seconds=seconds)
    verdict, audit = reviews.subject_of(session, held)
    if verdict is None:
        release_if_ready(session, document, now=now)
    elif audit is None:
        go_on(session, verdict, document, now=now)
    else:
        apply_audit(session, audit, document, now=now)
        _ask_second(session, verdict, document, now=now)


def apply_audit(session: Session, audit: Audit, document: Document, *, now: datetime) -> None:
    """What follows a decided audit: the field is decided by it, released, amended, or only learned from."""
    if audit.state != VerdictState.FINAL.value:
        return
    verdict, differs = audits.finding(session, audit)
    counts = is_usable(audit) and verdict.run == document.run
    if counts and verdict.state in consensus.UNDECIDED:
        consensus.adopt(session, verdict, audit, now=now)
        go_on(session, verdict, document, now=now)
    elif document.state not in RELEASED:
        release_if_ready(session, document, now=now)
    elif counts and differs and is_about_type(verdict):
        queue_rows.add_review(session, document, reason="wrong_type", now=now)
    elif counts and differs:
        changes = {verdict.field: (audit.gold_state or "", audit.gold)}
        amend(session, document, changes, reason="audit", actor="system:audit", now=now)
    else:
        collect(session, document, now=now)


def go_on(session: Session, verdict: Verdict, document: Document, *, now: datetime) -> None:
    """What follows a decided field: reading on under the type that people named, or the release."""
    if document.state != D.AWAITING_TYPE.value or not is_about_type(verdict):
        release_if_ready(session, document, now=now)
    elif verdict.value_state == ValueState.FOUND.value:
        documents.read_as(session, document, verdict.value)


def _ask_second(session: Session, verdict: Verdict, document: Document, *, now: datetime) -> None:
    """Draw the second keyer among the document's checks; what is at an end by that is applied."""
    for audit in audits.ask_second(session, document, verdict.run, now=now):
        apply_audit(session, audit, document, now=now)


@job("ask_again", on_failure=housekeeping.never_give_up)
def ask_again(user_id: str, why: str) -> None:
    """Somebody was paused by a rule of conduct: what hung on their word alone is asked again."""
    with transaction() as session:
        for verdict in conduct.ask_again(session, session.get_one(User, user_id), why=why, now=now()):
            settle(session, verdict, session.get_one(Document, verdict.document_id), now=now())


@job("deliver_webhook", on_failure=webhooks.count_failure)
def deliver_webhook(delivery_id: str) -> None:
    """Tell one client one thing. At least once: the receiver knows repetitions by the id."""
    webhooks.deliver(delivery_id, now=now())


# --- the machine learns ---------------------------------------------------------------------------


@job("retrain", on_failure=train_job.count_failure)
def retrain(model_id: str) -> None:
    """Train a candidate from its frozen snapshot and let the gate decide. The candidate waits to be promoted."""
    train_job.train_candidate(model_id, now=now)


@job("certify", on_failure=housekeeping.never_give_up)
def certify(workspace_id: str, document_type: str) -> None:
    """New labels: count them, and certify, wait or suspend; the model in the shadow too, which may then take over."""
    courses.see_all(workspace_id, registry.serving_model)
    with transaction() as session:
        certifying.refresh(session, workspace_id, document_type, now=now())
    courses.see_all(workspace_id, shadow.shadow_model)
    with transaction() as session:
        if model := shadow.shadow_model(session, workspace_id):
            certifying.refresh(session, workspace_id, document_type, now=now(), model=model)
            shadow.promote_if_ready(session, model, now=now())


@job("recertify", on_failure=housekeeping.never_give_up)
def recertify(workspace_id: str, after: str = "", model_id: str | None = None, document_id: str | None = None) -> None:
    """Score the labels there are with a model that did not read them, a batch a job, then certify.

    `model_id`: None for the one that serves. `document_id`: this document alone.
    """
    with transaction() as session:
        model = rescore.reader(session, workspace_id, model_id)
        if model is None:
            return
        scored_by = model.id
        ids = [document_id] if document_id else rescore.waiting(session, model, workspace_id, after)
    for one in ids:
        rescore.score(one, scored_by, now=now())
    if document_id:
        return
    with transaction() as session:
        if ids:
            registry.recertify(session, workspace_id, model_id, after=ids[-1])
        else:
            rescore.request_certifying_all(session, workspace_id)


# --- upkeep ---------------------------------------------------------------------------------------


@job("delete_blobs", on_failure=housekeeping.never_give_up)
def delete_blobs(keys: list[str]) -> None:
    """After an erasure: delete the bytes that no other document needs."""
    with transaction() as session:
        drop_unused(session, keys)


@every(minutes=1)
def upkeep() -> None:
    """Take back what lies too long, look after documents whose job was lost, erase what is past its retention."""
    with transaction() as session:
        tasks.expire_leases(session, now=now())
    with transaction() as session:
        tasks.mark_pressing(session, now=now())
    with transaction() as session:
        housekeeping.enqueue_lost_steps(session, now=now(), silence=timedelta(minutes=10))
    with transaction() as session:
        housekeeping.erase_expired(session, now=now())
        housekeeping.tidy(session, now=now())
        idempotency.forget_old_keys(session, now=now())
        throttle.forget_old(session, now=now())


@every(minutes=30)
def learn_about_people() -> None:
    """Make gold of what was adjudicated, see what posteriors are worth, train the grader."""
    in_each_workspace(qualification.harvest, recalibration.recalibrate, review_sampling.train_if_due)


@every(minutes=30)
def train_what_is_due() -> None:
    """Ask for a training where enough is new."""
    in_each_workspace(request.train_if_due)


# --- the words of this page -----------------------------------------------------------------------


def now() -> datetime:
    """The clock, read here and handed in everywhere below."""
    return datetime.now(UTC)


def in_each_workspace(*verbs: Callable[..., Any]) -> None:
    """Do it for one workspace after the other, each in a transaction of its own."""
    with transaction() as session:
        workspaces = session.exec(select(Workspace.id)).all()
    for workspace_id in workspaces:
        with transaction() as session:
            for verb in verbs:
                verb(session, workspace_id, now=now())


def still(session: Session, document_id: str, *states: DocumentState) -> Document | None:
    """The document, locked, if it is still in one of `states`."""
    document = lock_document(session, document_id)
    return document if document is not None and document.state in states else None


def move(session: Session, document: Document, to: DocumentState, **changes: Any) -> None:
    """One step forward on the main line: the failures of the step before are forgotten."""
    advance(session, document, to, actor="system:pipeline", now=now(), attempts=0, **changes)


def refuse(document_id: str, refusal: Refusal) -> None:
    """End the document with our answer to bad input."""
    problem = {"code": refusal.code, "message": refusal.message, "next_step": refusal.next_step}
    with transaction() as session:
        document = still(session, document_id, D.RECEIVED)
        if document is None:
            return
        move(session, document, D.REFUSED, problem=problem)
        webhooks.notify(session, document, "document.refused", {"problem": problem}, now=now())
