"""A running site on a free port, for tests that drive pages by keys."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, expect
from sqlmodel import Session

from api.web.visitor import COOKIE
from hitl.people.accounts import get_user, open_session
from hitl.workspace.workspaces import ensure_base_model
from models.states import Role
from models.tables import DocumentTypeVersion, User, Workspace
from tests import factories
from tests.web import paper

expect.set_options(timeout=30_000)  # a loaded machine is slow, not wrong


@dataclass
class Site:
    """A running server, its workspace, and people who can sign in."""

    url: str
    session: Session
    workspace: Workspace
    version: DocumentTypeVersion

    def person(self, login: str, role: Role = Role.VALIDATOR) -> User:
        user = factories.create_user(self.session, self.workspace, role, login=login, name=login.capitalize())
        self.session.commit()
        return user

    def fresh(self) -> None:
        """Let the session see what the server wrote."""
        self.session.rollback()
        self.session.expire_all()

    def sign_in(self, context: BrowserContext, login: str) -> Page:
        """A page of this person, signed in without the form, which has a test of its own."""
        user = get_user(self.session, self.workspace.id, login)
        signed_in = open_session(self.session, user, now=datetime.now(UTC))
        self.session.commit()
        context.add_cookies([{"name": COOKIE, "value": signed_in.token, "url": self.url}])
        return context.new_page()


@pytest.fixture
def site(database: str, session: Session, workspace: Workspace) -> Iterator[Site]:
    """The whole application on a free port, with a workspace and one document type."""
    from api.app import create_app

    version = factories.create_type(session, workspace, paper.RECEIPT)
    ensure_base_model(session, factories.NOW)
    session.commit()
    server = uvicorn.Server(uvicorn.Config(create_app(), host="127.0.0.1", port=0, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Site(f"http://127.0.0.1:{port}", session, workspace, version)
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="session")
def profile(browser: Browser) -> Iterator[tuple[BrowserContext, CDPSession]]:
    """One profile of the browser for the run, and the way to what it keeps: a new one costs half a CPU second."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    yield context, context.new_cdp_session(context.new_page())
    context.close()


@pytest.fixture
def context(profile: tuple[BrowserContext, CDPSession], site: Site) -> Iterator[BrowserContext]:
    """The profile as new: what a test stored and set is gone when it ends."""
    context, keeper = profile
    kept = context.pages[0]
    context.set_default_timeout(30_000)
    yield context
    for page in context.pages:
        if page is not kept:
            page.close()
    context.set_offline(False)
    context.clear_cookies()
    keeper.send("Storage.clearDataForOrigin", {"origin": site.url, "storageTypes": "all"})
