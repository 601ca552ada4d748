"""Nothing typed is lost: drafts and leases through reloads, dead tabs, expiry, no connection, until sign-out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from hitl.annotation import tasks
from models.tables import Task, User
from tests.web.conftest import Site
from tests.web.work.test_keying import kept, nothing_left, open_bench, rows, with_tasks

pytestmark = pytest.mark.web

BOX = ".answer-box"
DRAFTS = "() => Object.keys(localStorage).filter((name) => name.startsWith('countersign.draft.')).length"
DUE = "() => import('/static/keying/main.js').then(({ bench }) => { bench.held.renewAt = 0; })"
OVER = "() => import('/static/keying/main.js').then(({ bench }) => { bench.held.until = 0; bench.held.renewAt = 0; })"


@pytest.fixture
def typing(site: Site, context: BrowserContext) -> Page:
    """Vera has typed half an amount."""
    site.person("vera")
    with_tasks(site, "total")
    page = open_bench(site, context)
    page.keyboard.type("12.5")
    return page


def expire(site: Site) -> None:
    """The time of all leases is up, and the job that puts tasks back has run."""
    site.fresh()
    tasks.expire_leases(site.session, now=datetime.now(UTC) + timedelta(hours=1))
    site.session.commit()


def take_by_another(site: Site) -> User:
    other: User = site.person("victor")
    assert tasks.hand_out(site.session, other, now=datetime.now(UTC))
    site.session.commit()
    return other


def test_typing_renews_the_lease(site: Site, typing: Page):
    [task] = rows(site, Task)
    task.lease_until = datetime.now(UTC) + timedelta(seconds=1)
    site.session.add(task)
    site.session.commit()
    typing.evaluate(DUE)
    with typing.expect_response("**/renew"):
        typing.keyboard.type("0")
    assert rows(site, Task)[0].lease_until > datetime.now(UTC) + timedelta(seconds=200)


def test_the_lease_is_renewed_at_most_now_and_then(typing: Page):
    asked: list[str] = []
    typing.on("request", lambda request: asked.append(request.url))
    typing.keyboard.type("0123456789")
    assert [url for url in asked if url.endswith("/renew")] == []


def away_and_back(page: Page) -> None:
    page.goto(page.url.replace("/work", "/me"))
    page.go_back()


@pytest.mark.parametrize("leave", [Page.reload, away_and_back])
def test_a_draft_survives_a_reload_and_the_way_back(site: Site, typing: Page, leave: Callable[[Page], object]):
    leave(typing)
    expect(typing.locator(BOX)).to_have_value("12.5")
    typing.keyboard.press("End")
    typing.keyboard.type("0")
    typing.keyboard.press("Enter")
    nothing_left(typing)
    [answer] = kept(site, typing)
    assert answer.value == "12.50"
    assert typing.evaluate(DRAFTS) == 0


def test_the_draft_of_a_dead_tab_comes_back_in_the_next(site: Site, context: BrowserContext, typing: Page):
    typing.close()
    page = context.new_page()
    page.goto(f"{site.url}/work")
    expect(page.locator(BOX)).to_have_value("12.5")


def test_the_draft_of_a_living_tab_stays_there(site: Site, context: BrowserContext, typing: Page):
    page = context.new_page()
    page.goto(f"{site.url}/work")
    nothing_left(page)
    expect(typing.locator(BOX)).to_have_value("12.5")


def test_who_types_on_after_the_time_is_up_keeps_the_task_if_nobody_took_it(site: Site, typing: Page):
    expire(site)
    typing.evaluate(OVER)
    expect(typing.locator("#lease")).to_contain_text("Type on")
    with typing.expect_response("**/renew"):
        typing.keyboard.type("0")
    expect(typing.locator("#lease")).to_be_hidden()
    typing.keyboard.press("Enter")
    nothing_left(typing)
    assert [answer.value for answer in kept(site, typing)] == ["12.50"]


def test_what_was_typed_for_a_task_that_another_took_is_kept_to_be_copied(site: Site, typing: Page):
    expire(site)
    other = take_by_another(site)
    typing.evaluate(OVER)
    typing.keyboard.type("0")
    notice = typing.locator("#notices .notice")
    expect(notice).to_contain_text("This task was taken by another person.")
    expect(notice.locator(".kept")).to_have_text("12.50")
    assert other.login not in notice.inner_text()
    typing.reload()
    expect(notice.locator(".kept")).to_have_text("12.50")
    notice.get_by_role("button", name="Close").click()
    assert typing.evaluate(DRAFTS) == 0
    assert kept(site, typing) == []


def test_an_answer_that_came_too_late_is_kept_to_be_copied(site: Site, typing: Page):
    expire(site)
    take_by_another(site)
    typing.keyboard.type("0")
    typing.keyboard.press("Enter")
    expect(typing.locator("#notices .kept")).to_have_text("12.50")
    assert kept(site, typing) == []


def test_of_a_task_that_is_no_longer_wanted_nothing_is_kept(site: Site, typing: Page):
    [task] = rows(site, Task)
    task.state, task.leased_to, task.lease_token = "withdrawn", None, None
    site.session.add(task)
    site.session.commit()
    typing.evaluate(DUE)
    typing.keyboard.type("0")
    expect(typing.locator("#notices")).to_contain_text("no longer wanted")
    assert typing.evaluate(DRAFTS) == 0


def test_an_offline_tab_keeps_the_task_on_the_screen_and_sends_it_later(
    site: Site, context: BrowserContext, typing: Page
):
    context.set_offline(True)
    expire(site)
    typing.evaluate(OVER)
    typing.keyboard.type("0")
    expect(typing.locator("#lease")).to_contain_text("Type on")
    expect(typing.locator(BOX)).to_have_value("12.50")
    typing.keyboard.press("Enter")
    expect(typing.locator("#sending")).to_have_text("No connection · 1 answer kept here")
    context.set_offline(False)
    assert [answer.value for answer in kept(site, typing)] == ["12.50"]


@pytest.mark.parametrize(
    ("field", "typed"), [("company", "Alder"), ("payment", "2"), ("till", "4\n7"), ("items", "Bread\t3.20")]
)
def test_each_kind_has_its_draft(site: Site, context: BrowserContext, field: str, typed: str):
    site.person("vera")
    with_tasks(site, field)
    page = open_bench(site, context)
    for key in typed:
        page.keyboard.press({"\n": "Enter", "\t": "Tab"}.get(key, key))
    read = "() => import('/static/keying/main.js').then(({ bench }) => bench.input.draft())"
    before = page.evaluate(read)
    assert before
    page.reload()
    page.wait_for_selector("body[data-state=working] .sheet img")
    assert page.evaluate(read) == before


def test_signing_out_erases_drafts(site: Site, typing: Page):
    assert typing.evaluate(DRAFTS) == 1
    typing.goto(f"{site.url}/me")
    typing.get_by_role("button", name="Sign out").click()
    typing.wait_for_url("**/signin*")
    assert typing.evaluate(DRAFTS) == 0


def test_a_draft_of_yesterday_or_of_another_person_is_erased(site: Site, context: BrowserContext, typing: Page):
    typing.evaluate(
        """() => {
            const name = Object.keys(localStorage).find((key) => key.startsWith("countersign.draft."));
            const draft = JSON.parse(localStorage.getItem(name));
            localStorage.setItem(name, JSON.stringify({ ...draft, at: Date.now() - 25 * 3600 * 1000 }));
            localStorage.setItem("countersign.draft.usr_other.tsk_1", JSON.stringify({ ...draft, at: Date.now() }));
        }"""
    )
    typing.reload()
    expect(typing.locator(BOX)).to_have_value("")
    assert typing.evaluate(DRAFTS) == 0
