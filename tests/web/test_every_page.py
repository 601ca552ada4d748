"""Every page, with something to show and in both themes: no serious fault for axe, nothing wider than the screen.

COUNTERSIGN_SCREENSHOTS names a folder for a picture of each (`make screenshots`); AXE_CORE another axe.min.js.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from models.states import Role
from tests.web import paper, rich
from tests.web.conftest import Site

pytestmark = [pytest.mark.web, pytest.mark.slow]

SCREENS = os.environ.get("COUNTERSIGN_SCREENSHOTS")
SIZES = {"": (1280, 720), "-laptop": (1440, 900)}
# The second theme changes colours only, so only they are looked at again.
RULES: dict[str, list[str] | None] = {"light": None, "dark": ["color-contrast"]}
ASK_AXE = """(rules) => axe.run(rules ? { runOnly: rules } : {}).then(
    (found) => found.violations.map((one) => [one.impact, one.id, one.nodes[0].html]))"""

Seen = Callable[[Page, str], None]


@pytest.fixture(scope="module")
def axe() -> str:
    """The source of axe-core: that of the development package, or the file that AXE_CORE names."""
    if path := os.environ.get("AXE_CORE"):
        return Path(path).read_text()
    package = find_spec("axe_playwright_python")
    assert package is not None, "axe-core is not installed: make install-dev"
    assert package.origin is not None
    return Path(package.origin).with_name("axe.min.js").read_text()


@pytest.fixture
def seen(axe: str) -> Iterator[Seen]:
    """Looks at a page in both themes: axe, its width, and its picture where a folder is named."""
    faults: list[Any] = []

    def look(page: Page, name: str) -> None:
        page.evaluate(axe)
        for theme, rules in RULES.items():
            page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            found = page.evaluate(ASK_AXE, rules)
            faults.extend((name, theme, *one) for one in found if one[0] in ("serious", "critical"))
            if SCREENS:
                photograph(page, Path(SCREENS, theme), name)
        if page.evaluate("() => document.documentElement.scrollWidth > innerWidth"):
            faults.append((name, "wider than the screen"))

    yield look
    assert not faults, "\n".join(map(str, faults))


def photograph(page: Page, folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        page.screenshot(path=folder / f"{name}{suffix}.png", full_page=not suffix)
    page.set_viewport_size({"width": 1280, "height": 720})


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """As that of the other tests, but without the policy that would keep axe from running."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, bypass_csp=True)
    context.set_default_timeout(30_000)
    yield context
    context.close()


def test_axe_finds_what_it_should(context: BrowserContext, axe: str):
    """A page with faults, so that silence elsewhere means something: in each theme the one that is there."""
    page = context.new_page()
    page.set_content("""<html lang=en><title>t</title><style>@media (prefers-color-scheme: dark) { p { color: #ccc } }
        </style><body style="background: #fff"><main><h1>h</h1><input><p>pale</p></main>""")
    page.evaluate(axe)
    found = {}
    for theme, rules in RULES.items():
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        found[theme] = [one[1] for one in page.evaluate(ASK_AXE, rules)]
    assert found == {"light": ["label"], "dark": ["color-contrast"]}


def test_the_pages_of_those_in_charge(site: Site, context: BrowserContext, seen: Seen):
    made = rich.furnish(site)
    page = site.sign_in(context, "ada")
    pages = {
        "home": "/", "tour": "/tour", "queue": "/queue", "upload": "/upload", "documents": "/documents",
        "documents-exceptions": "/documents?tab=exceptions", "documents-corrected": "/documents?tab=corrections",
        "documents-trouble": "/documents?tab=trouble", "documents-none": "/documents?q=nothing",
        "document": f"/documents/{made.released.id}#field-total", "document-awaiting": f"/documents/{made.awaiting.id}",
        "document-failed": f"/documents/{made.failed.id}", "quality": "/quality",
        "quality-type": "/quality?type=receipt",
        "quality-target": "/quality?type=receipt&target=0.02", "models": "/models", "model": f"/models/{made.model.id}",
        "types": "/types", "type": "/types/receipt", "type-new": "/types/new",
        "type-preview": f"/types/receipt?preview={made.released.id}", "people": "/people",
        "levels": "/people/levels", "access": "/access",
        "retention": "/retention", "missing": "/nowhere",
    }  # fmt: skip
    for name, path in pages.items():
        page.goto(site.url + path)
        seen(page, name)
    page.goto(f"{site.url}/types/receipt")
    page.get_by_role("button", name="Try it on past documents").click()
    seen(page, "type-tried")


def test_the_pages_of_a_validator(site: Site, context: BrowserContext, seen: Seen):
    rich.furnish(site)
    page = site.sign_in(context, "vera")
    pages = {"home-validator": "/", "me": "/me", "training": "/training", "forbidden": "/queue"}
    pages |= {
        "manual": "/help/",
        "manual-architecture": "/help/architecture.md",
        "manual-quickstart": "/help/quickstart.md",
    }
    for name, path in pages.items():
        page.goto(site.url + path)
        seen(page, name)
    page.goto(f"{site.url}/training")
    page.get_by_role("button", name="Train").first.click()
    page.wait_for_selector("body[data-state=working] .sheet img")
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    page.wait_for_selector("#feedback:not([hidden])")
    seen(page, "training-lesson")


def test_an_empty_place_says_what_to_do_first(site: Site, context: BrowserContext, seen: Seen):
    site.person("ada", Role.ADMIN)
    page = site.sign_in(context, "ada")
    for path in ("/", "/tour", "/queue", "/documents", "/review", "/quality", "/models", "/training", "/me", "/access"):
        page.goto(site.url + path)
        assert page.locator("main a, main button, main form").count(), path
        seen(page, f"empty{path.replace('/', '-') if path != '/' else '-home'}")
    page.goto(f"{site.url}/work")
    page.wait_for_selector("body[data-state=empty]")
    seen(page, "empty-work")


def test_keying_each_kind(site: Site, context: BrowserContext, seen: Seen):
    site.person("vera")
    tasks: dict[str, tuple[str, dict[str, Any]]] = {field: (field, {}) for field in paper.VALUES}
    tasks["verify"] = ("total", {"mode": "verify", "shown_value": "12.50"})
    tasks["page"] = ("total", {"whole_page": True})
    page = site.sign_in(context, "vera")
    page.goto(f"{site.url}/work")
    for name, (field, columns) in tasks.items():
        document = paper.read_document(site.session, site.workspace, site.version, pages=2 if name == "page" else 1)
        task = paper.task_for(site.session, document, field, **columns)
        site.session.commit()
        page.wait_for_function(AT_REST, arg=task.id)
        page.evaluate(FETCH)
        page.wait_for_selector(f"body[data-state=working][data-task={task.id}] .sheet img")
        seen(page, f"work-{name}")
        if name == "total":
            page.keyboard.press("?")
            seen(page, "work-keys")
            page.keyboard.press("Escape")
            page.keyboard.press("Alt+s")
            seen(page, "work-skip")
            page.keyboard.press("Escape")
        page.keyboard.press("Alt+i")


AT_REST = "(id) => document.body.dataset.state === 'empty' || document.body.dataset.task === id"
FETCH = "() => import('/static/keying/main.js').then(({ bench }) => bench.feed.fill())"


def test_review(site: Site, context: BrowserContext, seen: Seen):
    site.person("rob", Role.REVIEWER)
    page = site.sign_in(context, "rob")
    for kind, make in {"field": rich.field_review, "document": rich.document_review}.items():
        document = paper.read_document(site.session, site.workspace, site.version, filename="contested.png")
        review = make(site, document)
        page.goto(f"{site.url}/review")
        page.wait_for_selector("form#decide")
        page.wait_for_function("() => [...document.images].every((one) => one.complete)")
        seen(page, f"review-{kind}")
        site.session.delete(review)
        site.session.commit()


def test_signing_in_and_a_link_that_is_spent(site: Site, context: BrowserContext, seen: Seen):
    page = context.new_page()
    for name, path in {"signin": "/signin", "password-spent": "/password/spent"}.items():
        page.goto(site.url + path)
        seen(page, name)
