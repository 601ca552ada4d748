"""Buttons of those in charge, from page to page: pick a target, replay, amend, promote."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, expect
from sqlmodel import col, select

from models.tables import ModelVersion, PolicyVersion, Release, WebhookDelivery
from tests.web import rich
from tests.web.conftest import Site

pytestmark = pytest.mark.web


def test_buttons_of_those_in_charge_do_what_they_say(site: Site, context: BrowserContext):
    made = rich.furnish(site)
    page = site.sign_in(context, "ada")
    page.goto(f"{site.url}/quality?type=receipt")
    point = page.locator("#target svg a").nth(2)
    picked = float((point.get_attribute("href") or "").split("target=")[1].split("#")[0])
    point.click()
    page.get_by_role("button", name="Make it the target").click()
    expect(page.locator("[role=status]")).to_have_text("Saved.")
    page.goto(f"{site.url}/access")
    page.locator("tr", has_text="failed").get_by_role("button", name="Send again").click()
    expect(page.locator("tr", has_text="failed")).to_have_count(0)
    page.goto(f"{site.url}/documents/{made.released.id}#field-total")
    page.locator("#field-total").get_by_text("Amend this value").click()
    page.locator("#field-total textarea[name=value], #field-total input[name=value]").fill("12.60")
    page.fill("#note-total", "the printer's error")
    page.get_by_role("button", name="Amend and tell the client").and_(page.locator(":visible")).click()
    expect(page.locator("#field-total summary").first).to_contain_text("12.60")
    result = page.request.get(f"{site.url}/documents/{made.released.id}/result.json").json()
    page.goto(f"{site.url}/models")
    page.locator("tr", has_text="March").get_by_role("link", name="Compare and promote").click()
    page.get_by_role("button", name="Promote", exact=True).click()  # no certificate under the new policy
    expect(page.locator("tr", has_text="March").first).to_contain_text("serving")
    site.fresh()
    newest = site.session.exec(select(PolicyVersion).order_by(col(PolicyVersion.number).desc())).first()
    assert newest is not None
    assert newest.policy["error_target"] == pytest.approx(picked, abs=1e-4)
    assert {row.status for row in site.session.exec(select(WebhookDelivery)).all()} == {"delivered", "pending"}
    assert [row.number for row in site.session.exec(select(Release).order_by(col(Release.number))).all()] == [1, 2]
    assert result["fields"]["total"]["value"] == "12.60"
    assert site.session.get_one(ModelVersion, made.model.id).state == "serving"
