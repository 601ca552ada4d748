"""The manual under /help/: every page is there for whoever signed in, and every link on it leads somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import BrowserContext, Page
from sqlmodel import Session

from api.app import create_app
from api.web import manual
from api.web.visitor import COOKIE
from hitl.people.accounts import open_session
from models.tables import Workspace
from tests import factories
from tests.web.conftest import Site


@pytest.fixture
def reader(session: Session, workspace: Workspace) -> Iterator[TestClient]:
    """A validator who is signed in."""
    token = open_session(session, factories.create_user(session, workspace), now=datetime.now(UTC)).token
    session.commit()
    with TestClient(create_app(), cookies={COOKIE: token}) as client:
        yield client


def leads_to(html: str, address: str) -> set[str]:
    """The addresses of this site that a page links to or shows, without their anchors."""
    found = {urljoin(address, link) for link in re.findall(r'(?:href|src)="([^"]+)"', html)}
    return {link.partition("#")[0] for link in found if link.startswith("/help/") and not urlsplit(link).netloc}


def test_every_page_is_reached_from_the_first_and_every_link_leads_somewhere(reader: TestClient):
    seen: dict[str, str] = {}
    waiting = {"/help/"}
    while waiting:
        address = waiting.pop()
        answer = reader.get(address)
        assert answer.status_code == 200, address
        seen[address] = answer.headers["content-type"].partition(";")[0]
        if seen[address] == "text/html":
            waiting |= leads_to(answer.text, address) - set(seen)
    assert {f"/help/{name}" for name in manual.files()} <= set(seen)
    assert seen["/help/flow.svg"] == "image/svg+xml"


def test_anchors_are_those_that_the_links_name(reader: TestClient):
    page = reader.get("/help/own-type.md").text
    assert 'href="benchmarks.md#learning-curves"' in page
    assert '<h3 id="learning-curves">' in reader.get("/help/benchmarks.md").text


def test_source_text_keeps_its_name_and_loses_its_link(reader: TestClient):
    page = reader.get("/help/").text
    assert "README</" not in page
    assert "stands in the README of the repository" in " ".join(page.split())


def test_the_manual_is_for_those_who_signed_in(database: str):
    with TestClient(create_app()) as stranger:
        answer = stranger.get("/help/", headers={"accept": "text/html"}, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/signin?next=/help/")


@pytest.mark.parametrize("name", ["nothing.md", "..%2fREADME.md", "%2e%2e", "flow"])
def test_what_is_no_page_of_it_is_not_shown(reader: TestClient, name: str):
    answer = reader.get(f"/help/{name}")
    assert answer.status_code == 404


def test_tags_in_a_page_are_text(monkeypatch: pytest.MonkeyPatch, tmp_path):
    (tmp_path / "page.md").write_text("# A <b>page</b>\n\n<script>alert(1)</script>\n\n| a |\n|---|\n| <i>b</i> |\n")
    monkeypatch.setattr(manual, "FOLDER", tmp_path)
    manual.html_of.cache_clear()
    made = manual.html_of("page.md")
    manual.html_of.cache_clear()
    assert not re.findall(r"<(?:script|b|i)>", made)
    assert "&lt;script&gt;" in made


@pytest.mark.web
@pytest.mark.parametrize("width", [1280, 390])
def test_a_page_is_no_wider_than_the_screen_and_its_picture_is_there(site: Site, context: BrowserContext, width: int):
    site.person("vera")
    page = site.sign_in(context, "vera")
    page.set_viewport_size({"width": width, "height": 720})
    for name in ("architecture.md", "glossary.md", "benchmarks.md", "quickstart.md"):
        page.goto(f"{site.url}/help/{name}")
        assert not page.evaluate("() => document.documentElement.scrollWidth > innerWidth"), name
    assert is_shown(page, f"{site.url}/help/architecture.md")


def is_shown(page: Page, address: str) -> bool:
    page.goto(address)
    page.wait_for_function("() => [...document.images].every((one) => one.complete)")
    return bool(page.evaluate("() => [...document.images].every((one) => one.naturalWidth > 0)"))
