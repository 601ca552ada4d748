"""What an installation stands on, looked at one thing after the other: how it is, by which figure, and what to do."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from extractor.processes import confine
from hitl.platform import db, gauges, outage
from hitl.platform.blobs import blobs
from hitl.settings import settings

log = logging.getLogger(__name__)

SLOW_CLOCK, WRONG_CLOCK = 2.0, 30.0  # seconds; a lease lasts minutes, a silent worker is given up after 30 s
LITTLE_SPACE, NO_SPACE = 5e9, 5e8  # bytes
SLOW_DATABASE = 0.1  # seconds
MOST_CONNECTIONS = 0.9  # of what the server allows
OLDEST_SUPPORTED = 15
LONG_WAIT = 300.0  # seconds that a job waits
OF_ANOTHER_SCHEMA = {"42P01", "42703"}  # a table or a column that is not there
PROBE_WORD = "COUNTERSIGN"


class State(StrEnum):
    """How a thing is: `warning` works on, `broken` does not."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one thing. `todo` is empty where nothing is to be done."""

    name: str
    state: State
    figure: str
    todo: str = ""


def examine(clock: Callable[[], datetime]) -> Iterator[Finding]:
    """One finding after the other, as they are made. A check that breaks is a finding, too."""
    for name, check in CHECKS.items():
        try:
            state, figure, todo = check(clock())
        except Exception as error:  # the one broad except of the doctor: what breaks is what is looked for
            log.debug("doctor: %s", name, exc_info=True)
            state, figure, todo = State.BROKEN, *_explained(error)
        yield Finding(name, state, figure, todo)


Found = tuple[State, str, str]


def _explained(error: Exception) -> tuple[str, str]:
    away = outage.outage_of(error) or (error if isinstance(error, outage.DatabaseAway) else None)
    if away is not None:
        return "not known: the database does not answer", "Start it, or correct COUNTERSIGN_DATABASE_URL."
    if getattr(getattr(error, "orig", None), "sqlstate", "") in OF_ANOTHER_SCHEMA:
        return "not known: the schema lacks what this version asks for", "Back up, then run `countersign migrate`."
    said = f"{type(error).__name__}: {error}".split("\n")[0][:200]
    return said, str(getattr(error, "next_step", "")) or "COUNTERSIGN_LOG_LEVEL=DEBUG shows where it comes from."


def _graded(value: float, warning: float, broken: float, figure: str, todo: str) -> Found:
    """The more the worse."""
    state = State.BROKEN if value >= broken else State.WARNING if value >= warning else State.OK
    return state, figure, todo if state is not State.OK else ""


def check_database(_now: datetime) -> Found:
    facts = gauges.database_facts()
    figure = f"PostgreSQL {facts.version}, answers in {1000 * facts.seconds:.0f} ms, {facts.bytes / 1e6:.0f} MB, "
    figure += f"{facts.connections} of {facts.most_connections} connections"
    if facts.major < OLDEST_SUPPORTED:
        return State.BROKEN, figure, f"Use PostgreSQL {OLDEST_SUPPORTED} or newer."
    if facts.connections >= MOST_CONNECTIONS * facts.most_connections:
        return State.WARNING, figure, "Raise max_connections, or lower COUNTERSIGN_DATABASE_POOL."
    return _graded(facts.seconds, SLOW_DATABASE, 10.0, figure, "Look at the load of the server and at the network.")


def check_clock(now: datetime) -> Found:
    apart = gauges.clock_of_database(now)
    figure = f"{apart:+.1f} s against the database"
    return _graded(
        abs(apart), SLOW_CLOCK, WRONG_CLOCK, figure, "Let a time service (NTP) set the clocks of all machines."
    )


def check_versions(_now: datetime) -> Found:
    present, wanted, is_newer = gauges.revisions()
    figure = f"schema {present or 'none'}, this version needs {wanted}"
    if is_newer:
        return State.WARNING, figure, "Replace this program by the version that made the schema."
    if present != wanted:
        return State.BROKEN, figure, "Back up, then run `countersign migrate`."
    return State.OK, figure, ""


def check_disk(_now: datetime) -> Found:
    """Where blobs, models and the embedded database are, and where children put what they work on."""
    folders = [settings().data_dir, Path(tempfile.gettempdir())]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0" * 4096)
    free = min(shutil.disk_usage(folder).free for folder in folders)
    figure = f"{free / 1e9:.1f} GB free in {' and '.join(str(folder) for folder in folders)}"
    return _graded(-free, -LITTLE_SPACE, -NO_SPACE, figure, "Make room, or name another place by COUNTERSIGN_DATA_DIR.")


def check_blobs(now: datetime) -> Found:
    """Written, read and deleted, with the rights that uploads have."""
    store, probe = blobs(), f"doctor {now.isoformat()}".encode()
    key = store.put("doctor", probe)
    try:
        if store.get(key) != probe:
            return State.BROKEN, "what was written comes back otherwise", "Look at the blob store; do not upload."
    finally:
        store.delete(key)
    return State.OK, f"written, read and deleted in {settings().blob_url or settings().data_dir / 'blobs'}", ""


def check_sandbox(_now: datetime) -> Found:
    lacks = confine.missing()
    todo = "Use a kernel with Landlock and seccomp; the work goes on without."
    return (State.WARNING, "; ".join(lacks), todo) if lacks else (State.OK, "Landlock and seccomp", "")


def check_engine(_now: datetime) -> Found:
    """A page with one printed word goes the way of all pages: drawn and read in children with limits."""
    import cv2
    import numpy as np

    import extractor.page.render
    import extractor.read
    from hitl.intake.receive import limits
    from hitl.platform.children import engine

    paper = np.full((260, 900, 3), 255, np.uint8)
    cv2.putText(paper, PROBE_WORD, (60, 160), cv2.FONT_HERSHEY_SIMPLEX, 2.6, (0, 0, 0), 6)
    data = cv2.imencode(".png", paper)[1].tobytes()
    (drawn,) = extractor.page.render.render(data, limits(), settings().renderer)
    read = extractor.read.read_page(drawn, engine(), seconds=settings().read_seconds)
    said = " ".join(word.text for word in read.page.words)
    if PROBE_WORD not in said.upper():
        return State.BROKEN, f"{engine()} reads {said!r} for {PROBE_WORD}", "Install the engine again."
    return State.OK, f"{engine()} reads a printed word", ""


def check_model(_now: datetime) -> Found:
    """What serves can be unpacked here."""
    from hitl.workspace import registry
    from models.nets.bundle import Bundle

    with db.transaction() as session:
        serving = registry.all_serving(session)
    for model in serving:
        Bundle.load(registry.bundle_folder(model))
    if not serving:
        return State.BROKEN, "no model serves", "Run `countersign migrate`, which registers the base model."
    return State.OK, f"{len(serving)} serve and can be loaded", ""


def check_workers(now: datetime) -> Found:
    beat = gauges.last_heartbeat()
    if beat is None or now - beat > timedelta(seconds=settings().stalled_seconds):
        heard = "none" if beat is None else f"the last one was heard of at {beat:%d %b %H:%M:%S}"
        return State.WARNING, heard, "Start `countersign worker`; what comes in waits for it."
    return State.OK, f"heard of {max(0.0, (now - beat).total_seconds()):.0f} s ago", ""


def check_queue(_now: datetime) -> Found:
    oldest = max(gauges.oldest_jobs().values(), default=0.0)
    figure = f"the oldest job that is due waits for {oldest:.0f} s"
    return _graded(oldest, LONG_WAIT, float("inf"), figure, "Start more workers, on more machines.")


CHECKS: dict[str, Callable[[datetime], Found]] = {
    "database": check_database,
    "clock": check_clock,
    "versions": check_versions,
    "disk": check_disk,
    "blobs": check_blobs,
    "sandbox": check_sandbox,
    "engine": check_engine,
    "model": check_model,
    "workers": check_workers,
    "queue": check_queue,
}
