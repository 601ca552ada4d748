"""People: accounts, passwords, invitations, sessions and throttling."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import argon2
import pytest
from argon2 import PasswordHasher
from sqlmodel import Session, select

from hitl.people import accounts, keys, throttle
from hitl.people.accounts import Rejected, SignedIn
from hitl.platform import db
from models.states import Role
from models.tables import Event, PasswordReset, SignInCount, User, WebSession, Workspace

PASSWORD = "correct horse battery"


@pytest.fixture
def ann(session: Session, workspace: Workspace, now: datetime) -> User:
    return accounts.add_user(session, workspace.id, "Ann", role=Role.ADMIN, password=PASSWORD, actor="t", now=now)


def sign_in(session: Session, login: str, password: str, now: datetime, address: str = "10.0.0.1"):
    return accounts.sign_in(session, login, password, address=address, now=now)


def test_the_right_password_opens_a_session_until_it_runs_out(session: Session, ann: User, now: datetime):
    entered = sign_in(session, " ANN ", PASSWORD, now)
    assert isinstance(entered, SignedIn)
    assert accounts.user_of_session(session, entered.token, now=now) == ann
    assert accounts.user_of_session(session, entered.token, now=entered.expires_at) is None
    assert accounts.user_of_session(session, "guess", now=now) is None


def test_neither_password_nor_token_is_stored(session: Session, ann: User, now: datetime):
    entered = sign_in(session, "ann", PASSWORD, now)
    assert isinstance(entered, SignedIn)
    stored = str([row.model_dump() for table in (User, WebSession, Event) for row in session.exec(select(table)).all()])
    assert PASSWORD not in stored
    assert entered.token not in stored
    assert ann.password_hash.startswith("$argon2id$")


def test_a_password_costs_those_who_guess_it(whole_hasher: PasswordHasher):
    """At least what OWASP asks of argon2id; tests themselves hash for nothing."""
    parameters = argon2.extract_parameters(whole_hasher.hash(PASSWORD))
    assert parameters.type == argon2.Type.ID
    assert parameters.memory_cost * parameters.time_cost >= 2 * 19 * 1024


def test_a_wrong_password_and_an_unknown_login_are_answered_alike(session: Session, ann: User, now: datetime):
    assert sign_in(session, "ann", "wrong", now) == sign_in(session, "nobody", "wrong", now) == Rejected("wrong")


def test_the_fifth_failure_closes_the_door_for_a_while(session: Session, ann: User, now: datetime):
    for _ in range(5):
        assert sign_in(session, "ann", "wrong", now) == Rejected("wrong")
    shut = sign_in(session, "ann", PASSWORD, now)
    assert isinstance(shut, Rejected)
    assert shut.reason == "throttled"
    assert 0 < shut.retry_after_seconds <= 901
    assert isinstance(sign_in(session, "ann", PASSWORD, now, address="10.0.0.2"), SignedIn)
    later = now + throttle.WINDOW + timedelta(seconds=1)
    assert isinstance(sign_in(session, "ann", PASSWORD, later), SignedIn)


def test_parallel_tries_do_not_pass_the_limit(session: Session, ann: User, now: datetime):
    session.commit()
    together = threading.Barrier(12)

    def attempt(_: int) -> str:
        together.wait()
        with db.transaction() as own:
            entered = sign_in(own, "ann", "wrong", now)
        return entered.reason if isinstance(entered, Rejected) else "in"

    with ThreadPoolExecutor(12) as pool:
        assert sorted(pool.map(attempt, range(12))) == ["throttled"] * 7 + ["wrong"] * 5


def test_right_passwords_do_not_count(session: Session, ann: User, now: datetime):
    for _ in range(2 * throttle.MOST["pair"]):
        assert isinstance(sign_in(session, "ann", PASSWORD, now), SignedIn)


def test_tries_while_the_door_is_shut_do_not_keep_it_shut(session: Session, ann: User, now: datetime):
    for minute in range(15):
        sign_in(session, "ann", "wrong", now + timedelta(minutes=minute))
    later = now + throttle.WINDOW + timedelta(seconds=1)
    assert isinstance(sign_in(session, "ann", PASSWORD, later), SignedIn)
    throttle.forget_old(session, now=later)
    assert len(session.exec(select(SignInCount)).all()) == 3
    throttle.forget_old(session, now=later + throttle.WINDOW)
    assert not session.exec(select(SignInCount)).all()


def test_one_address_cannot_try_many_logins(session: Session, ann: User, now: datetime, monkeypatch):
    monkeypatch.setitem(throttle.MOST, "address", 3)
    for number in range(3):
        sign_in(session, f"nobody{number}", "wrong", now)
    assert isinstance(sign_in(session, "ann", PASSWORD, now), Rejected)


def test_failed_attempts_name_nobody_in_the_log(session: Session, ann: User, now: datetime):
    sign_in(session, "ann", "wrong", now)
    failures = session.exec(select(Event).where(Event.action == "signin.failed")).all()
    assert len(failures) == 1
    assert all("ann" not in event.stream and "10.0.0.1" not in event.stream for event in failures)


def test_an_account_without_password_lets_nobody_in(session: Session, workspace: Workspace, now: datetime):
    accounts.add_user(session, workspace.id, "bob", actor="t", now=now)
    assert sign_in(session, "bob", "", now) == Rejected("wrong")


def test_an_invitation_sets_a_password_once(session: Session, workspace: Workspace, now: datetime):
    bob, code = accounts.invite(session, workspace.id, "bob", role=Role.REVIEWER, actor="t", now=now)
    assert accounts.use_code(session, code, PASSWORD, now=now) == bob
    assert isinstance(sign_in(session, "bob", PASSWORD, now), SignedIn)
    with pytest.raises(accounts.CodeSpent):
        accounts.use_code(session, code, "another password", now=now)
    assert code not in str([row.model_dump() for row in session.exec(select(PasswordReset)).all()])


def test_a_code_runs_out_and_a_newer_one_replaces_it(session: Session, ann: User, now: datetime):
    first = accounts.begin_reset(session, ann, actor="t", now=now)
    second = accounts.begin_reset(session, ann, actor="t", now=now)
    for code, when in ((first, now), (second, now + accounts.RESET_LIFE), ("guess", now)):
        with pytest.raises(accounts.CodeSpent):
            accounts.use_code(session, code, PASSWORD, now=when)


def test_a_weak_password_does_not_spend_the_code(session: Session, ann: User, now: datetime):
    code = accounts.begin_reset(session, ann, actor="t", now=now)
    with pytest.raises(accounts.WeakPassword):
        accounts.use_code(session, code, "short", now=now)
    assert accounts.use_code(session, code, "long enough now", now=now) == ann


def test_a_new_password_signs_out_everywhere(session: Session, ann: User, now: datetime):
    entered = sign_in(session, "ann", PASSWORD, now)
    assert isinstance(entered, SignedIn)
    with pytest.raises(accounts.WrongPassword):
        accounts.change_password(session, ann, "not it at all", "a new password", now=now)
    accounts.change_password(session, ann, PASSWORD, "a new password", now=now)
    assert accounts.user_of_session(session, entered.token, now=now) is None


def test_a_deactivated_person_is_out_at_once(session: Session, workspace: Workspace, ann: User, now: datetime):
    bob = accounts.add_user(session, workspace.id, "bob", password=PASSWORD, actor="t", now=now)
    entered = sign_in(session, "bob", PASSWORD, now)
    assert isinstance(entered, SignedIn)
    accounts.deactivate(session, bob, actor=ann.id, now=now)
    assert accounts.user_of_session(session, entered.token, now=now) is None
    assert sign_in(session, "bob", PASSWORD, now) == Rejected("wrong")
    accounts.activate(session, bob, actor=ann.id, now=now)
    assert isinstance(sign_in(session, "bob", PASSWORD, now), SignedIn)


def test_the_last_admin_stays(session: Session, workspace: Workspace, ann: User, now: datetime):
    with pytest.raises(accounts.LastAdmin):
        accounts.deactivate(session, ann, actor="t", now=now)
    with pytest.raises(accounts.LastAdmin):
        accounts.change_role(session, ann, Role.VALIDATOR, actor="t", now=now)
    accounts.add_user(session, workspace.id, "bob", role=Role.ADMIN, actor="t", now=now)
    accounts.deactivate(session, ann, actor="t", now=now)


def test_a_login_is_taken_once_whatever_its_case(session: Session, workspace: Workspace, ann: User, now: datetime):
    with pytest.raises(accounts.LoginTaken):
        accounts.add_user(session, workspace.id, "ANN", actor="t", now=now)
    with pytest.raises(accounts.PeopleError):
        accounts.add_user(session, workspace.id, "  ", actor="t", now=now)


def test_made_up_passwords_are_long_and_differ():
    made = {accounts.new_password() for _ in range(100)}
    assert len(made) == 100
    assert all(len(password) == 24 for password in made)


@pytest.mark.parametrize("role", list(Role))
def test_roles_stand_in_one_line(role: Role):
    assert [accounts.at_least(User(role=role.value), other) for other in Role] == [
        accounts.RANK[other] <= accounts.RANK[role] for other in Role
    ]


def test_a_key_of_a_scope_that_does_not_exist_is_refused(session: Session, workspace: Workspace, now: datetime):
    with pytest.raises(keys.UnknownScope, match="documents:read"):
        keys.add_key(session, workspace.id, "k", ["documents:paint"], actor="t", now=now)


def test_a_key_is_revoked_in_its_workspace_alone(session: Session, workspace: Workspace, now: datetime):
    key, secret = keys.add_key(session, workspace.id, "k", [keys.Scope.DOCUMENTS_READ], actor="t", now=now)
    with pytest.raises(keys.NoSuchKey):
        keys.revoke_key(session, "ws_other", key.id, actor="t", now=now)
    assert keys.key_of(session, secret, now=now) == key
    assert not keys.allows(key, keys.Scope.DOCUMENTS_WRITE)
    keys.revoke_key(session, workspace.id, key.id, actor="t", now=now)
    assert keys.key_of(session, secret, now=now) is None
