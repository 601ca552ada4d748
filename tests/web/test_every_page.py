"""Every page, with something to show and in both themes: no serious fault for axe, nothing wider than the screen.

COUNTERSIGN_SCREENSHOTS names a folder for a picture of each (`make screenshots`); AXE_CORE is axe.min.js of axe-core.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from models.states import Role
from tests import factories
from tests.web import paper, rich
from tests.web.conftest import Site

pytestmark = [pytest.mark.web, pytest.mark.slow]

AXE = Path(os.environ.get("AXE_CORE", "node_modules/axe-core/axe.min.js"))
SCREENS = os.environ.get("COUNTERSIGN_SCREENSHOTS")
SIZES = {"": (1280, 720), "-laptop": (1440, 900)}
ASK_AXE = "() => axe.run().then((found) => found.violations.map((one) => [one.impact, one.id, one.nodes[0].html]))"

Seen = Callable[[Page, str], None]


@pytest.fixture(params=["light", "dark"])
def seen(request: pytest.FixtureRequest) -> Any:
    """Looks at a page: axe, its width, and its picture where a folder is named. `seen.scheme` is the theme."""
    faults: list[Any] = []

    def look(page: Page, name: str) -> None:
        if AXE.exists():
            page.add_script_tag(path=str(AXE))
            faults.extend((name, *one) for one in page.evaluate(ASK_AXE) if one[0] in ("serious", "critical"))
        if page.evaluate("() => document.documentElement.scrollWidth > innerWidth"):
            faults.append((name, "wider than the screen"))
        if SCREENS:
            photograph(page, Path(SCREENS, request.param), name)

    look.scheme = request.param  # type: ignore[attr-defined]
    yield look
    assert not faults, "\n".join(map(str, faults))


def photograph(page: Page, folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        page.screenshot(path=folder / f"{name}{suffix}.png", full_page=not suffix)
    page.set_viewport_size({"width": 1280, "height": 720})


def visit(site: Site, browser: Browser, scheme: Any, login: str) -> Page:
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 720}, bypass_csp=True)
    context.set_default_timeout(30_000)
    return site.sign_in(context, login)


def test_the_pages_of_those_in_charge(site: Site, browser: Browser, seen: Any):
    made = rich.furnish(site)
    page = visit(site, browser, seen.scheme, "ada")
    pages = {
        "home": "/", "tour": "/tour", "queue": "/queue", "upload": "/upload", "documents": "/documents",
        "documents-exceptions": "/documents?tab=exceptions", "documents-corrected": "/documents?tab=corrections",
        "documents-trouble": "/documents?tab=trouble", "documents-none": "/documents?q=nothing",
        "document": f"/documents/{made.released.id}#field-total", "document-awaiting": f"/documents/{made.awaiting.id}",
        "document-failed": f"/documents/{made.failed.id}", "quality": "/quality",
        "quality-type": "/quality?type=receipt",
        "quality-target": "/quality?type=receipt&target=0.02", "models": "/models", "model": f"/models/{made.model.id}",
        "types": "/types", "type": "/types/receipt", "type-new": "/types/new",
        "type-preview": f"/types/receipt?preview={made.released.id}", "people": "/people", "access": "/access",
        "retention": "/retention", "missing": "/nowhere",
    }  # fmt: skip
    for name, path in pages.items():
        page.goto(site.url + path)
        seen(page, name)
    page.goto(f"{site.url}/types/receipt")
    page.get_by_role("button", name="Try it on past documents").click()
    seen(page, "type-tried")
    page.context.close()


def test_the_pages_of_a_validator(site: Site, browser: Browser, seen: Any):
    rich.furnish(site)
    page = visit(site, browser, seen.scheme, "vera")
    for name, path in {"home-validator": "/", "me": "/me", "training": "/training", "forbidden": "/queue"}.items():
        page.goto(site.url + path)
        seen(page, name)
    page.goto(f"{site.url}/training")
    page.get_by_role("button", name="Train").first.click()
    page.wait_for_selector("body[data-state=working] .sheet img")
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    page.wait_for_selector("#feedback:not([hidden])")
    seen(page, "training-lesson")
    page.context.close()


def test_an_empty_place_says_what_to_do_first(site: Site, browser: Browser, seen: Any):
    site.person("ada", Role.ADMIN)
    page = visit(site, browser, seen.scheme, "ada")
    for path in ("/", "/tour", "/queue", "/documents", "/review", "/quality", "/models", "/training", "/me", "/access"):
        page.goto(site.url + path)
        assert page.locator("main a, main button, main form").count(), path
        seen(page, f"empty{path.replace('/', '-') if path != '/' else '-home'}")
    page.goto(f"{site.url}/work")
    page.wait_for_selector("body[data-state=empty]")
    seen(page, "empty-work")
    page.context.close()


@pytest.mark.parametrize("field", [*paper.VALUES, "verify", "page"])
def test_keying_each_kind(site: Site, browser: Browser, seen: Any, field: str):
    site.person("vera")
    document = paper.read_document(site.session, site.workspace, site.version, pages=2 if field == "page" else 1)
    columns: dict[str, Any] = {"verify": {"mode": "verify", "shown_value": "12.50"}, "page": {"whole_page": True}}.get(
        field, {}
    )
    paper.task_for(site.session, document, "total" if columns else field, **columns)
    site.session.commit()
    page = visit(site, browser, seen.scheme, "vera")
    page.goto(f"{site.url}/work")
    page.wait_for_selector("body[data-state=working] .sheet img")
    seen(page, f"work-{field}")
    if field == "total":
        page.keyboard.press("?")
        seen(page, "work-keys")
        page.keyboard.press("Escape")
        page.keyboard.press("Alt+s")
        seen(page, "work-skip")
    page.context.close()


@pytest.mark.parametrize("kind", ["field", "document"])
def test_review(site: Site, browser: Browser, seen: Any, kind: str):
    site.person("rob", Role.REVIEWER)
    document = paper.read_document(site.session, site.workspace, site.version, filename="contested.png")
    make = rich.field_review if kind == "field" else rich.document_review
    make(site, document)
    page = visit(site, browser, seen.scheme, "rob")
    page.goto(f"{site.url}/review")
    page.wait_for_selector("form#decide")
    page.wait_for_function("() => [...document.images].every((one) => one.complete)")
    seen(page, f"review-{kind}")
    page.context.close()


def test_signing_in_and_a_link_that_is_spent(site: Site, browser: Browser, seen: Any):
    context = browser.new_context(color_scheme=seen.scheme, bypass_csp=True)
    page = context.new_page()
    for name, path in {"signin": "/signin", "password-spent": "/password/spent"}.items():
        page.goto(site.url + path)
        seen(page, name)
    factories.create_user(site.session, site.workspace)
    context.close()
