"""How many sign-ins are tried: counted before the password is looked at, so that parallel tries cannot pass the limit.

An attempt is claimed in a transaction of its own, which commits before the slow comparison begins; the row of the
counter makes parallel claims wait for each other for that moment alone. A right password gives its claim back, again
in a transaction of its own.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import case, delete, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from hitl.platform.db import request_engine, transaction
from models.tables import SignInCount

WINDOW = timedelta(minutes=15)  # begins with the first failure and is not drawn out by more of them
MOST = {"pair": 5, "address": 50, "login": 30}  # failures within the window, before further attempts are turned away


def claim(login: str, address: str, *, now: datetime) -> int:
    """Count one attempt. Returns 0 when it is welcome, else the seconds until the next one will be."""
    with transaction(request_engine) as session:
        waits = [_count(session, counter, MOST[kind], now) for kind, counter in _counters(login, address)]
    return max(waits)


def give_back(login: str, address: str) -> None:
    """The attempt was right: it does not count."""
    with transaction(request_engine) as session:
        for _, counter in _counters(login, address):
            one_less = update(SignInCount).where(col(SignInCount.counter) == counter, col(SignInCount.attempts) > 0)
            session.execute(one_less.values(attempts=SignInCount.attempts - 1))


def forget_old(session: Session, *, now: datetime) -> None:
    """Counters whose window is over say nothing any more."""
    session.execute(delete(SignInCount).where(col(SignInCount.since) <= now - WINDOW))


def stream(login: str, address: str) -> str:
    """Where failures of this login from this address are logged: a digest, because logins are personal."""
    return f"signin:{dict(_counters(login, address))['pair']}"


def _counters(login: str, address: str) -> list[tuple[str, str]]:
    """Kind and key of every counter, in one order for all, so that two attempts never wait for each other."""
    login = login.strip().casefold()
    parts = {"pair": f"{login}|{address}", "login": login, "address": address}
    keys = [(kind, hashlib.sha256(f"{kind}:{part}".encode()).hexdigest()[:32]) for kind, part in parts.items()]
    return sorted(keys, key=lambda one: one[1])


def _count(session: Session, counter: str, most: int, now: datetime) -> int:
    over = col(SignInCount.since) <= now - WINDOW
    claimed = insert(SignInCount).values(counter=counter, since=now, attempts=1)
    counted = claimed.on_conflict_do_update(
        index_elements=["counter"],
        set_={
            "since": case((over, now), else_=col(SignInCount.since)),
            "attempts": case((over, 1), else_=func.least(col(SignInCount.attempts) + 1, most + 1)),
        },
    )
    since, attempts = session.execute(counted.returning(col(SignInCount.since), col(SignInCount.attempts))).one()
    return int((since + WINDOW - now).total_seconds()) + 1 if attempts > most else 0
