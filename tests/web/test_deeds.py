"""What is done on the pages by keys and buttons: review, amend, pick a target, replay, promote, look around a page."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sqlmodel import Session, col, select

from models.states import Role
from models.tables import Message, ModelVersion, PolicyVersion, Release, Review, Task, Verdict, WebhookDelivery
from tests import factories
from tests.web import paper, rich
from tests.web.conftest import Site

pytestmark = pytest.mark.web


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
    expect(page.locator("tr", has_text="March")).to_contain_text("serving")
    site.session.rollback()
    site.session.expire_all()
    newest = site.session.exec(select(PolicyVersion).order_by(col(PolicyVersion.number).desc())).first()
    assert newest is not None
    assert newest.policy["error_target"] == pytest.approx(picked, abs=1e-4)
    assert {row.status for row in site.session.exec(select(WebhookDelivery)).all()} == {"delivered", "pending"}
    assert [row.number for row in site.session.exec(select(Release).order_by(col(Release.number))).all()] == [1, 2]
    assert result["fields"]["total"]["value"] == "12.60"
    assert site.session.get_one(ModelVersion, made.model.id).state == "serving"


def test_the_picture_is_moved_by_keys_alone(site: Site, context: BrowserContext):
    site.person("vera")
    document = paper.read_document(site.session, site.workspace, site.version, pages=2)
    paper.task_for(site.session, document, "total", whole_page=True)
    site.session.commit()
    page = site.sign_in(context, "vera")
    page.goto(f"{site.url}/work")
    page.wait_for_selector("body[data-state=working] .sheet img")
    place = "() => import('/static/keying/main.js').then(({ bench: { stage: s } }) => [s.scale, s.x, s.y])"

    def moved(key: str) -> list[int]:
        """Which way scale, left and top went."""
        before = page.evaluate(place)
        page.keyboard.press(key)
        return [(new > old) - (new < old) for new, old in zip(page.evaluate(place), before, strict=True)]

    fitted = page.evaluate(place)
    assert moved("Alt+=")[0] == 1
    assert moved("Alt+=")[0] == 1
    assert moved("Alt+ArrowRight") == [0, -1, 0]
    assert moved("Alt+ArrowLeft") == [0, 1, 0]
    assert moved("Alt+ArrowDown") == [0, 0, -1]
    assert moved("Alt+ArrowUp") == [0, 0, 1]
    assert moved("PageDown") == [0, 0, -1]
    assert moved("PageUp") == [0, 0, 1]
    assert moved("Alt+-")[0] == -1
    page.keyboard.press("Alt+0")
    assert page.evaluate(place) == fitted
    page.keyboard.press("Alt+.")
    expect(page.locator("#pages")).to_have_text("Page 2 of 2")
    page.keyboard.press("Alt+,")
    expect(page.locator("#pages")).to_have_text("Page 1 of 2")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(page.locator(".answer-box")).to_be_focused()
    page.mouse.move(300, 300)
    page.mouse.down()
    page.mouse.move(420, 360)
    page.mouse.up()
    expect(page.locator(".frame-mark")).to_have_attribute("visibility", "visible")
    page.keyboard.type("12.50")
    page.keyboard.press("Enter")
    expect(page.locator("#nothing-title")).to_have_text("Nothing to key just now")
