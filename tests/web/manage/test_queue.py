"""The queue: fields that nobody is left to key."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, expect
from sqlmodel import select

from hitl.annotation.queue import queue_summary
from hitl.work.queue_rows import add_review
from models.states import Role
from models.tables import User, Verdict
from tests import factories
from tests.factories import NOW
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
    expect(page.locator(".todo")).to_contain_text("Blocked: everybody who may key has had this field (1).")
    page.goto(f"{site.url}/queue")
    expect(page.locator(".notice.warn")).to_contain_text("Blocked: everybody who may key has had this field")
    page.locator(".notice.warn a", has_text="total").click()
    expect(page.locator("#field-total")).to_have_attribute("open", "")


def test_what_the_api_calls_blocked_the_pages_show_with_its_cure(site: Site, context: BrowserContext):
    """The only reviewer keyed the field that they would have to decide."""
    rita = site.person("rita", Role.REVIEWER)
    site.person("ada", Role.MANAGER)
    ada = site.session.exec(select(User).where(User.login == "ada")).one()
    ada.paused_reason = "on leave"
    document = paper.read_document(site.session, site.workspace, site.version)
    done = paper.task_for(site.session, document, "total", state="answered")
    factories.save(site.session, rich.answer(done, rita, "12.50"))
    add_review(
        site.session, document, reason="contested", verdict=site.session.get_one(Verdict, done.verdict_id), now=NOW
    )
    site.session.commit()
    told = [one for one in queue_summary(site.session, site.workspace.id, now=NOW)["blocked"] if "review_id" in one]
    assert [one["reason"] for one in told] == ["nobody of level 2 may decide this"]
    page = site.sign_in(context, "ada")
    page.goto(site.url)
    expect(page.locator(".todo")).to_contain_text("Blocked: nobody of level 2 may decide this (1).")
    page.goto(f"{site.url}/queue")
    notice = page.locator(".notice.warn", has_text="nobody of level 2 may decide this")
    expect(notice).to_contain_text(told[0]["next_step"])
    expect(notice.locator("a").first).to_have_attribute("href", f"/documents/{document.id}#field-total")
