"""Pages of those in charge: morning list, tour, tabs, a policy tried on the past, and a review that stays fair."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sqlmodel import select

from models.states import Role
from models.tables import Correction, PolicyVersion, Verdict
from tests import factories
from tests.web import paper, rich
from tests.web.conftest import Site

pytestmark = pytest.mark.web

ATTACK = "<script>document.title='owned'</script><img src=x onerror=document.title='owned'>"


def as_admin(site: Site, context: BrowserContext) -> Page:
    return site.sign_in(context, "ada")


def test_the_morning_list_names_what_needs_somebody(site: Site, context: BrowserContext):
    rich.furnish(site)
    page = as_admin(site, context)
    page.goto(site.url)
    said = page.locator(".todo")
    for sign in ("late", "failed", "no type", "held", "corrected", "exceptions", "paused", "drift", "model"):
        expect(said.locator(".tag", has_text=sign)).to_have_count(1)
    page.get_by_role("link", name="See what was wrong").click()
    expect(page.locator("tbody tr")).to_have_count(1)


def test_with_nothing_the_matter_the_list_says_so(site: Site, context: BrowserContext):
    site.person("ada", Role.ADMIN)
    page = as_admin(site, context)
    page.goto(site.url)
    expect(page.locator("main")).to_contain_text("Nothing. No document is late")


def test_the_tour_ticks_itself_off(site: Site, context: BrowserContext):
    site.person("ada", Role.ADMIN)
    page = as_admin(site, context)
    page.goto(f"{site.url}/tour")
    expect(page.locator(".steps .done")).to_have_count(0)
    document = paper.read_document(site.session, site.workspace, site.version)
    site.session.commit()
    page.goto(f"{site.url}/documents/{document.id}")
    page.wait_for_function("() => [...document.images].every((one) => one.complete)")
    page.goto(f"{site.url}/tour")
    expect(page.locator(".steps .done h2")).to_have_text(["Watch documents being read", "See where a value came from"])


@pytest.mark.parametrize(
    ("tab", "names"),
    [("exceptions", ["released.png"]), ("corrections", ["released.png"]), ("held", ["what is this.png"]),
     ("type", ["what is this.png"]), ("trouble", ["broken.pdf"]), ("people", ["in review.png"])],
)  # fmt: skip
def test_each_kind_of_document_has_its_place(site: Site, context: BrowserContext, tab: str, names: list[str]):
    rich.furnish(site)
    page = as_admin(site, context)
    page.goto(f"{site.url}/documents?tab={tab}")
    expect(page.locator("tbody .filename")).to_have_text(names)


def test_a_policy_is_tried_on_the_past_and_nothing_is_kept(site: Site, context: BrowserContext):
    rich.furnish(site)
    page = as_admin(site, context)
    page.goto(f"{site.url}/types/receipt")
    page.select_option("#p-mode", "fixed")
    page.fill("#p-fixed", "80")
    page.get_by_role("button", name="Try it on past documents").click()
    row = page.locator("tr", has_text="Accepted without a person").locator("td")
    expect(row).to_have_text(["0.0 %", "100.0 %"])
    expect(page.locator("#p-fixed")).to_have_value("80")
    assert [kept.number for kept in policies(site)] == [1]
    page.get_by_role("button", name="Save the policy").click()
    expect(page.locator("[role=status]")).to_have_text("Saved.")
    assert policies(site)[-1].policy["fixed_threshold"] == 0.8


def policies(site: Site) -> list[PolicyVersion]:
    site.session.rollback()
    site.session.expire_all()
    wanted = select(PolicyVersion).where(PolicyVersion.document_type == "receipt")
    return sorted(site.session.exec(wanted).all(), key=lambda row: row.number)


def test_one_operator_is_told_what_cannot_be_certified(site: Site, context: BrowserContext):
    site.person("ada", Role.ADMIN)
    page = as_admin(site, context)
    page.goto(f"{site.url}/types/receipt")
    page.check("[name=single_operator]")
    page.get_by_role("button", name="Save the policy").click()
    page.goto(f"{site.url}/quality")
    expect(page.locator(".notice.warn")).to_contain_text("What cannot be said of it")


def test_fields_that_nobody_is_left_to_key_are_shown(site: Site, context: BrowserContext):
    vera = site.person("vera")
    site.person("ada", Role.ADMIN)
    document = paper.read_document(site.session, site.workspace, site.version)
    done = paper.task_for(site.session, document, "total", state="answered")
    factories.save(site.session, rich.answer(done, vera, "12.50"))
    factories.create_task(site.session, site.session.get_one(Verdict, done.verdict_id))
    site.session.commit()
    page = as_admin(site, context)
    page.goto(site.url)
    expect(page.locator(".todo")).to_contain_text("1 field that nobody is left to key.")
    page.goto(f"{site.url}/queue")
    expect(page.locator(".notice.warn")).to_contain_text("blocked for lack of staff")
    page.locator(".notice.warn a", has_text="total").click()
    expect(page.locator("#field-total")).to_have_attribute("open", "")


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


def test_pages_grow_and_shrink_by_keys(site: Site, context: BrowserContext):
    made = rich.furnish(site)
    page = as_admin(site, context)
    page.goto(f"{site.url}/documents/{made.released.id}")
    width = "() => document.querySelector('.sheet-page').getBoundingClientRect().width"
    before = page.evaluate(width)
    page.keyboard.press("+")
    assert page.evaluate(width) == pytest.approx(1.25 * before, rel=0.01)
    page.keyboard.press("0")
    assert page.evaluate(width) == pytest.approx(before, rel=0.01)


def test_words_of_clients_are_only_text(site: Site, context: BrowserContext):
    made = rich.furnish(site)
    row = site.session.exec(select(Correction)).one()
    row.note = row.value = ATTACK
    made.awaiting.held_reason = ATTACK
    made.failed.problem = {"message": ATTACK, "next_step": ATTACK}
    site.session.add_all([row, made.awaiting, made.failed])
    site.session.commit()
    page = as_admin(site, context)
    for document in (made.released, made.awaiting, made.failed):
        page.goto(f"{site.url}/documents/{document.id}")
        expect(page.locator("main")).to_contain_text("<script>")
        assert page.title() != "owned"


def test_a_page_that_is_not_there_says_what_to_do(site: Site, context: BrowserContext):
    page = context.new_page()
    page.goto(f"{site.url}/nowhere")
    expect(page.locator("h1")).to_have_text("Nothing is here")
    expect(page.locator("main")).to_contain_text("begin at the start")
    assert "openapi" not in page.content()


def test_a_manager_sees_no_button_that_is_not_for_them(site: Site, context: BrowserContext):
    made: Any = rich.furnish(site)
    page = site.sign_in(context, "mona")
    for path in ("/models", f"/models/{made.model.id}", "/quality?type=receipt&target=0.02"):
        page.goto(site.url + path)
        assert page.locator("main form[method=post]").count() == 0, path
