"""Two transactions stepped against each other: the first stops before its nth lock while the second goes as far as it
can, so that a cycle of waiting between them, if there can be one, is one."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

from sqlalchemy import event, text
from sqlmodel import Session

from hitl.platform import db

Call = Callable[[Session], object]
LOCKS = re.compile(r"^\s*(INSERT|UPDATE|DELETE)|FOR (NO KEY )?UPDATE|advisory|procrastinate_", re.IGNORECASE)
PATIENCE = 60.0


class Stepped(threading.Thread):
    """One transaction in a thread of its own. It stops once, before the statement numbered `stop` that takes locks."""

    def __init__(self, call: Call, stop: int | None = None) -> None:
        super().__init__(daemon=True)
        self.call, self.stop = call, stop
        self.locks = 0
        self.backend: int | None = None
        self.stopped, self.go = threading.Event(), threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            with db.transaction() as session:
                self.backend = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
                event.listen(session.connection(), "before_cursor_execute", self._before)
                self.call(session)
        except BaseException as error:  # noqa: BLE001  the test looks at it
            self.error = error
        finally:
            self.stopped.set()

    def _before(self, _connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if LOCKS.search(statement):
            self.locks += 1
            if self.locks == self.stop:
                self.stopped.set()
                assert self.go.wait(PATIENCE)

    def resume(self) -> None:
        self.go.set()


def interleave(first: Call, second: Call, stop: int) -> tuple[Stepped, Stepped]:
    """Both have ended when this returns, and what they raised is on them."""
    one, two = Stepped(first, stop), Stepped(second)
    one.start()
    assert one.stopped.wait(PATIENCE)
    two.start()
    with db.engine().connect() as watch:
        while not two.stopped.wait(0.002) and not _waits(watch, two):
            pass
    one.resume()
    for thread in (one, two):
        thread.join(PATIENCE)
        assert not thread.is_alive()
    return one, two


def _waits(watch: object, thread: Stepped) -> bool:
    blockers = text("SELECT cardinality(pg_blocking_pids(:backend)) > 0")
    return thread.backend is not None and bool(watch.execute(blockers, {"backend": thread.backend}).scalar())


def count_locks(call: Call) -> int:
    """How many statements of `call` take locks. It is rolled back."""

    class Undone(Exception):
        pass

    def undone(session: Session) -> None:
        call(session)
        raise Undone

    alone = Stepped(undone)
    alone.run()
    assert isinstance(alone.error, Undone), alone.error
    return alone.locks
