"""A line of the log carries the ids of what it is about, and nothing of what documents say."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlmodel import Session

from hitl import pipeline
from hitl.platform import jobs, logs
from hitl.platform.jobs import enqueue
from hitl.settings import settings

VALUE = "12,345.67 of somebody"


@dataclass
class Log:
    form: str
    stream: io.StringIO

    @property
    def said(self) -> str:
        return self.stream.getvalue()


@pytest.fixture(params=["json", "text"])
def log(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    """What a process writes that was begun with this form."""
    monkeypatch.setenv("COUNTERSIGN_LOG_FORMAT", request.param)
    monkeypatch.setattr(logging, "raiseExceptions", logging.raiseExceptions)
    settings.cache_clear()
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    logs.configure()
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    stream = io.StringIO()
    handler.setStream(stream)
    yield Log(request.param, stream)
    root.handlers[:], root.level = before, level
    for name in logs.CHATTY:
        logging.getLogger(name).setLevel(logging.NOTSET)
    settings.cache_clear()


def test_a_line_carries_its_ids_and_an_error_its_place_without_its_words(log: Log):
    with logs.about(request_id="r-1", job=None), logs.about(document_id="doc_1"):
        try:
            float(VALUE)
        except ValueError:
            logging.getLogger("hitl.test").warning("broke", exc_info=True)
    logging.getLogger("hitl.test").info("later")
    said = log.said
    assert VALUE not in said
    assert "ValueError" in said
    assert "test_logs.py" in said
    if log.form == "json":
        first, later = (json.loads(line) for line in said.splitlines())
        assert {name: first[name] for name in ("level", "logger", "message", "request_id", "document_id")} == {
            "level": "WARNING",
            "logger": "hitl.test",
            "message": "broke",
            "request_id": "r-1",
            "document_id": "doc_1",
        }
        assert "job" not in first
        assert "request_id" not in later
    else:
        assert said.startswith("WARNING hitl.test: broke [request_id=r-1 document_id=doc_1]\n")
        assert said.endswith("INFO hitl.test: later\n")


def test_what_speaks_of_the_machine_is_told(log: Log):
    try:
        raise ConnectionRefusedError("no route to the store")
    except OSError:
        logging.getLogger("hitl.test").error("broke", exc_info=True)
    assert "no route to the store" in log.said


def test_a_job_knows_the_request_it_goes_back_to(session: Session):
    assert pipeline.render is not None
    with logs.about(request_id="r-2"):
        enqueue(session, "render", document_id="doc_none")
    enqueue(session, "render", document_id="doc_none")
    session.commit()
    args = session.connection().exec_driver_sql("SELECT args FROM procrastinate_jobs ORDER BY id").scalars().all()
    assert args == [{"document_id": "doc_none", "origin": {"request_id": "r-2"}}, {"document_id": "doc_none"}]


def test_a_failed_job_says_no_value(session: Session, log: Log, monkeypatch: pytest.MonkeyPatch):
    from hitl import worker

    def breaks(document_id: str) -> None:
        float(VALUE)

    monkeypatch.delitem(jobs.app.tasks, "breaks_for_a_test", raising=False)
    jobs.job("breaks_for_a_test", on_failure=lambda *_: True)(breaks)
    with logs.about(request_id="r-3"):
        enqueue(session, "breaks_for_a_test", document_id="doc_none")
    session.commit()
    worker.run_worker(wait=False, signals=False)
    said = log.said
    assert "breaks_for_a_test failed: ValueError" in said
    assert "r-3" in said
    assert VALUE not in said
