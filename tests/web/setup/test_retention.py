"""Retention on its page."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, expect

from models.states import Role
from models.tables import Workspace
from tests.web.conftest import Site

pytestmark = pytest.mark.web


def test_retention_is_kept(site: Site, context: BrowserContext):
    site.person("ada", Role.ADMIN)
    page = site.sign_in(context, "ada")
    page.goto(f"{site.url}/retention")
    page.fill("#days", "90")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("[role=status]")).to_have_text("Saved.")
    site.fresh()
    assert site.session.get_one(Workspace, site.workspace.id).retention_days == 90
