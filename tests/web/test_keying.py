"""The keying page by keys: typing, choices, states, skip, undo, connection lost and found, races and leases."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sqlmodel import col, select

from models.tables import Answer, Event, Exposure, Task
from tests.web import paper
from tests.web.conftest import Site

pytestmark = pytest.mark.web


def open_bench(site: Site, context: BrowserContext, login: str = "vera") -> Page:
    page = site.sign_in(context, login)
    page.goto(f"{site.url}/work")
    page.wait_for_selector("body[data-state=working] .sheet img")
    return page


def with_tasks(site: Site, *fields: str, **columns: object) -> list[Task]:
    document = paper.read_document(site.session, site.workspace, site.version)
    made = [paper.task_for(site.session, document, field, **columns) for field in fields]
    site.session.commit()
    return made


def answers_of(site: Site) -> list[Answer]:
    site.session.rollback()
    return list(site.session.exec(select(Answer).order_by(col(Answer.created_at))).all())


def all_sent(page: Page) -> None:
    expect(page.locator("#sending")).to_have_text("All sent")


def test_a_typed_amount_is_sent_with_one_key(site: Site, context: BrowserContext):
    site.person("vera")
    with_tasks(site, "total")
    page = open_bench(site, context)
    page.keyboard.type("12,50"[:2] + ".50")
    expect(page.locator(".says")).to_have_text("12.50 EUR")
    page.keyboard.press("Enter")
    expect(page.locator("#nothing-title")).to_have_text("Nothing to key just now")
    all_sent(page)
    [answer] = answers_of(site)
    assert (answer.value_state, answer.value, answer.source) == ("found", "12.50", "typed")
    assert answer.keystrokes == len("12.50") + 1
    assert answer.seconds is not None
