"""Jobs: the Procrastinate app, enqueueing inside the caller's transaction, and what a failure or a lost worker costs.

A job may run twice, so each job in `hitl.pipeline` writes with a key that makes the second run harmless. What counts
as a failed attempt is an exception or the death of a child process; the loss of a whole worker is counted apart.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import procrastinate
from procrastinate.job_context import JobContext
from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from procrastinate.tasks import configure_task
from sqlalchemy import event
from sqlmodel import Session

from hitl.platform import logs, traces
from hitl.platform.locks import notes
from hitl.platform.outage import DatabaseAway, DatabaseBusy
from hitl.settings import settings

log = logging.getLogger(__name__)

app = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())
_manager = JobManager(procrastinate.SyncPsycopgConnector())  # enqueues on connections that are handed to it

QUEUE = "countersign"
DELIVERIES = "deliveries"  # waits for the outside world alone: neither behind documents, nor they behind it
QUEUES = {"deliver_webhook": DELIVERIES}  # of all other jobs: QUEUE
# Lanes, by the name of the job (hitl.platform.lanes). What is not here has 0; documents add their own.
LANES = {
    "read_page": 1_100_000_000, "recognise": 1_200_000_000, "split": 1_200_000_000, "certify": 1_300_000_000,
    "ask_again": 1_300_000_000,
}  # fmt: skip
UPKEEP_PRIORITY = 2_000_000_000
Work = Callable[..., None]
OnFailure = Callable[[BaseException, dict[str, Any], datetime], bool]
"""Called with what a job raised, its arguments and the time; True: give the job up, False: try again."""


class GivenUp(Exception):
    """The job failed for good; its document or delivery says why."""


class Backoff(procrastinate.BaseRetryStrategy):
    """Wait longer each time, up to an hour; end when the job was given up."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> procrastinate.RetryDecision | None:
        if isinstance(exception, GivenUp):
            return None
        return procrastinate.RetryDecision(retry_at=datetime.now(UTC) + wait(job.attempts))


def wait(attempts: int) -> timedelta:
    """How long to wait after so many attempts: retry_seconds, then three times as long each, at most an hour."""
    return timedelta(seconds=min(3600.0, settings().retry_seconds * 3 ** min(attempts, 10)))


def queue_of(name: str) -> str:
    """The queue that a job waits in."""
    return QUEUES.get(name, QUEUE)


def job(name: str, on_failure: OnFailure) -> Callable[[Work], Work]:
    """Register `work` as a job. The function itself stays callable as it is, e.g. for tests."""

    def register(work: Work) -> Work:
        @app.task(name=name, queue=queue_of(name), retry=Backoff(), pass_context=True)
        def run(context: JobContext, /, origin: dict[str, str] | None = None, **arguments: Any) -> None:
            origin = origin or {}
            named = {"request_id": origin.get("request_id"), "document_id": arguments.get("document_id")}
            with logs.about(**named, job=name, job_id=str(context.job.id)), traces.span(name, origin):
                run_once(arguments)
                log.info("%s done", name)

        def run_once(arguments: dict[str, Any]) -> None:
            try:
                work(**arguments)
            except (DatabaseAway, DatabaseBusy):
                raise  # tried again; it says nothing about the document, so it counts as no failure of it
            except Exception as error:  # the one broad except of a job: count it, then retry or give up
                log.warning("%s failed: %s", name, logs.class_of(error), exc_info=True)
                if on_failure(error, arguments, datetime.now(UTC)):
                    raise GivenUp(f"{name} was given up: {error}") from error
                raise

        return work

    return register


def enqueue(
    session: Session,
    name: str,
    *,
    priority: int | None = None,
    at: datetime | None = None,
    once: str | None = None,
    **arguments: Any,
) -> None:
    """Put a job in the queue, in the transaction of `session`: it exists exactly if that commits.

    `at`: not before then. `once`: do nothing if a job with this key waits already, when the transaction ends.
    The job knows the request that it goes back to, and its place in the trace.
    """
    origin = traces.carried()
    if "request_id" in logs.ids():
        origin["request_id"] = logs.ids()["request_id"]
    if origin:
        arguments["origin"] = origin

    def defer() -> None:
        configure_task(
            name=name,
            job_manager=_manager,
            queue=queue_of(name),
            priority=LANES.get(name, 0) if priority is None else priority,
            schedule_at=at,
            queueing_lock=once,
            connection=cast("Any", session.connection().connection.driver_connection),
        ).defer(**arguments)

    if once is None:
        defer()
    else:
        notes(session).last.setdefault(once, defer)


@event.listens_for(Session, "before_commit")
def enqueue_once(session: Session) -> None:
    """The jobs that may wait only once, in one order: who enqueues the same waits until the other has committed."""
    if session.in_nested_transaction():
        return
    last = notes(session).last
    for key in sorted(last):
        try:
            with session.begin_nested():  # what the database refuses spoils the savepoint, not the transaction
                last[key]()
        except procrastinate.exceptions.AlreadyEnqueued:
            continue
    last.clear()


def every(*, minutes: int) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Register a function that one of the workers runs every so many minutes. A failure waits for the next time."""

    def register(work: Callable[[], None]) -> Callable[[], None]:
        @app.periodic(cron=f"*/{minutes} * * * *")
        @app.task(name=work.__name__, queue=QUEUE, queueing_lock=work.__name__, priority=UPKEEP_PRIORITY)
        def run(timestamp: int) -> None:  # noqa: ARG001  Procrastinate's signature
            work()

        return work

    return register
