"""People: their accounts, passwords, signed-in browsers, invitations, pauses, and what each role may do.

PeopleError
  LoginTaken        the workspace has a person with this login
  NoSuchPerson      nobody has this login
  WeakPassword      too short, or the login itself
  WrongPassword     the old password did not match
  CodeSpent         an invitation or reset that was used, ran out, or never was
  LastAdmin         the workspace would be left without an admin
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, cast

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, func, update
from sqlmodel import Session, col, select

from hitl.people import throttle
from hitl.platform.locks import ROW
from hitl.platform.moves import record
from hitl.settings import settings
from models.states import Role
from models.tables import PasswordReset, User, WebSession

INVITATION_LIFE = timedelta(days=7)
RESET_LIFE = timedelta(hours=2)
SHORTEST_PASSWORD = 10

RANK: dict[Role, int] = {role: rank for rank, role in enumerate(Role)}  # validator < reviewer < ... < admin

_hasher = PasswordHasher()


@lru_cache(maxsize=1)
def _dummy_hash() -> str:
    """Compared when nobody has the login, so that the time of the answer does not tell who exists."""
    return _hasher.hash(secrets.token_urlsafe(16))


class PeopleError(Exception):
    """What went wrong with an account, as a sentence for the person."""


class LoginTaken(PeopleError):
    """The workspace has a person with this login."""


class NoSuchPerson(PeopleError):
    """Nobody has this login."""


class WeakPassword(PeopleError):
    """Too short, or the login itself."""


class WrongPassword(PeopleError):
    """The old password did not match."""


class CodeSpent(PeopleError):
    """An invitation or reset code that was used, ran out, or never was."""


class LastAdmin(PeopleError):
    """The workspace would be left without an admin."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """`token` goes into the cookie; only its hash is kept."""

    user: User
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why a sign-in failed: `wrong` (login or password, never said which) or `throttled`.

    A value, not an exception: the failed attempt must be committed, or nothing would be throttled.
    """

    reason: str
    retry_after_seconds: int = 0


def hash_token(token: str) -> str:
    """Tokens are 256 random bits, so one SHA-256 is enough; passwords get argon2."""
    return hashlib.sha256(token.encode()).hexdigest()


def at_least(user: User, role: Role) -> bool:
    """Whether the person's role is `role` or above it."""
    return RANK[Role(user.role)] >= RANK[role]


# --- accounts ---------------------------------------------------------------------------------------------------------


def add_user(
    session: Session,
    workspace_id: str,
    login: str,
    *,
    name: str = "",
    role: Role = Role.VALIDATOR,
    password: str | None = None,
    actor: str,
    now: datetime,
) -> User:
    """A new person; without `password` they cannot sign in before they used an invitation."""
    login = tidy_login(login)
    if find_user(session, workspace_id, login) is not None:
        raise LoginTaken(f"There is already a person with the login {login}.")
    user = User(workspace_id=workspace_id, login=login, name=name or login, role=role.value, created_at=now)
    if password is not None:
        user.password_hash = _hash_password(user, password)
    session.add(user)
    session.flush()
    _log(session, user, "person.added", actor, now, {"role": role.value})
    return user


def tidy_login(login: str) -> str:
    """Logins are compared without regard to case and outer spaces."""
    login = login.strip().casefold()
    if not login or len(login) > 120:
        raise PeopleError("A login is between 1 and 120 characters long.")
    return login


def find_user(session: Session, workspace_id: str, login: str) -> User | None:
    wanted = select(User).where(User.workspace_id == workspace_id, User.login == login.strip().casefold())
    return session.exec(wanted).one_or_none()


def get_user(session: Session, workspace_id: str, login: str) -> User:
    """The person with this login. Raises NoSuchPerson."""
    user = find_user(session, workspace_id, login)
    if user is None:
        raise NoSuchPerson(f"Nobody has the login {login.strip()}.")
    return user


def list_users(session: Session, workspace_id: str) -> list[User]:
    return list(session.exec(select(User).where(User.workspace_id == workspace_id).order_by(User.login)).all())


def deactivate(session: Session, user: User, *, actor: str, now: datetime) -> None:
    """The person can no longer sign in, and is signed out everywhere. Their answers stay."""
    _keep_an_admin(session, user)
    user.active = False
    revoke_sessions(session, user, actor=actor, now=now)
    _log(session, user, "person.deactivated", actor, now)


def activate(session: Session, user: User, *, actor: str, now: datetime) -> None:
    user.active = True
    _log(session, user, "person.activated", actor, now)


def change_role(session: Session, user: User, role: Role, *, actor: str, now: datetime) -> None:
    if role is not Role.ADMIN:
        _keep_an_admin(session, user)
    old, user.role = user.role, role.value
    _log(session, user, "person.role_changed", actor, now, {"from": old, "to": role.value})


def cap_hours(session: Session, user: User, hours: float | None, *, actor: str, now: datetime) -> None:
    """How many hours a week the person gets work; None for as many as they like."""
    old, user.weekly_hours_cap = user.weekly_hours_cap, hours
    _log(session, user, "person.hours_capped", actor, now, {"from": old, "to": hours})


def _keep_an_admin(session: Session, user: User) -> None:
    if user.role != Role.ADMIN.value or not user.active:
        return
    others = (
        select(func.count())
        .select_from(User)
        .where(
            User.workspace_id == user.workspace_id,
            User.role == Role.ADMIN.value,
            col(User.active),
            User.id != user.id,
        )
    )
    if session.exec(others).one() == 0:
        raise LastAdmin(f"{user.login} is the only admin of this workspace.")


# --- passwords --------------------------------------------------------------------------------------------------------


def new_password() -> str:
    """A random password that can be read aloud: five groups of four letters and digits, 103 bits."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(4)) for _ in range(5))


def set_password(session: Session, user: User, password: str, *, actor: str, now: datetime) -> None:
    """Replace the password and sign the person out everywhere. Raises WeakPassword."""
    user.password_hash = _hash_password(user, password)
    revoke_sessions(session, user, actor=actor, now=now)
    _log(session, user, "person.password_set", actor, now)


def change_password(session: Session, user: User, old: str, new: str, *, now: datetime) -> None:
    """The person changes their own password. Raises WrongPassword or WeakPassword."""
    if not _matches(user.password_hash, old):
        raise WrongPassword("The old password is not right.")
    set_password(session, user, new, actor=user.id, now=now)


def _hash_password(user: User, password: str) -> str:
    if len(password) < SHORTEST_PASSWORD:
        raise WeakPassword(f"A password needs at least {SHORTEST_PASSWORD} characters.")
    if password.casefold() == user.login:
        raise WeakPassword("The password must not be the login.")
    return _hasher.hash(password)


def _matches(password_hash: str, password: str) -> bool:
    """Constant work: an account without a password costs as much as a wrong password."""
    try:
        return _hasher.verify(password_hash or _dummy_hash(), password) and bool(password_hash)
    except (VerificationError, InvalidHashError):
        return False


# --- invitations and resets -------------------------------------------------------------------------------------------


def invite(
    session: Session, workspace_id: str, login: str, *, name: str = "", role: Role, actor: str, now: datetime
) -> tuple[User, str]:
    """A new person and the one-time code with which they choose a password. The code is shown once."""
    user = add_user(session, workspace_id, login, name=name, role=role, actor=actor, now=now)
    return user, _one_time_code(session, user, now + INVITATION_LIFE)


def begin_reset(session: Session, user: User, *, actor: str, now: datetime) -> str:
    """A one-time code to set a new password; older codes of the person stop working."""
    code = _one_time_code(session, user, now + RESET_LIFE)
    _log(session, user, "person.reset_begun", actor, now)
    return code


def use_code(session: Session, code: str, password: str, *, now: datetime) -> User:
    """Set a password with an invitation or reset code. Raises CodeSpent or WeakPassword."""
    spent = CodeSpent("This code has been used, has run out, or is not right.")
    row = session.get(PasswordReset, hash_token(code.strip()), with_for_update=ROW)
    if row is None or row.used_at is not None or row.expires_at <= now:
        raise spent
    user = session.get(User, row.user_id)
    if user is None or not user.active:
        raise spent
    set_password(session, user, password, actor=user.id, now=now)
    row.used_at = now
    return user


def _one_time_code(session: Session, user: User, expires_at: datetime) -> str:
    session.execute(delete(PasswordReset).where(col(PasswordReset.user_id) == user.id))
    code = secrets.token_urlsafe(24)
    session.add(PasswordReset(token_hash=hash_token(code), user_id=user.id, expires_at=expires_at))
    session.flush()
    return code


# --- signing in -------------------------------------------------------------------------------------------------------


def sign_in(
    session: Session, login: str, password: str, *, address: str, now: datetime, workspace_id: str | None = None
) -> SignedIn | Rejected:
    """Check login and password; a failed attempt is written down, and too many of them are turned away unheard."""
    wait = throttle.claim(login, address, now=now)
    if wait:
        return Rejected("throttled", wait)
    user = _check(session, login, password, workspace_id)
    if user is None:
        where: dict[str, Any] = {"subject": "signin", "stream": throttle.stream(login, address), "workspace_id": None}
        record(session, action="signin.failed", actor="system:signin", now=now, **where)
        return Rejected("wrong")
    throttle.give_back(login, address)
    if _hasher.check_needs_rehash(user.password_hash):
        user.password_hash = _hasher.hash(password)
    _log(session, user, "person.signed_in", user.id, now)
    return open_session(session, user, now=now)


def _check(session: Session, login: str, password: str, workspace_id: str | None) -> User | None:
    """The active person whose password this is. The same login may exist in several workspaces."""
    wanted = select(User).where(User.login == login.strip().casefold(), col(User.active))
    if workspace_id is not None:
        wanted = wanted.where(User.workspace_id == workspace_id)
    people = list(session.exec(wanted.order_by(User.id)).all())
    if not people:
        _matches("", password)
        return None
    right = [person for person in people if _matches(person.password_hash, password)]
    return right[0] if right else None


def open_session(session: Session, user: User, *, now: datetime) -> SignedIn:
    """A new signed-in browser for this person; sessions that ran out are swept with it."""
    session.execute(delete(WebSession).where(col(WebSession.user_id) == user.id, col(WebSession.expires_at) <= now))
    token, expires_at = secrets.token_urlsafe(32), now + timedelta(hours=settings().web_session_hours)
    session.add(WebSession(token_hash=hash_token(token), user_id=user.id, created_at=now, expires_at=expires_at))
    user.last_seen_at = now
    session.flush()
    return SignedIn(user, token, expires_at)


def user_of_session(session: Session, token: str, *, now: datetime) -> User | None:
    """Who the cookie belongs to; None when it ran out, was revoked, or its person was deactivated."""
    row = session.get(WebSession, hash_token(token))
    if row is None or row.expires_at <= now:
        return None
    user = session.get(User, row.user_id)
    if user is None or not user.active:
        return None
    if user.last_seen_at is None or now - user.last_seen_at > timedelta(minutes=1):
        seen = update(User).where(col(User.id) == user.id).values(last_seen_at=now)
        session.execute(seen.execution_options(synchronize_session=False))
    return user


def sign_out(session: Session, token: str) -> None:
    session.execute(delete(WebSession).where(col(WebSession.token_hash) == hash_token(token)))


def revoke_sessions(session: Session, user: User, *, actor: str, now: datetime) -> int:
    """Sign the person out everywhere; returns how many browsers that were."""
    gone = session.execute(delete(WebSession).where(col(WebSession.user_id) == user.id))
    ended = int(cast("Any", gone).rowcount)
    if ended:
        _log(session, user, "person.sessions_revoked", actor, now, {"sessions": ended})
    return ended


def _log(
    session: Session, user: User, action: str, actor: str, now: datetime, data: dict[str, Any] | None = None
) -> None:
    session.add(user)
    session.flush()
    where: dict[str, Any] = {"subject": user.id, "stream": user.id, "workspace_id": user.workspace_id}
    record(session, action=action, actor=actor, now=now, data=data, **where)
