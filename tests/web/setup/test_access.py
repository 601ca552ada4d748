"""Keys on their page: shown once, revoked."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, expect

from models.states import Role
from tests.web.conftest import Site

pytestmark = pytest.mark.web


def test_a_key_is_shown_once_and_revoked(site: Site, context: BrowserContext):
    site.person("ada", Role.ADMIN)
    page = site.sign_in(context, "ada")
    page.goto(f"{site.url}/access")
    page.fill("#key-name", "ERP")
    page.get_by_role("button", name="Make the key").click()
    assert page.get_by_label("Secret").input_value().startswith("cs_")
    page.goto(f"{site.url}/access")
    assert page.get_by_label("Secret").count() == 0
    page.get_by_role("button", name="Revoke").click()
    expect(page.locator("tbody").first).to_contain_text("revoked")
