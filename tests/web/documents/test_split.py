"""The page on which a person says where documents begin: by keys, and by one that says it is one document."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from models.states import DocumentState, Role
from models.tables import Document
from tests.web import paper
from tests.web.conftest import Site

pytestmark = pytest.mark.web


def held(site: Site) -> Document:
    """A file of three pages that may be two documents."""
    guess = {"starts": [3], "sure": False, "probabilities": [0.2, 0.7]}
    document = paper.read_document(
        site.session, site.workspace, site.version, fields=(), pages=3, state=DocumentState.AWAITING_SPLIT.value,
        split={"guess": guess, "answer": None, "by": "system:split"},
    )  # fmt: skip
    site.session.commit()
    return document


def opened(site: Site, context: BrowserContext, document: Document) -> Page:
    site.person("omar", Role.OPERATOR)
    page = site.sign_in(context, "omar")
    page.goto(f"{site.url}/documents/{document.id}")
    page.get_by_role("link", name="Say where each begins").click()
    expect(page.locator("#count")).to_have_text("2 documents")  # the machine's guess is set, and keys are heard
    return page


def test_cuts_are_set_by_keys(site: Site, context: BrowserContext):
    document = held(site)
    page = opened(site, context, document)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(page.locator("#count")).to_have_text("3 documents")
    page.keyboard.press("Control+Enter")
    page.wait_for_url(lambda url: not url.endswith("/split"))
    site.fresh()
    split = site.session.get_one(Document, document.id).split
    assert split is not None
    assert split["answer"] == [2, 3]


def test_one_key_says_that_it_is_one_document(site: Site, context: BrowserContext):
    document = held(site)
    page = opened(site, context, document)
    page.keyboard.press("1")
    page.wait_for_url(lambda url: not url.endswith("/split"))
    site.fresh()
    after = site.session.get_one(Document, document.id)
    assert after.split is not None
    assert (after.split["answer"], after.state) == ([], DocumentState.RENDERED.value)
