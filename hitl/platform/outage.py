"""What of the database's errors is no fault of the request or job: it is away, or too busy just now. Send it again.

DatabaseAway      it does not answer: it is stopped, starting, or out of reach
DatabaseBusy      a lock, a statement or a connection was waited for too long; or two waited for each other
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import ClassVar

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection

PAUSE = 1.0  # seconds after a failed try in which nobody tries to connect
BUSY = ("55P03", "57014", "40P01", "40001", "53300", "25P03")  # lock, statement, deadlock, too many clients, idle
AWAY = ("08", "57P")  # connection errors; the server shuts down, has crashed, or is starting


class DatabaseAway(Exception):
    """The database does not answer."""

    retry_seconds: ClassVar[int] = 2

    def __init__(self) -> None:
        super().__init__("The database does not answer just now; nothing of this request was saved.")


class DatabaseBusy(Exception):
    """Something was waited for too long."""

    retry_seconds: ClassVar[int] = 1

    def __init__(self) -> None:
        super().__init__("The database is too busy just now; nothing of this request was saved.")


class Breaker:
    """After a failed try to connect all others fail at once for a moment, instead of each waiting for its own."""

    def __init__(self) -> None:
        self.until = 0.0

    def check(self) -> None:
        if monotonic() < self.until:
            raise DatabaseAway

    def trip(self) -> None:
        self.until = monotonic() + PAUSE


breaker = Breaker()


@contextmanager
def translated() -> Iterator[None]:
    """Raise errors of an absent or busy database as such. All others pass as they are."""
    breaker.check()
    try:
        yield
    except Exception as error:
        outage = outage_of(error)
        if isinstance(outage, DatabaseAway):
            breaker.trip()
        if outage is not None:
            raise outage from error
        raise


def outage_of(error: BaseException | None) -> DatabaseAway | DatabaseBusy | None:
    """The outage that is behind an error of SQLAlchemy, of psycopg or of the job queue; None if there is none."""
    while error is not None:
        if isinstance(error, NoConnection):
            return DatabaseBusy()
        if isinstance(error, psycopg.Error):
            state = error.sqlstate or ""
            if state in BUSY:
                return DatabaseBusy()
            is_cut = isinstance(error, psycopg.OperationalError) and not state
            return DatabaseAway() if is_cut or state.startswith(AWAY) else None
        error = error.orig if isinstance(error, DBAPIError) else error.__cause__
    return None
