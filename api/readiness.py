"""Whether the service can work: one small check for each thing it stands on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from extractor.processes import confine
from hitl.platform import gauges
from hitl.platform.blobs import blobs
from hitl.settings import settings

log = logging.getLogger(__name__)

PROBE = b"countersign readiness probe"


def check_all(now: datetime) -> dict[str, str]:
    """For each part `ok`, or a sentence that says what is not. Details go to the log alone."""
    return {name: _ask(name, check, now) for name, check in CHECKS.items()}


def _ask(name: str, check: Callable[[datetime], str], now: datetime) -> str:
    try:
        return check(now)
    except Exception:
        log.warning("readiness: %s", name, exc_info=True)
        return f"{name} does not answer"


def check_database(_now: datetime) -> str:
    gauges.ping()
    return "ok"


def check_migrations(_now: datetime) -> str:
    present, wanted, is_newer = gauges.revisions()
    if is_newer:
        return f"ok; but the schema is at {present}, which is newer than this version"
    return "ok" if present == wanted else f"the schema is at {present}, this version needs {wanted}"


def check_blobs(_now: datetime) -> str:
    return "ok" if blobs().get(blobs().put("readiness", PROBE)) == PROBE else "the blob store lost the probe"


def check_sandbox(_now: datetime) -> str:
    """Whether this kernel can take network and files from the children that open foreign bytes. It works without."""
    return "; ".join(["ok", *(f"but {said}" for said in confine.missing())])


def check_worker(now: datetime) -> str:
    """A worker that has written its heartbeat lately. Pages and API work without: what comes in waits."""
    beat = gauges.last_heartbeat()
    if beat is None or now - beat > timedelta(seconds=settings().stalled_seconds):
        return "ok; but no worker has been heard of"
    return "ok"


CHECKS: dict[str, Callable[[datetime], str]] = {
    "database": check_database,
    "migrations": check_migrations,
    "blobs": check_blobs,
    "worker": check_worker,
    "sandbox": check_sandbox,
}
