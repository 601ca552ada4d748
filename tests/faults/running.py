"""Real worker processes for tests of faults, and real little documents to give them."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from PIL import Image, ImageDraw
from reportlab.pdfgen.canvas import Canvas
from sqlmodel import Session, col, select

from hitl.platform import db
from models.states import DocumentState
from models.tables import Document

ROOT = Path(__file__).resolve().parents[2]
QUICK = {
    "COUNTERSIGN_HEARTBEAT_SECONDS": "0.3",
    "COUNTERSIGN_STALLED_SECONDS": "5",
    "COUNTERSIGN_RETRY_SECONDS": "0.1",
    "COUNTERSIGN_WORKER_CHILDREN": "2",
    "COUNTERSIGN_OCR_ENGINE": "tesserocr",
    "OMP_NUM_THREADS": "1",
}
SETTLED = {
    DocumentState.AWAITING_TYPE,
    DocumentState.IN_REVIEW,
    DocumentState.RELEASED,
    DocumentState.REFUSED,
    DocumentState.FAILED,
}


def a_pdf(*pages: str) -> bytes:
    """A PDF with a text layer, one line a page."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(400, 500), invariant=1)
    for line in pages:
        canvas.setFont("Helvetica", 18)
        canvas.drawString(40, 420, line)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def a_scan(*lines: str) -> bytes:
    """A page image without a text layer."""
    image = Image.new("L", (850, 700), "white")
    pen = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        pen.text((80, 80 + 60 * number), line, fill="black", font_size=32)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def start_worker(log: Path) -> subprocess.Popen[bytes]:
    """One worker process with short times."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-c", "from hitl.worker import main; main()"],
            cwd=ROOT, env={**os.environ, **QUICK}, stdout=output, stderr=output,
        )  # fmt: skip


@contextmanager
def worker(log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker that is stopped politely at the end."""
    process = start_worker(log)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def kill(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """SIGKILL. Returns the children it had."""
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    return children


def wait_until(claim: Callable[[], bool], seconds: float, log: Path) -> None:
    """Return when `claim` holds; fail with the end of the worker's log after so many seconds."""
    end = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > end:
            raise AssertionError("it did not happen; the worker said:\n" + log.read_text()[-4000:])
        time.sleep(0.1)


def states(ids: list[str]) -> dict[str, str]:
    """The state of each document, read afresh."""
    with Session(db.engine()) as session:
        rows = session.exec(select(Document.id, Document.state).where(col(Document.id).in_(ids))).all()
        return {str(document_id): str(state) for document_id, state in rows}


def all_settled(ids: list[str]) -> bool:
    return all(state in SETTLED for state in states(ids).values())
