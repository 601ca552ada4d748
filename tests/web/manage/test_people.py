"""People: invited, paused, and superiors left alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from models.states import Role
from models.tables import User
from tests.hitl.people.test_promotion import furnish
from tests.web.conftest import Site

pytestmark = pytest.mark.web
PASSWORD = "correct horse battery"


def test_somebody_is_invited_and_chooses_a_password(site: Site, context: BrowserContext, browser: Any):
    site.person("ada", Role.ADMIN)
    page = site.sign_in(context, "ada")
    page.goto(f"{site.url}/people")
    page.fill("#login", "nora")
    page.get_by_role("button", name="Invite").click()
    link = page.get_by_label("Link").input_value()
    other = browser.new_context()
    guest = other.new_page()
    guest.goto(site.url + link[link.index("/password/") :])
    guest.fill("#password", PASSWORD)
    guest.fill("#again", PASSWORD)
    guest.keyboard.press("Enter")
    expect(guest.locator("h1")).to_contain_text("nora")
    other.close()


def test_a_manager_pauses_and_cannot_touch_superiors(site: Site, context: BrowserContext):
    vera, ada = site.person("vera"), site.person("ada", Role.ADMIN)
    site.person("mona", Role.MANAGER)
    page = site.sign_in(context, "mona")
    pause = {"reason": "a break"}
    assert page.request.post(f"{site.url}/people/{ada.id}/pause", form=pause).status == 403
    assert page.request.post(f"{site.url}/people/{vera.id}/pause", form=pause).ok
    site.fresh()
    assert site.session.get_one(User, vera.id).paused_reason == "a break"


def test_a_manager_confirms_a_proposed_level(site: Site, context: BrowserContext):
    validators, _ = furnish(site.session, site.workspace, datetime.now(UTC))
    site.session.commit()
    site.person("mona", Role.MANAGER)
    page = site.sign_in(context, "mona")
    page.goto(f"{site.url}/people")
    page.get_by_role("link", name="Who might change level").click()
    row = page.get_by_role("row").filter(has_text="among the best validators")
    expect(row).to_contain_text(validators[0].name or validators[0].login)
    row.get_by_role("button", name="Make reviewer").click()
    expect(page.get_by_role("status")).to_be_visible()
    site.fresh()
    assert site.session.get_one(User, validators[0].id).role == "reviewer"
    late = page.request.post(f"{site.url}/people/{validators[1].id}/level", form={"role": "reviewer"})
    assert late.status == 409
