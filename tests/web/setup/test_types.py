"""The page of a document type: its edits, and what it says of a wrong one."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect
from sqlmodel import select

from models.states import Role
from models.tables import DocumentTypeVersion, PolicyVersion
from tests.web.conftest import Site

pytestmark = pytest.mark.web


def test_a_type_is_edited_as_plain_html_and_becomes_a_new_version(site: Site, browser: Any):
    site.person("ada", Role.ADMIN)
    plain = browser.new_context(java_script_enabled=False)
    page = site.sign_in(plain, "ada")
    page.goto(f"{site.url}/types/receipt")
    page.fill("#label", "Till receipt")
    page.get_by_role("button", name="Save the type as a new version").click()
    expect(page.locator("h1")).to_have_text("Till receipt")
    page.check("[name=single_operator]")
    page.get_by_role("button", name="Save the policy").click()
    expect(page.locator("main")).to_contain_text("Nothing of this type is certified")
    site.fresh()
    numbers = [row.number for row in site.session.exec(select(DocumentTypeVersion)).all()]
    assert sorted(numbers) == [1, 2]
    newest = max(site.session.exec(select(PolicyVersion)).all(), key=lambda row: row.number)
    assert newest.policy["single_operator"]
    plain.close()


def test_a_wrong_type_says_what_is_wrong_and_keeps_what_was_typed(site: Site, context: BrowserContext):
    site.person("ada", Role.ADMIN)
    page = site.sign_in(context, "ada")
    page.goto(f"{site.url}/types/new")
    page.fill("#name", "delivery_note")
    page.fill("#label", "Delivery note")
    page.fill("[name='f0.name']", "carrier")
    page.select_option("[name='f0.kind']", "choice")
    page.get_by_role("button", name="Add the type").click()
    expect(page.locator("[role=alert]").first).to_contain_text("needs a list `choices`")
    expect(page.locator("#label")).to_have_value("Delivery note")
