"""One worker process: runs the jobs of `hitl.pipeline`, and takes over the jobs of workers that died."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import procrastinate

from extractor.processes import confine, sandbox
from hitl import failures
from hitl.platform import db, traces
from hitl.platform.jobs import DELIVERIES, QUEUE, UPKEEP_PRIORITY, app
from hitl.settings import settings

log = logging.getLogger(__name__)


def run_worker(*, wait: bool = True, signals: bool = True) -> None:
    """Run jobs until SIGTERM or Ctrl-C; with ``wait=False`` until the queues are empty. Jobs in hand get 3 s."""
    import hitl.pipeline  # noqa: F401  (registers the jobs)

    with app.replace_connector(procrastinate.PsycopgConnector(conninfo=db.conninfo(), max_size=8)):
        asyncio.run(_run_worker(wait, signals))


async def _run_worker(wait: bool, signals: bool) -> None:
    """Documents, and beside them deliveries, which may hang at a slow receiver without holding up a document."""
    given = settings()
    jobs = given.worker_jobs + given.webhook_jobs
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(jobs, thread_name_prefix="job"))
    async with app.open_async():
        alive = asyncio.create_task(_say_alive(given.alive_file, given.heartbeat_seconds, signals=signals))
        deliveries = asyncio.create_task(_work_on(DELIVERIES, given.webhook_jobs, wait=wait, signals=False))
        try:
            await _work_on(QUEUE, given.worker_jobs, wait=wait, signals=signals)
            if not wait:
                await deliveries
                await _work_on(DELIVERIES, given.webhook_jobs, wait=False, signals=False)  # of the last documents
        finally:
            for beside in (deliveries, alive):
                beside.cancel()
                with suppress(asyncio.CancelledError):
                    await beside


async def _say_alive(file: Path | None, seconds: float, *, signals: bool) -> None:
    """Touch the file while this loop turns, from the moment on in which SIGTERM is heard.

    It says nothing of the database: a worker is not killed for its absence.
    """
    while signals and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        await asyncio.sleep(0.05)
    while file is not None:
        file.touch()
        await asyncio.sleep(seconds)


async def _work_on(queue: str, concurrency: int, *, wait: bool, signals: bool) -> None:
    given = settings()
    await app.run_worker_async(
        queues=[queue],
        wait=wait,
        concurrency=concurrency,
        install_signal_handlers=signals,
        update_heartbeat_interval=given.heartbeat_seconds,
        stalled_worker_timeout=given.stalled_seconds,
        shutdown_graceful_timeout=3.0,
        fetch_job_polling_interval=1.0,
    )


def main() -> None:
    """The worker as a process: leaves soon when stopped, even if a job is in hand, which it puts back."""
    for lacking in confine.missing():
        log.warning("sandbox: %s", lacking)
    try:
        run_worker()
        with db.transaction() as session:
            failures.put_back(session)
    finally:
        sandbox.stop()
        traces.flush()
        if any(t is not threading.main_thread() and not t.daemon for t in threading.enumerate()):
            db.forget()
            os._exit(0)


@app.periodic(cron="* * * * * */5")  # seconds come last
@app.task(name="take_over", queue=QUEUE, queueing_lock="take_over", priority=UPKEEP_PRIORITY)
def take_over(timestamp: int) -> None:  # noqa: ARG001  Procrastinate's signature
    """Give the jobs of workers that have been silent too long to the living."""
    with db.transaction() as session:
        failures.take_over(session, datetime.now(UTC))
