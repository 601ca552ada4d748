"""The start page of those in charge: the alerts, and the tour that ticks itself off."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, expect

from models.states import Role
from tests.web import paper, rich
from tests.web.conftest import Site

pytestmark = pytest.mark.web


def test_the_morning_list_names_what_needs_somebody(site: Site, context: BrowserContext):
    rich.furnish(site)
    page = site.sign_in(context, "ada")
    page.goto(site.url)
    said = page.locator(".todo")
    for sign in ("late", "failed", "no type", "held", "corrected", "exceptions", "paused", "drift", "model"):
        expect(said.locator(".tag", has_text=sign)).to_have_count(1)
    page.get_by_role("link", name="See what was wrong").click()
    expect(page.locator("tbody tr")).to_have_count(1)


def test_with_nothing_the_matter_the_list_says_so(site: Site, context: BrowserContext):
    site.person("ada", Role.ADMIN)
    page = site.sign_in(context, "ada")
    page.goto(site.url)
    expect(page.locator("main")).to_contain_text("Nothing. No document is late")


def test_the_tour_ticks_itself_off(site: Site, context: BrowserContext):
    site.person("ada", Role.ADMIN)
    page = site.sign_in(context, "ada")
    page.goto(f"{site.url}/tour")
    expect(page.locator(".steps .done")).to_have_count(0)
    document = paper.read_document(site.session, site.workspace, site.version)
    site.session.commit()
    page.goto(f"{site.url}/documents/{document.id}")
    page.wait_for_function("() => [...document.images].every((one) => one.complete)")
    page.goto(f"{site.url}/tour")
    expect(page.locator(".steps .done h2")).to_have_text(["Watch documents being read", "See where a value came from"])
