"""The list of documents and the page of one: tabs, pictures, values with their places, text that stays text."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect
from sqlmodel import select

from models.states import Role
from models.tables import Correction, Document
from tests.web import paper, rich
from tests.web.conftest import Site

pytestmark = pytest.mark.web


@pytest.mark.parametrize(
    ("tab", "names"),
    [("exceptions", ["released.png"]), ("corrections", ["released.png"]), ("held", ["what is this.png"]),
     ("type", ["what is this.png"]), ("trouble", ["broken.pdf"]), ("people", ["in review.png"])],
)  # fmt: skip
def test_each_kind_of_document_has_its_place(site: Site, context: BrowserContext, tab: str, names: list[str]):
    rich.furnish(site)
    page = site.sign_in(context, "ada")
    page.goto(f"{site.url}/documents?tab={tab}")
    expect(page.locator("tbody .filename")).to_have_text(names)


def test_pages_grow_and_shrink_by_keys(site: Site, context: BrowserContext):
    made = rich.furnish(site)
    page = site.sign_in(context, "ada")
    page.goto(f"{site.url}/documents/{made.released.id}")
    width = "() => document.querySelector('.sheet-page').getBoundingClientRect().width"
    before = page.evaluate(width)
    page.keyboard.press("+")
    assert page.evaluate(width) == pytest.approx(1.25 * before, rel=0.01)
    page.keyboard.press("0")
    assert page.evaluate(width) == pytest.approx(before, rel=0.01)


def test_words_of_clients_are_only_text(site: Site, context: BrowserContext):
    made = rich.furnish(site)
    row = site.session.exec(select(Correction)).one()
    row.note = row.value = paper.ATTACK
    made.awaiting.held_reason = paper.ATTACK
    made.failed.problem = {"message": paper.ATTACK, "next_step": paper.ATTACK}
    site.session.add_all([row, made.awaiting, made.failed])
    site.session.commit()
    page = site.sign_in(context, "ada")
    for document in (made.released, made.awaiting, made.failed):
        page.goto(f"{site.url}/documents/{document.id}")
        expect(page.locator("main")).to_contain_text("<script>")
        assert page.title() != "owned"


def with_document(site: Site, **columns: Any) -> Document:
    document = paper.read_document(site.session, site.workspace, site.version, **columns)
    for field in ("total", "company"):
        paper.task_for(site.session, document, field)
    site.session.commit()
    return document


def test_hostile_names_and_comments_are_only_text(site: Site, context: BrowserContext):
    site.person("ada", Role.ADMIN)
    document = with_document(site, filename=paper.ATTACK)
    page = site.sign_in(context, "ada")
    page.goto(f"{site.url}/documents/{document.id}")
    page.fill("#comment-body", paper.ATTACK)
    page.get_by_role("button", name="Comment").click()
    expect(page.locator(".message")).to_contain_text("<script>")
    for path in ("/documents", "/queue", f"/documents/{document.id}"):
        page.goto(site.url + path)
        assert page.title() != "owned"


def test_a_table_is_shown_as_rows_under_the_names_of_its_columns(site: Site, context: BrowserContext):
    site.person("rob", Role.REVIEWER)
    document = with_document(site)
    page = site.sign_in(context, "rob")
    page.goto(f"{site.url}/documents/{document.id}")
    page.locator("#field-items summary").first.click()
    table = page.locator("#field-items table")
    expect(table.locator("thead th")).to_have_text(["What", "Price"])
    expect(table.locator("tbody td")).to_have_text(["Bread", "3.20"])


def test_a_value_and_its_place_light_each_other(site: Site, context: BrowserContext):
    site.person("rob", Role.REVIEWER)
    document = with_document(site)
    page = site.sign_in(context, "rob")
    page.goto(f"{site.url}/documents/{document.id}")
    page.hover("#field-total summary")
    expect(page.locator(".place[data-field=total]")).to_have_class("place doubt lit")
    page.locator("#hide-fine").check()
    assert page.locator(".value-card.doubt").first.is_visible()
