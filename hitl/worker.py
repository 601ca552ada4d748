"""One worker process: runs the jobs of `hitl.pipeline`, and takes over the jobs of workers that died."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
from datetime import UTC, datetime

import procrastinate
from procrastinate.job_context import JobContext
from procrastinate.jobs import Job, Status

from extractor import sandbox
from hitl import db, failures
from hitl.jobs import QUEUE, UPKEEP_PRIORITY, app
from hitl.settings import settings

log = logging.getLogger(__name__)


def run_worker(*, wait: bool = True, signals: bool = True) -> None:
    """Run jobs until SIGTERM or Ctrl-C; with ``wait=False`` until the queue is empty. Jobs in hand get ten seconds."""
    import hitl.pipeline  # noqa: F401  (registers the jobs)

    given = settings()
    with app.replace_connector(procrastinate.PsycopgConnector(conninfo=db.conninfo())) as opened:
        opened.run_worker(
            queues=[QUEUE],
            wait=wait,
            concurrency=given.worker_jobs,
            install_signal_handlers=signals,
            update_heartbeat_interval=given.heartbeat_seconds,
            stalled_worker_timeout=given.stalled_seconds,
            shutdown_graceful_timeout=10.0,
            fetch_job_polling_interval=1.0,
        )


def main() -> None:
    """The worker as a process: leaves at once when stopped, even if a job is in hand; another worker takes it over."""
    try:
        run_worker()
    finally:
        sandbox.stop()
        if any(t is not threading.main_thread() and not t.daemon for t in threading.enumerate()):
            db.forget()
            os._exit(0)


@app.periodic(cron="*/5 * * * * *")
@app.task(name="take_over", queue=QUEUE, queueing_lock="take_over", priority=UPKEEP_PRIORITY, pass_context=True)
async def take_over(context: JobContext, timestamp: int) -> None:  # noqa: ARG001  Procrastinate's signature
    """Give the jobs of workers that have been silent too long to the living."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=settings().stalled_seconds):
        log.warning("worker %s was lost with job %s in hand", job.worker_id, job.call_string)
        with contextlib.suppress(procrastinate.exceptions.ConnectorException):  # somebody else took it over
            if await asyncio.to_thread(is_over, job):
                await manager.finish_job(job, status=Status.FAILED, delete_job=False)
            else:
                await manager.retry_job(job)


def is_over(job: Job) -> bool:
    """Count the loss. True: the job shall not run again: its document is failed, or the next regular run is due."""
    if "timestamp" in job.task_kwargs:
        return True
    if "document_id" in job.task_kwargs:
        return failures.count_lost_worker(dict(job.task_kwargs), datetime.now(UTC))
    return False
