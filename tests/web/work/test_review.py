"""The review page by keys: decided, sent back, passed on; and fair: nobody sees whose value stands where."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sqlmodel import Session, select

from models.states import Role
from models.tables import (
    Message,
    Review,
    Task,
    Verdict,
)
from tests import factories
from tests.web import paper, rich
from tests.web.conftest import Site

pytestmark = pytest.mark.web


def test_a_review_shows_the_place_but_not_whose_value_stands_there(site: Site, context: BrowserContext):
    site.person("rob", Role.REVIEWER)
    document = paper.read_document(site.session, site.workspace, site.version)
    rich.field_review(site, document)
    page = site.sign_in(context, "rob")
    page.goto(f"{site.url}/review")
    expect(page.locator(".choice .value-text")).to_have_count(2)
    expect(page.locator("rect.place")).to_have_count(1)
    assert page.locator(".sheets [data-number], .choice[data-number]").count() == 0
    first = page.locator(".choice").first
    first.hover()
    expect(page.locator("rect.lit")).to_have_count(0)


@pytest.fixture
def reviewing(site: Site, context: BrowserContext) -> Page:
    """A page of a reviewer."""
    site.person("rob", Role.REVIEWER)
    return site.sign_in(context, "rob")


def contested(site: Site) -> Review:
    return rich.field_review(site, paper.read_document(site.session, site.workspace, site.version))


def fresh(session: Session, row: Any) -> Any:
    session.rollback()
    session.refresh(row)
    return row


def test_a_contested_field_is_decided_by_keys(site: Site, reviewing: Page):
    review = contested(site)
    reviewing.goto(f"{site.url}/review")
    reviewing.keyboard.press("1")
    reviewing.keyboard.press("2")
    chosen = reviewing.locator(".choice", has=reviewing.locator(":checked")).locator(".value-text").inner_text()
    reviewing.keyboard.press("Control+Enter")
    expect(reviewing.locator("[role=status]")).to_contain_text("decided", ignore_case=True)
    decided = fresh(site.session, review)
    assert decided.state == "decided"
    assert decided.seconds > 0
    verdict = fresh(site.session, site.session.get_one(Verdict, review.verdict_id))
    assert (verdict.state, verdict.value) == ("final", chosen)


def test_a_contested_field_is_sent_back_or_passed_on(site: Site, reviewing: Page):
    review = contested(site)
    reviewing.goto(f"{site.url}/review")
    number = reviewing.locator(".choice", has_text="12.90").locator("input").get_attribute("value") or ""
    reviewing.get_by_text("Send it back to who keyed it").click()
    reviewing.select_option("#return-candidate", number)
    reviewing.fill("#return-message", "Look at the cents.")
    reviewing.get_by_role("button", name="Send it back").click()
    expect(reviewing.locator("h1")).to_be_visible()
    assert fresh(site.session, review).state == "returned"
    [task] = site.session.exec(select(Task).where(Task.state == "open")).all()
    [message] = site.session.exec(select(Message)).all()
    assert (message.task_id, message.to_user_id, message.body) == (task.id, task.for_user_id, "Look at the cents.")
    document = paper.read_document(site.session, site.workspace, site.version)
    other = rich.document_review(site, document)
    reviewing.goto(f"{site.url}/review")
    reviewing.get_by_text("Pass it to level 3").click()
    reviewing.fill("#escalate-note", "Is this a receipt at all?")
    reviewing.get_by_role("button", name="Pass it on").click()
    expect(reviewing.locator("[role=status]")).to_be_visible()
    assert fresh(site.session, other).state == "escalated"


def test_a_document_is_reviewed_by_keys(site: Site, reviewing: Page):
    document = paper.read_document(site.session, site.workspace, site.version)
    factories.create_verdict(site.session, document, "total", rich.reading_of(site.session, document, "total"))
    review = rich.document_review(site, document)
    reviewing.goto(f"{site.url}/review")
    focused = "() => document.activeElement.closest('.value-card')?.dataset.field"
    first = reviewing.evaluate(focused)
    reviewing.keyboard.press("Alt+j")
    second = reviewing.evaluate(focused)
    assert (first, second) == ("total", "payment")  # company and date are agreed
    expect(reviewing.locator(".place.lit")).to_have_attribute("data-field", "payment")
    reviewing.locator("#hide-fine").focus()
    reviewing.keyboard.press("h")
    expect(reviewing.locator(".value-card[data-field=company]")).to_be_hidden()
    reviewing.fill("[name='value.total']", "12.60")
    reviewing.keyboard.press("Control+Enter")
    expect(reviewing.locator("[role=status]")).to_contain_text("decided", ignore_case=True)
    changes = fresh(site.session, review).changes
    assert [(one["field"], one["to"]) for one in changes] != []
    assert {one["field"] for one in changes} == {"total"}
