"""A running site on a free port and Debian's Chromium, for tests that drive pages by keys."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from sqlmodel import Session

from hitl.people import set_password
from models.states import Role
from models.tables import DocumentTypeVersion, User, Workspace
from tests import factories
from tests.web import paper

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PASSWORD = "correct horse battery"


@dataclass
class Site:
    """A running server, its workspace, and people who can sign in."""

    url: str
    session: Session
    workspace: Workspace
    version: DocumentTypeVersion

    def person(self, login: str, role: Role = Role.VALIDATOR) -> User:
        user = factories.create_user(self.session, self.workspace, role, login=login, name=login.capitalize())
        set_password(self.session, user, PASSWORD, actor="test", now=factories.NOW)
        self.session.commit()
        return user

    def sign_in(self, context: BrowserContext, login: str) -> Page:
        page = context.new_page()
        page.goto(f"{self.url}/signin")
        page.fill("#login", login)
        page.fill("#password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{self.url}/")
        return page


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not shutil.which(CHROMIUM):
        pytest.skip(f"no Chromium at {CHROMIUM}; install Debian's package chromium or set CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def site(database: str, session: Session, workspace: Workspace) -> Iterator[Site]:
    """The whole application on a free port, with a workspace and one document type."""
    from api.app import create_app

    version = factories.create_type(session, workspace, paper.RECEIPT)
    factories.create_model(session, name="base")
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
