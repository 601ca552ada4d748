"""The keying page by keys: kinds, states, skip, undo, connection lost and found, races, leases, hostile text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sqlmodel import col, select

from models.tables import Answer, Event, Exposure, Task, User
from models.values import Box
from tests.web import paper, rich
from tests.web.conftest import Site

pytestmark = pytest.mark.web


def open_bench(site: Site, context: BrowserContext, login: str = "vera") -> Page:
    page = site.sign_in(context, login)
    page.goto(f"{site.url}/work")
    page.wait_for_selector("body[data-state=working] .sheet img")
    return page


def with_tasks(site: Site, *fields: str, not_found: tuple[str, ...] = (), **columns: Any) -> list[Task]:
    document = paper.read_document(site.session, site.workspace, site.version, not_found=not_found)
    made = [paper.task_for(site.session, document, field, **columns) for field in fields]
    site.session.commit()
    return made


def rows(site: Site, table: Any) -> list[Any]:
    site.fresh()
    order = col(table.created_at) if hasattr(table, "created_at") else col(table.id)
    return list(site.session.exec(select(table).order_by(order)).all())


def kept(site: Site, page: Page) -> list[Answer]:
    """The answers in the database once the page says that all are sent."""
    expect(page.locator("#sending")).to_have_text("All sent")
    return rows(site, Answer)


def nothing_left(page: Page) -> None:
    expect(page.locator("#nothing-title")).to_have_text("Nothing to key just now")


def test_a_typed_amount_is_sent_with_one_key(site: Site, context: BrowserContext):
    site.person("vera")
    with_tasks(site, "total")
    page = open_bench(site, context)
    page.keyboard.type("12.50")
    expect(page.locator(".says")).to_have_text("12.50 EUR")
    page.keyboard.press("Enter")
    nothing_left(page)
    [answer] = kept(site, page)
    assert (answer.value_state, answer.value, answer.source) == ("found", "12.50", "typed")
    assert answer.keystrokes == len("12.50") + 1
    assert answer.seconds is not None


@pytest.mark.parametrize(
    ("field", "keys", "value", "most_keys"),
    [
        ("date", [*"5.3.26", "Enter"], "2026-03-05", 7),
        ("company", [*"Alder & Sons Ltd", "Enter"], "Alder & Sons Ltd", 17),
        ("payment", ["2", "Enter"], "card", 2),
        ("copy", ["1", "Enter"], "true", 2),
        ("till", [*"4", "Enter", *"7", "Enter", "Enter"], ["4", "7"], 5),
        ("items", [*"Bread", "Tab", *"3.20", "Enter", "Enter"], ["Bread | 3.20"], 12),
    ],
)
def test_each_kind_is_keyed_without_a_mouse(
    site: Site, context: BrowserContext, field: str, keys: list[str], value: Any, most_keys: int
):
    site.person("vera")
    with_tasks(site, field)
    page = open_bench(site, context)
    for key in keys:
        page.keyboard.press(key)
    nothing_left(page)
    [answer] = kept(site, page)
    assert answer.value == value
    assert answer.keystrokes is not None
    assert answer.keystrokes <= most_keys


def test_what_is_no_date_asks_once_before_it_is_sent(site: Site, context: BrowserContext):
    site.person("vera")
    with_tasks(site, "date", "total")
    page = open_bench(site, context)
    page.keyboard.type("31.02.2026")
    page.keyboard.press("Enter")
    expect(page.locator("#complaint")).to_contain_text("Enter once more")
    assert kept(site, page) == []


@pytest.mark.parametrize(
    ("typed", "says", "value"),
    [
        ("12,50", "12.50 EUR", "12.50"),
        ("(1.234,56)", "-1\u202f234.56 EUR", "-1234.56"),
        ("\u221212.50", "-12.50 EUR", "-12.50"),
        ("12.50-", "-12.50 EUR", "-12.50"),
        ("Rs. 500.00", "500.00 EUR", "500.00"),
    ],
)
def test_an_amount_is_sent_as_typed_and_shown_as_understood(
    site: Site, context: BrowserContext, typed: str, says: str, value: str
):
    site.person("vera")
    with_tasks(site, "total")
    page = open_bench(site, context)
    page.keyboard.insert_text(typed)
    expect(page.locator(".says")).to_have_text(says)
    page.keyboard.press("Enter")
    nothing_left(page)
    [answer] = kept(site, page)
    assert (answer.text, answer.value) == (typed, value)


def test_what_may_mean_two_amounts_is_asked_about(site: Site, context: BrowserContext):
    site.person("vera")
    with_tasks(site, "total")
    page = open_bench(site, context)
    page.keyboard.type("1.234")
    page.keyboard.press("Enter")
    expect(page.locator("#complaint")).to_contain_text("may mean either")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    nothing_left(page)
    [answer] = kept(site, page)
    assert (answer.text, answer.value) == ("1.234", "1234.00")


@pytest.mark.parametrize(("key", "state"), [("Alt+i", "illegible"), ("Alt+e", "empty")])
def test_states_have_keys_of_their_own(site: Site, context: BrowserContext, key: str, state: str):
    site.person("vera")
    with_tasks(site, "total")
    page = open_bench(site, context)
    page.keyboard.press(key)
    nothing_left(page)
    assert [answer.value_state for answer in kept(site, page)] == [state]


def test_absence_is_only_said_after_the_whole_page_was_shown_and_logged(site: Site, context: BrowserContext):
    user = site.person("vera")
    [task] = with_tasks(site, "total")
    page = open_bench(site, context)
    page.keyboard.press("Alt+a")
    expect(page.locator("body")).to_have_attribute("data-layout", "page")
    page.wait_for_selector("#complaint:has-text('same key again')")
    page.keyboard.press("Alt+a")
    nothing_left(page)
    assert [answer.value_state for answer in kept(site, page)] == ["absent"]
    shown = [event for event in rows(site, Event) if event.action == "page.shown"]
    assert [(event.actor, event.data["page"]) for event in shown if "page" in event.data] == [(user.id, 1)]
    [exposure] = rows(site, Exposure)
    assert exposure.pages == [1]
    assert exposure.fields == [task.field]


def test_a_value_the_machine_has_no_place_for_shows_whole_pages(site: Site, context: BrowserContext):
    site.person("vera")
    with_tasks(site, "total", not_found=("total",))
    page = open_bench(site, context)
    expect(page.locator("body")).to_have_attribute("data-layout", "page")


def test_a_skip_gives_the_task_to_somebody_else(site: Site, context: BrowserContext):
    site.person("vera")
    site.person("victor")
    [task] = with_tasks(site, "total")
    page = open_bench(site, context)
    page.keyboard.press("Alt+s")
    page.keyboard.press("2")
    nothing_left(page)
    [answer] = kept(site, page)
    assert answer.skip_reason == "several_values"
    site.session.refresh(task)
    assert task.state == "open"


def test_undo_brings_the_last_answer_back_to_be_mended(site: Site, context: BrowserContext):
    site.person("vera")
    site.person("victor")  # somebody is left to ask; else a reviewer has it at once, and it is too late
    with_tasks(site, "total")
    page = open_bench(site, context)
    page.keyboard.type("12.00")
    page.keyboard.press("Enter")
    nothing_left(page)
    kept(site, page)
    page.keyboard.press("Alt+z")
    expect(page.locator(".answer-box")).to_have_value("12.00")
    page.keyboard.type("12.50")
    page.keyboard.press("Enter")
    nothing_left(page)
    assert [(a.value, a.undone_at is None) for a in kept(site, page)] == [("12.00", False), ("12.50", True)]


def test_answers_given_without_a_connection_arrive_once_when_it_is_back(site: Site, context: BrowserContext):
    site.person("vera")
    with_tasks(site, "total", "company", "date", "payment")
    page = open_bench(site, context)
    expect(page.locator("#ahead")).to_have_text("3 ready")
    page.wait_for_function(
        "() => performance.getEntriesByType('resource').filter((e) => e.name.includes('/image')).length >= 4"
    )
    context.set_offline(True)
    for _ in range(4):
        page.keyboard.press("Alt+i")
    expect(page.locator("#sending")).to_have_text("No connection · 4 answers kept here")
    page.wait_for_selector("body[data-state=offline]")
    context.set_offline(False)
    answers = kept(site, page)
    assert len(answers) == 4
    assert len({answer.task_id for answer in answers}) == 4


def test_what_is_being_typed_survives_a_lost_connection(site: Site, context: BrowserContext):
    site.person("vera")
    with_tasks(site, "total")
    page = open_bench(site, context)
    page.keyboard.type("12")
    context.set_offline(True)
    expect(page.locator("#sending")).to_have_text("No connection")
    page.keyboard.type(".50")
    page.keyboard.press("Enter")
    expect(page.locator("#sending")).to_have_text("No connection · 1 answer kept here")
    context.set_offline(False)
    assert [(answer.value, answer.keystrokes) for answer in kept(site, page)] == [("12.50", 6)]


def test_two_people_race_and_each_task_is_answered_once(site: Site, context: BrowserContext, browser: Any):
    site.person("vera")
    site.person("victor")
    made = with_tasks(site, "total", "company", "date", "payment", "copy", "till")
    other_context = browser.new_context()
    pages = [open_bench(site, context), open_bench(site, other_context, "victor")]
    for _ in range(100):
        states = [page.get_attribute("body", "data-state") for page in pages]
        if set(states) == {"empty"}:
            break
        for page, state in zip(pages, states, strict=True):
            if state == "working":
                page.keyboard.press("Alt+i")
            page.wait_for_timeout(50)
    for page in pages:
        expect(page.locator("#sending")).to_have_text("All sent")
    answers = rows(site, Answer)
    assert len({answer.task_id for answer in answers}) == len(answers)
    fields = {task.id: task.field for task in rows(site, Task)}
    assert len({(fields[answer.task_id], answer.user_id) for answer in answers}) == len(answers)
    assert {task.id for task in made} <= {answer.task_id for answer in answers}
    other_context.close()


def test_answers_survive_closing_the_browser_window(site: Site, context: BrowserContext):
    site.person("vera")
    with_tasks(site, "total", "company")
    page = open_bench(site, context)
    page.wait_for_function("() => document.getElementById('ahead').textContent === '1 ready'")
    context.set_offline(True)
    page.keyboard.press("Alt+i")
    expect(page.locator("#sending")).to_contain_text("1 answer kept here")
    page.close()
    context.set_offline(False)
    again = context.new_page()
    again.goto(f"{site.url}/work")
    assert len(kept(site, again)) == 1


def test_two_people_never_hold_the_same_task(site: Site, context: BrowserContext, browser: Any):
    site.person("vera")
    site.person("victor")
    with_tasks(site, "total", "company", "date", "payment", "copy", "till")
    first = open_bench(site, context)
    other_context = browser.new_context()
    second = open_bench(site, other_context, "victor")
    holders = {(task.id, task.leased_to) for task in rows(site, Task) if task.leased_to}
    assert len(holders) == len({task_id for task_id, _ in holders}) == 6
    assert len({user_id for _, user_id in holders}) == 2
    assert first.locator("#field").inner_text()
    assert second.locator("#field").inner_text()
    other_context.close()


def test_a_lost_lease_is_told_and_the_answer_not_counted(site: Site, context: BrowserContext):
    site.person("vera")
    other = site.person("victor")
    [task] = with_tasks(site, "total")
    page = open_bench(site, context)
    site.session.refresh(task)
    task.leased_to, task.lease_token = other.id, "another"
    site.session.add(task)
    site.session.commit()
    page.keyboard.press("Alt+i")
    expect(page.locator("#notices")).to_contain_text("“Total”")
    assert kept(site, page) == []


def test_a_lease_that_runs_out_on_the_screen_is_told(site: Site, context: BrowserContext, monkeypatch: Any):
    from hitl.settings import settings

    monkeypatch.setenv("COUNTERSIGN_LEASE_SECONDS", "23")
    settings.cache_clear()
    site.person("vera")
    with_tasks(site, "total")
    page = open_bench(site, context)
    expect(page.locator("#lease")).to_contain_text("This task goes to somebody else in")
    page.evaluate(
        "() => import('/static/keying/main.js').then(({ bench }) => { bench.held.until = performance.now() + 500; })"
    )
    expect(page.locator("#notices")).to_contain_text("Your time for “Total” ran out")


def test_verify_mode_wants_an_explicit_yes(site: Site, context: BrowserContext):
    site.person("vera")
    with_tasks(site, "total", mode="verify", shown_value="12.50")
    page = open_bench(site, context)
    expect(page.locator("#shown")).to_have_text("12.50")
    page.keyboard.press("Enter")
    expect(page.locator("#complaint")).to_contain_text("Is it right?")
    assert kept(site, page) == []
    page.keyboard.press("Alt+y")
    nothing_left(page)
    [answer] = kept(site, page)
    assert (answer.value, answer.source) == ("12.50", "confirmed")


def test_text_taken_from_words_is_marked_and_only_offered_in_review(site: Site, context: BrowserContext):
    site.person("vera")
    with_tasks(site, "company")
    page = open_bench(site, context)
    page.locator(".word").nth(0).click(force=True)
    expect(page.locator("#take-text")).to_have_text("Alder")
    page.keyboard.press("Alt+t")
    page.keyboard.press("Enter")
    nothing_left(page)
    [answer] = kept(site, page)
    assert (answer.value, answer.source, answer.page) == ("Alder", "ocr", 1)
    assert answer.box is not None
    assert Box.from_list(answer.box).contains(0.1, 0.065)


def test_a_blind_check_shows_whole_pages_and_no_text_to_take(site: Site, context: BrowserContext):
    site.person("vera")
    with_tasks(site, "company", purpose="audit", whole_page=True)
    page = open_bench(site, context)
    expect(page.locator("#purpose")).to_have_text("Blind check")
    page.locator(".word").nth(0).click(force=True)
    expect(page.locator(".frame-mark")).to_have_attribute("visibility", "visible")
    expect(page.locator("#take")).to_be_hidden()
    assert page.locator(".focus-box").count() == 0


def test_pictures_are_for_the_holder_only(site: Site, context: BrowserContext, browser: Any):
    site.person("vera")
    site.person("victor")
    [task] = with_tasks(site, "total")
    open_bench(site, context)
    site.session.refresh(task)
    address = f"{site.url}/work/tasks/{task.id}/image?token={task.lease_token}"
    other = browser.new_context()
    stranger = site.sign_in(other, "victor")
    assert stranger.request.get(address).status == 409
    assert context.request.get(address).status == 200
    assert context.request.get(address.replace(task.lease_token or "", "guess")).status == 409
    other.close()


def test_a_key_can_be_changed_and_is_remembered(site: Site, context: BrowserContext):
    user = site.person("vera")
    with_tasks(site, "total", "company")
    page = open_bench(site, context)
    page.keyboard.press("?")
    page.get_by_label("Change the key for: It is there, but cannot be read").click()
    page.keyboard.press("F4")
    expect(page.locator("#keys [role=status]")).to_have_text("F4 it is.")
    page.keyboard.press("Escape")
    page.keyboard.press("F4")
    page.wait_for_function("() => document.getElementById('done').textContent === '1 today'")
    assert [answer.value_state for answer in kept(site, page)] == ["illegible"]
    site.session.refresh(user)
    assert user.keymap == {"illegible": "F4"}


def test_typing_keys_cannot_be_bound(site: Site, context: BrowserContext):
    site.person("vera")
    with_tasks(site, "total")
    page = open_bench(site, context)
    page.keyboard.press("F1")
    page.get_by_label("Change the key for: Skip, with a reason").click()
    page.keyboard.press("s")
    expect(page.locator("#keys [role=status]")).to_contain_text("needed for typing")


def test_hostile_text_is_only_text(site: Site, context: BrowserContext):
    site.person("vera")
    attack = "<img src=x onerror=document.title='owned'>"
    lines = paper.LINES | {"company": ((60, 60), attack)}
    document = paper.read_document(site.session, site.workspace, site.version, lines=lines, filename=attack)
    paper.task_for(site.session, document, "company")
    site.session.commit()
    page = open_bench(site, context)
    page.locator(".word").nth(0).click(force=True)
    expect(page.locator("#take-text")).to_contain_text("<img")
    assert page.title() != "owned"


def test_a_paused_person_gets_no_tasks_and_is_told_why(site: Site, context: BrowserContext):
    user: User = site.person("vera")
    user.paused_reason = "too many control tasks wrong"
    site.session.add(user)
    with_tasks(site, "total")
    page = site.sign_in(context, "vera")
    page.goto(f"{site.url}/work")
    expect(page.locator("#nothing-text")).to_contain_text("too many control tasks wrong")


def test_a_session_that_ended_keeps_the_answers_until_one_signs_in_again(site: Site, context: BrowserContext):
    site.person("vera")
    with_tasks(site, "total", "company")
    page = open_bench(site, context)
    page.wait_for_function("() => document.getElementById('ahead').textContent === '1 ready'")
    cookies = context.cookies()
    context.clear_cookies()
    page.keyboard.press("Alt+i")
    expect(page.locator("#sending")).to_contain_text("Signed out")
    context.add_cookies(cookies)  # type: ignore[arg-type]
    page.reload()
    assert len(kept(site, page)) == 1


def test_a_second_enter_in_training_is_no_second_answer(site: Site, context: BrowserContext):
    rich.furnish(site)
    before = len(rows(site, Answer))
    page = site.sign_in(context, "vera")
    page.goto(f"{site.url}/training")
    page.get_by_role("button", name="Train").click()
    page.wait_for_selector("body[data-state=working] .sheet img")
    done = int(page.locator("#done").inner_text().split()[0])
    page.keyboard.type("1")
    for _ in range(3):
        page.keyboard.press("Enter")
    expect(page.locator("#done")).to_have_text(f"{done + 1} today")
    assert len(kept(site, page)) == before + 1


WAITED = "() => performance.getEntriesByName('crop')[0].startTime - performance.getEntriesByName('answer')[0].startTime"


def test_the_next_crop_is_there_within_a_tenth_of_a_second(site: Site, context: BrowserContext):
    site.person("vera")
    for _ in range(3):
        with_tasks(site, "total", "company", "date", "till")
    page = open_bench(site, context)
    waits = []
    for number in range(1, 10):
        page.wait_for_function("() => Number.parseInt(document.getElementById('ahead').textContent) >= 2")
        page.wait_for_timeout(250)
        page.keyboard.press("Alt+i")
        page.wait_for_function(f"() => document.getElementById('done').textContent === '{number} today'")
        page.wait_for_function("() => performance.getEntriesByName('crop').length === 1")
        waits.append(page.evaluate(WAITED))
    assert sorted(waits)[len(waits) // 2] <= 100, waits


def test_given_back_when_the_page_is_left(site: Site, context: BrowserContext):
    site.person("vera")
    with_tasks(site, "total", "company")
    page = open_bench(site, context)
    page.goto(f"{site.url}/me")
    deadline = datetime.now(UTC) + timedelta(seconds=5)
    while any(task.state == "leased" for task in rows(site, Task)) and datetime.now(UTC) < deadline:
        page.wait_for_timeout(50)
    assert {task.state for task in rows(site, Task)} == {"open"}


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
