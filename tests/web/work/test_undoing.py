"""Undo on the keying page: several answers one after the other, and a plain refusal once something rests on one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sqlmodel import Session

from hitl import pipeline
from hitl.annotation import answers, tasks
from models.tables import User
from tests.web.conftest import Site
from tests.web.work.test_keying import kept, nothing_left, open_bench, with_tasks

pytestmark = pytest.mark.web

TRUTH = {"Company": "Alder & Sons Ltd", "Total": "12.50"}
FIRST = {"Company": "Alder Ltd", "Total": "12.00"}


def key_all(page: Page, values: dict[str, str], count: int) -> list[str]:
    """Answer the next `count` tasks with these values by label. Returns the labels in the order they came."""
    labels = []
    for _ in range(count):
        page.wait_for_selector("body[data-state=working] .answer-box")
        shown = page.evaluate("() => document.body.dataset.task")
        label = page.locator("#field").inner_text()
        page.keyboard.press("Control+a")
        page.keyboard.type(values[label])
        page.keyboard.press("Enter")
        page.wait_for_function(
            f"() => document.body.dataset.state !== 'working' || document.body.dataset.task !== '{shown}'"
        )
        labels.append(label)
    nothing_left(page)
    return labels


def say_too(session: Session, user: User, field: str, value: str) -> None:
    """Another person keys this field."""
    now = datetime.now(UTC)
    [task] = tasks.hand_out(session, user, now=now, field=field)
    given = answers.AnswerInput(value=value, idempotency_key=task.id)
    pipeline.take_answer(session, task.id, user, task.lease_token or "", given, now=now)
    session.commit()


def test_several_answers_are_taken_back_one_after_the_other(site: Site, context: BrowserContext):
    site.person("vera")
    site.person("victor")
    with_tasks(site, "company", "total")
    page = open_bench(site, context)
    order = key_all(page, FIRST, 2)
    kept(site, page)
    page.keyboard.press("Alt+z")
    page.keyboard.press("Alt+z")  # at once: nobody waits for the picture of the first
    expect(page.locator("#field")).to_have_text(order[0])
    expect(page.locator(".answer-box")).to_have_value(FIRST[order[0]])
    page.keyboard.press("Alt+z")
    expect(page.locator("#notices")).to_contain_text("There is no answer of this session to take back.")
    assert key_all(page, TRUTH, 2) == order
    rows = kept(site, page)
    assert [row.value for row in rows if row.undone_at is not None] == [FIRST[label] for label in order]
    assert [row.value for row in rows if row.undone_at is None] == [TRUTH[label] for label in order]
    expect(page.locator("#done")).to_have_text("2 today")


def test_what_somebody_built_on_is_not_taken_back_but_what_was_before_is(site: Site, context: BrowserContext):
    site.person("vera")
    victor = site.person("victor")
    with_tasks(site, "company", "total")
    page = open_bench(site, context)
    first, last = key_all(page, FIRST, 2)
    kept(site, page)
    say_too(site.session, victor, last.lower(), FIRST[last])
    page.keyboard.press("Alt+z")
    notice = page.locator("#notices .notice")
    expect(notice).to_contain_text(f"“{last}” cannot be taken back: Somebody answered after you.")
    expect(notice).to_contain_text("Tell a reviewer")
    assert [row.undone_at for row in kept(site, page)] == [None, None, None]
    page.keyboard.press("Alt+z")
    expect(page.locator("#field")).to_have_text(first)
    expect(page.locator(".answer-box")).to_have_value(FIRST[first])
    assert [row.value for row in kept(site, page) if row.undone_at is not None] == [FIRST[first]]
