"""The queue: fields that nobody is left to key."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, expect

from models.states import Role
from models.tables import Verdict
from tests import factories
from tests.web import paper, rich
from tests.web.conftest import Site

pytestmark = pytest.mark.web


def test_fields_that_nobody_is_left_to_key_are_shown(site: Site, context: BrowserContext):
    vera = site.person("vera")
    site.person("ada", Role.ADMIN)
    document = paper.read_document(site.session, site.workspace, site.version)
    done = paper.task_for(site.session, document, "total", state="answered")
    factories.save(site.session, rich.answer(done, vera, "12.50"))
    factories.create_task(site.session, site.session.get_one(Verdict, done.verdict_id))
    site.session.commit()
    page = site.sign_in(context, "ada")
    page.goto(site.url)
    expect(page.locator(".todo")).to_contain_text("1 field that nobody is left to key.")
    page.goto(f"{site.url}/queue")
    expect(page.locator(".notice.warn")).to_contain_text("blocked for lack of staff")
    page.locator(".notice.warn a", has_text="total").click()
    expect(page.locator("#field-total")).to_have_attribute("open", "")
