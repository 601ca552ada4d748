"""Exams taken by keyboard: passed they admit to real work, failed they say so."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sqlmodel import col, select

from models.tables import Answer, GoldItem, Task, User
from tests import factories
from tests.web import paper
from tests.web.conftest import Site
from tests.web.keyboard import follow

pytestmark = pytest.mark.web


def with_exam(site: Site) -> User:
    """Somebody who must pass an exam, ten questions about amounts, and one amount to be keyed."""
    vera = site.person("vera")
    site.workspace.settings = {"exam_required": True}
    site.session.add(site.workspace)
    for _ in range(10):
        asked = paper.read_document(site.session, site.workspace, site.version, fields=("total",), state="released")
        factories.save(site.session, GoldItem(
            workspace_id=site.workspace.id, document_id=asked.id, field="total", kind="money", value_state="found",
            value="12.50", created_at=factories.NOW,
        ))  # fmt: skip
    document = paper.read_document(site.session, site.workspace, site.version, fields=("total",))
    paper.task_for(site.session, document, "total")
    site.session.commit()
    return vera


def key(page: Page, text: str) -> None:
    """Type into the task that is shown, send it, and wait until the next is shown or none is left."""
    page.wait_for_selector("body[data-state=working] .answer-box")
    shown = page.evaluate("() => document.body.dataset.task")
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    page.wait_for_function(
        f"() => document.body.dataset.state !== 'working' || document.body.dataset.task !== '{shown}'"
    )


def take_exam(site: Site, page: Page, *, wrong: int) -> None:
    page.goto(f"{site.url}/training")
    follow(page, "button", "Take the exam")
    for number in range(10):
        key(page, "99.00" if number < wrong else "12.50")
    expect(page.locator("#nothing-text")).to_contain_text("The exam is over")
    expect(page.locator("#sending")).to_have_text("All sent")


def answers_of(site: Site, user: User, purpose: str) -> list[Answer]:
    site.fresh()
    asked = select(Answer).join(Task, col(Task.id) == col(Answer.task_id))
    return list(site.session.exec(asked.where(Answer.user_id == user.id, Task.purpose == purpose)).all())


def test_an_exam_passed_by_keyboard_admits_to_real_work(site: Site, context: BrowserContext):
    vera = with_exam(site)
    page = site.sign_in(context, "vera")
    take_exam(site, page, wrong=1)
    follow(page, "link", "Back to the start")
    follow(page, "link", "Training")
    row = page.locator("tbody tr", has_text="Money")
    expect(row).to_contain_text("9 of 10 right")
    expect(row.locator(".tag.ok")).to_have_text(["admitted", "passed"])
    follow(page, "link", "Keying")
    key(page, "12.50")
    expect(page.locator("#sending")).to_have_text("All sent")
    assert [answer.value for answer in answers_of(site, vera, "review")] == ["12.50"]


def test_an_exam_failed_is_told_and_opens_no_real_work(site: Site, context: BrowserContext):
    vera = with_exam(site)
    page = site.sign_in(context, "vera")
    take_exam(site, page, wrong=2)
    page.keyboard.press("Alt+z")
    expect(page.locator("#notices")).to_contain_text("cannot be taken back: The exam is over and marked.")
    assert [answer.undone_at for answer in answers_of(site, vera, "exam")] == [None] * 10
    follow(page, "link", "Back to the start")
    follow(page, "link", "Training")
    row = page.locator("tbody tr", has_text="Money")
    expect(row).to_contain_text("8 of 10 right")
    expect(row.locator(".tag")).to_have_text(["exam to pass", "not passed"])
    expect(row).to_contain_text("10 new questions are needed")
    follow(page, "link", "Keying")
    expect(page.locator("#nothing-text")).to_contain_text("when you have passed its exam")
    assert site.session.get_one(User, vera.id).trained_kinds == []
