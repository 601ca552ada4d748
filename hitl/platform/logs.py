"""Lines of the log: as text or JSON, each with the ids of the request, job and document that it is about.

What documents say never stands in one: of an error its class and place are told, and its message only where that speaks
of the machine (files, network, the database, whose messages carry no values: `hitl.platform.db`).
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType, TracebackType

import psycopg
from sqlalchemy.exc import DBAPIError

from hitl.platform.outage import DatabaseAway, DatabaseBusy
from hitl.settings import settings

TELLABLE = (OSError, psycopg.Error, DBAPIError, DatabaseAway, DatabaseBusy)
CHATTY = ("procrastinate", "httpx", "RapidOCR")  # they say the same as our own lines, or arguments

_ids: ContextVar[Mapping[str, str]] = ContextVar("ids", default=MappingProxyType({}))


@contextmanager
def about(**ids: str | None) -> Iterator[None]:
    """Lines within the block carry these ids, too: `request_id`, `job_id`, `job`, `document_id`."""
    token = _ids.set({**_ids.get(), **{name: value for name, value in ids.items() if value}})
    try:
        yield
    finally:
        _ids.reset(token)


def ids() -> Mapping[str, str]:
    """Of what is being done just now."""
    return _ids.get()


def configure() -> None:
    """Let the root logger of this process write as the settings say. What was configured before is replaced."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLine() if settings().log_format == "json" else TextLine())
    logging.raiseExceptions = False  # what cannot be written is not shown with its traceback
    logging.basicConfig(level=settings().log_level, handlers=[handler], force=True)
    for name in CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))


Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class TextLine(logging.Formatter):
    """LEVEL logger: message [name=id ...], and below it where an error came from."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        record.exc_text = None  # of another handler, with the error's own words
        return super().format(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        told = " ".join(f"{name}={value}" for name, value in ids().items())
        return super().formatMessage(record) + (f" [{told}]" if told else "")

    def formatException(self, ei: Raised) -> str:  # noqa: N802
        return "\n".join(_told(ei[1])) if ei[1] is not None else ""


class JsonLine(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the ids, and `error` with its class and place."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **ids(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = "\n".join(_told(record.exc_info[1]))
        return json.dumps(line, ensure_ascii=False, default=str)


def _told(error: BaseException | None) -> Iterator[str]:
    """The chain of errors, the first cause first."""
    if error is None:
        return
    yield from _told(error.__cause__ or (None if error.__suppress_context__ else error.__context__))
    frames = traceback.extract_tb(error.__traceback__)
    yield from (f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
    yield class_of(error) + (f": {error}" if isinstance(error, TELLABLE) else "")


def class_of(error: BaseException) -> str:
    """The full name of an error's class."""
    return f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
