"""Every page: opens for its role and is closed to others, survives hostile text, and works as plain HTML."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from hitl.people.accounts import set_password
from models.states import Role
from models.tables import Document
from tests import factories
from tests.web import paper, rich
from tests.web.conftest import Site

pytestmark = pytest.mark.web
PAGES = {
    "/": Role.VALIDATOR,
    "/tour": Role.MANAGER,
    "/me": Role.VALIDATOR,
    "/training": Role.VALIDATOR,
    "/work": Role.VALIDATOR,
    "/help/": Role.VALIDATOR,
    "/review": Role.REVIEWER,
    "/documents": Role.REVIEWER,
    "/queue": Role.MANAGER,
    "/quality": Role.MANAGER,
    "/models": Role.MANAGER,
    "/people": Role.MANAGER,
    "/upload": Role.OPERATOR,
    "/types": Role.OPERATOR,
    "/types/new": Role.OPERATOR,
    "/types/receipt": Role.OPERATOR,
    "/access": Role.OPERATOR,
    "/retention": Role.OPERATOR,
}
PASSWORD = "correct horse battery"


def test_a_page_that_is_not_there_says_what_to_do(site: Site, context: BrowserContext):
    page = context.new_page()
    page.goto(f"{site.url}/nowhere")
    expect(page.locator("h1")).to_have_text("Nothing is here")
    expect(page.locator("main")).to_contain_text("begin at the start")
    assert "openapi" not in page.content()


def test_a_manager_sees_no_button_that_is_not_for_them(site: Site, context: BrowserContext):
    made: Any = rich.furnish(site)
    page = site.sign_in(context, "mona")
    for path in ("/models", f"/models/{made.model.id}", "/quality?type=receipt&target=0.02"):
        page.goto(site.url + path)
        assert page.locator("main form[method=post]").count() == 0, path


def with_document(site: Site, **columns: Any) -> Document:
    document = paper.read_document(site.session, site.workspace, site.version, **columns)
    for field in ("total", "company"):
        paper.task_for(site.session, document, field)
    site.session.commit()
    return document


@pytest.mark.parametrize("role", list(Role))
def test_pages_open_for_their_role_and_are_closed_to_those_below(site: Site, context: BrowserContext, role: Role):
    site.person("pat", role)
    with_document(site)
    page = site.sign_in(context, "pat")
    ranks = list(Role)
    for path, least in PAGES.items():
        expected = 200 if ranks.index(role) >= ranks.index(least) else 403
        response = page.request.get(site.url + path, headers={"Accept": "text/html"})
        assert (path, response.status) == (path, expected)


def test_strangers_are_sent_to_sign_in_and_come_back(site: Site, context: BrowserContext):
    user = site.person("vera")
    set_password(site.session, user, PASSWORD, actor="test", now=factories.NOW)
    site.session.commit()
    page = context.new_page()
    page.goto(f"{site.url}/me")
    page.wait_for_url("**/signin?next=/me")
    page.fill("#login", "vera")
    page.fill("#password", "not this one")
    page.keyboard.press("Enter")
    expect(page.locator("[role=alert]")).to_have_text("Login or password is not right.")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/me")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/signin**")


@pytest.mark.parametrize(
    "elsewhere", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_never_leads_to_another_site(site: Site, context: BrowserContext, elsewhere: str):
    from api.web.visitor import safe_path

    assert safe_path(elsewhere) == "/"


def test_another_workspace_is_not_there(site: Site, context: BrowserContext):
    site.person("ada", Role.ADMIN)
    elsewhere = factories.create_workspace(site.session)
    foreign = factories.create_document(site.session, elsewhere)
    stranger = factories.create_user(site.session, elsewhere)
    site.session.commit()
    page = site.sign_in(context, "ada")
    for path in (
        f"/documents/{foreign.id}",
        f"/documents/{foreign.id}/result.json",
        f"/documents/{foreign.id}/pages/1.png",
    ):
        assert page.request.get(site.url + path).status == 404
    assert page.request.post(f"{site.url}/people/{stranger.id}/deactivate").status == 404
