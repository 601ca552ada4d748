"""Every page on a phone of 390 pixels: nothing stands outside, and a field is keyed with the thumb.

COUNTERSIGN_SCREENSHOTS names a folder for a picture of each.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from models.states import Role
from tests.web import rich
from tests.web.conftest import Site
from tests.web.work.test_keying import kept, nothing_left, open_bench, with_tasks

pytestmark = pytest.mark.web
WIDEST = """[...document.querySelectorAll('body *')].filter((one) => one.getBoundingClientRect().right > 391)
    .map((one) => one.tagName + '.' + one.className + '#' + one.id).slice(0, 5)"""
SCREENS = os.environ.get("COUNTERSIGN_SCREENSHOTS")


@pytest.fixture(scope="module")
def phone(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True)
    yield context
    context.close()


def outside(page: Page, name: str) -> list[str]:
    """What makes the page wider than the phone."""
    if SCREENS:
        page.screenshot(path=f"{SCREENS}/phone-{name}.png", full_page=True)
    wide = page.evaluate("document.documentElement.scrollWidth")
    return [f"{name} is {wide} wide: {page.evaluate(WIDEST)}"] if wide > 390 else []


def test_every_page_fits(site: Site, phone: BrowserContext):
    made = rich.furnish(site)
    site.person("omar", Role.OPERATOR)
    page = site.sign_in(phone, "omar")
    pages = {
        "home": "/", "tour": "/tour", "queue": "/queue", "upload": "/upload", "documents": "/documents",
        "document": f"/documents/{made.released.id}", "quality": "/quality?type=receipt", "models": "/models",
        "model": f"/models/{made.model.id}", "types": "/types", "type": "/types/receipt", "people": "/people",
        "levels": "/people/levels", "access": "/access", "retention": "/retention", "training": "/training",
        "me": "/me", "review": "/review", "manual": "/help/", "page-of-manual": "/help/benchmarks.md",
    }  # fmt: skip
    found = []
    for name, path in pages.items():
        page.goto(site.url + path)
        found += outside(page, name)
    assert not found


def test_a_field_is_keyed_by_thumb(site: Site, phone: BrowserContext):
    site.person("vera")
    with_tasks(site, "total", "items")
    page = open_bench(site, phone)
    assert not outside(page, "keying")
    stage = page.locator("#stage").bounding_box()
    send = page.get_by_role("button", name="Send").bounding_box()
    assert stage is not None
    assert send is not None
    assert stage["height"] >= 150  # the picture keeps its share
    assert send["y"] + send["height"] <= 780
    page.locator(".answer-box").first.fill("12.50")
    page.get_by_role("button", name="Send").tap()
    page.wait_for_selector(".rows")
    assert not outside(page, "keying-table")
    page.get_by_role("button", name="Not there").tap()  # it shows the whole page first
    page.wait_for_selector("body[data-layout=page] .sheet img")
    page.get_by_role("button", name="Not there").tap()
    nothing_left(page)
    answers = kept(site, page)
    assert [one.value_state for one in answers] == ["found", "absent"]
    expect(page.locator("#nothing")).to_be_visible()
