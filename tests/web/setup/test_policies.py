"""The policy on the page of its type: tried on the past, and one operator alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, expect
from sqlmodel import select

from models.states import Role
from models.tables import PolicyVersion
from tests.web import rich
from tests.web.conftest import Site

pytestmark = pytest.mark.web


def test_a_policy_is_tried_on_the_past_and_nothing_is_kept(site: Site, context: BrowserContext):
    rich.furnish(site)
    page = site.sign_in(context, "ada")
    page.goto(f"{site.url}/types/receipt")
    page.select_option("#p-mode", "fixed")
    page.fill("#p-fixed", "80")
    page.get_by_role("button", name="Try it on past documents").click()
    row = page.locator("tr", has_text="Accepted without a person").locator("td")
    expect(row).to_have_text(["0.0 %", "100.0 %"])
    expect(page.locator("#p-fixed")).to_have_value("80")
    assert [kept.number for kept in policies(site)] == [1]
    page.get_by_role("button", name="Save the policy").click()
    expect(page.locator("[role=status]")).to_have_text("Saved.")
    assert policies(site)[-1].policy["fixed_threshold"] == 0.8


def policies(site: Site) -> list[PolicyVersion]:
    site.fresh()
    wanted = select(PolicyVersion).where(PolicyVersion.document_type == "receipt")
    return sorted(site.session.exec(wanted).all(), key=lambda row: row.number)


def test_one_operator_is_told_what_cannot_be_certified(site: Site, context: BrowserContext):
    site.person("ada", Role.ADMIN)
    page = site.sign_in(context, "ada")
    page.goto(f"{site.url}/types/receipt")
    page.check("[name=single_operator]")
    page.get_by_role("button", name="Save the policy").click()
    page.goto(f"{site.url}/quality")
    expect(page.locator(".notice.warn")).to_contain_text("What cannot be said of it")
