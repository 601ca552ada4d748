"""Every page: opens for its role and is closed to others, survives hostile text, and works as plain HTML."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect
from sqlmodel import select

from hitl.people.accounts import set_password
from models.states import Role
from models.tables import Document, DocumentTypeVersion, PolicyVersion, User, Workspace
from tests import factories
from tests.web import paper
from tests.web.conftest import Site

pytestmark = pytest.mark.web

PAGES = {
    "/": Role.VALIDATOR,
    "/tour": Role.MANAGER,
    "/me": Role.VALIDATOR,
    "/training": Role.VALIDATOR,
    "/work": Role.VALIDATOR,
    "/review": Role.REVIEWER,
    "/documents": Role.REVIEWER,
    "/queue": Role.MANAGER,
    "/quality": Role.MANAGER,
    "/models": Role.MANAGER,
    "/people": Role.MANAGER,
    "/upload": Role.OPERATOR,
    "/types": Role.OPERATOR,
    "/types/new": Role.OPERATOR,
    "/types/receipt": Role.OPERATOR,
    "/access": Role.OPERATOR,
    "/retention": Role.OPERATOR,
}
PASSWORD = "correct horse battery"
ATTACK = "<script>document.title='owned'</script><img src=x onerror=document.title='owned'>"


def with_document(site: Site, **columns: Any) -> Document:
    document = paper.read_document(site.session, site.workspace, site.version, **columns)
    for field in ("total", "company"):
        paper.task_for(site.session, document, field)
    site.session.commit()
    return document


def fresh(site: Site) -> None:
    site.session.rollback()
    site.session.expire_all()


@pytest.mark.parametrize("role", list(Role))
def test_pages_open_for_their_role_and_are_closed_to_those_below(site: Site, context: BrowserContext, role: Role):
    site.person("pat", role)
    with_document(site)
    page = site.sign_in(context, "pat")
    ranks = list(Role)
    for path, least in PAGES.items():
        expected = 200 if ranks.index(role) >= ranks.index(least) else 403
        response = page.request.get(site.url + path, headers={"Accept": "text/html"})
        assert (path, response.status) == (path, expected)


def test_strangers_are_sent_to_sign_in_and_come_back(site: Site, context: BrowserContext):
    user = site.person("vera")
    set_password(site.session, user, PASSWORD, actor="test", now=factories.NOW)
    site.session.commit()
    page = context.new_page()
    page.goto(f"{site.url}/me")
    page.wait_for_url("**/signin?next=/me")
    page.fill("#login", "vera")
    page.fill("#password", "not this one")
    page.keyboard.press("Enter")
    expect(page.locator("[role=alert]")).to_have_text("Login or password is not right.")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/me")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/signin**")


@pytest.mark.parametrize(
    "elsewhere", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_never_leads_to_another_site(site: Site, context: BrowserContext, elsewhere: str):
    from api.web.visitor import safe_path

    assert safe_path(elsewhere) == "/"


def test_hostile_names_and_comments_are_only_text(site: Site, context: BrowserContext):
    site.person("ada", Role.ADMIN)
    document = with_document(site, filename=ATTACK)
    page = site.sign_in(context, "ada")
    page.goto(f"{site.url}/documents/{document.id}")
    page.fill("#comment-body", ATTACK)
    page.get_by_role("button", name="Comment").click()
    expect(page.locator(".message")).to_contain_text("<script>")
    for path in ("/documents", "/queue", f"/documents/{document.id}"):
        page.goto(site.url + path)
        assert page.title() != "owned"


def test_a_value_and_its_place_light_each_other(site: Site, context: BrowserContext):
    site.person("rob", Role.REVIEWER)
    document = with_document(site)
    page = site.sign_in(context, "rob")
    page.goto(f"{site.url}/documents/{document.id}")
    page.hover("#field-total summary")
    expect(page.locator(".place[data-field=total]")).to_have_class("place doubt lit")
    page.locator("#hide-fine").check()
    assert page.locator(".value-card.doubt").first.is_visible()


def test_another_workspace_is_not_there(site: Site, context: BrowserContext):
    site.person("ada", Role.ADMIN)
    elsewhere = factories.create_workspace(site.session)
    foreign = factories.create_document(site.session, elsewhere)
    stranger = factories.create_user(site.session, elsewhere)
    site.session.commit()
    page = site.sign_in(context, "ada")
    for path in (
        f"/documents/{foreign.id}",
        f"/documents/{foreign.id}/result.json",
        f"/documents/{foreign.id}/pages/1.png",
    ):
        assert page.request.get(site.url + path).status == 404
    assert page.request.post(f"{site.url}/people/{stranger.id}/deactivate").status == 404


def test_files_are_uploaded_with_progress_and_refusals_are_told(site: Site, context: BrowserContext):
    site.person("ada", Role.ADMIN)
    page = site.sign_in(context, "ada")
    page.goto(f"{site.url}/upload")
    png, _, _ = paper.draw()
    files: Any = [
        {"name": "good.png", "mimeType": "image/png", "buffer": png},
        {"name": "empty.pdf", "mimeType": "application/pdf", "buffer": b""},
        {"name": "note.txt", "mimeType": "text/plain", "buffer": b"no document"},
    ]
    page.set_input_files("#file", files)
    expect(page.locator("#summary")).to_have_text("3 of 3 done, 2 refused.")
    expect(page.locator("#files")).to_contain_text("Open it")
    fresh(site)
    assert [document.filename for document in site.session.exec(select(Document)).all()] == ["good.png"]


def test_a_type_is_edited_as_plain_html_and_becomes_a_new_version(site: Site, browser: Any):
    site.person("ada", Role.ADMIN)
    plain = browser.new_context(java_script_enabled=False)
    page = site.sign_in(plain, "ada")
    page.goto(f"{site.url}/types/receipt")
    page.fill("#label", "Till receipt")
    page.get_by_role("button", name="Save the type as a new version").click()
    expect(page.locator("h1")).to_have_text("Till receipt")
    page.check("[name=single_operator]")
    page.get_by_role("button", name="Save the policy").click()
    expect(page.locator("main")).to_contain_text("Nothing of this type is certified")
    fresh(site)
    numbers = [row.number for row in site.session.exec(select(DocumentTypeVersion)).all()]
    assert sorted(numbers) == [1, 2]
    newest = max(site.session.exec(select(PolicyVersion)).all(), key=lambda row: row.number)
    assert newest.policy["single_operator"]
    plain.close()


def test_a_wrong_type_says_what_is_wrong_and_keeps_what_was_typed(site: Site, context: BrowserContext):
    site.person("ada", Role.ADMIN)
    page = site.sign_in(context, "ada")
    page.goto(f"{site.url}/types/new")
    page.fill("#name", "delivery_note")
    page.fill("#label", "Delivery note")
    page.fill("[name='f0.name']", "carrier")
    page.select_option("[name='f0.kind']", "choice")
    page.get_by_role("button", name="Add the type").click()
    expect(page.locator("[role=alert]").first).to_contain_text("needs a list `choices`")
    expect(page.locator("#label")).to_have_value("Delivery note")


def test_somebody_is_invited_and_chooses_a_password(site: Site, context: BrowserContext, browser: Any):
    site.person("ada", Role.ADMIN)
    page = site.sign_in(context, "ada")
    page.goto(f"{site.url}/people")
    page.fill("#login", "nora")
    page.get_by_role("button", name="Invite").click()
    link = page.get_by_label("Link").input_value()
    other = browser.new_context()
    guest = other.new_page()
    guest.goto(site.url + link[link.index("/password/") :])
    guest.fill("#password", PASSWORD)
    guest.fill("#again", PASSWORD)
    guest.keyboard.press("Enter")
    expect(guest.locator("h1")).to_contain_text("nora")
    other.close()


def test_a_manager_pauses_and_cannot_touch_superiors(site: Site, context: BrowserContext):
    vera, ada = site.person("vera"), site.person("ada", Role.ADMIN)
    site.person("mona", Role.MANAGER)
    page = site.sign_in(context, "mona")
    pause = {"reason": "a break"}
    assert page.request.post(f"{site.url}/people/{ada.id}/pause", form=pause).status == 403
    assert page.request.post(f"{site.url}/people/{vera.id}/pause", form=pause).ok
    fresh(site)
    assert site.session.get_one(User, vera.id).paused_reason == "a break"


def test_a_key_is_shown_once_and_revoked(site: Site, context: BrowserContext):
    site.person("ada", Role.ADMIN)
    page = site.sign_in(context, "ada")
    page.goto(f"{site.url}/access")
    page.fill("#key-name", "ERP")
    page.get_by_role("button", name="Make the key").click()
    assert page.get_by_label("Secret").input_value().startswith("cs_")
    page.goto(f"{site.url}/access")
    assert page.get_by_label("Secret").count() == 0
    page.get_by_role("button", name="Revoke").click()
    expect(page.locator("tbody").first).to_contain_text("revoked")


def test_retention_is_kept(site: Site, context: BrowserContext):
    site.person("ada", Role.ADMIN)
    page = site.sign_in(context, "ada")
    page.goto(f"{site.url}/retention")
    page.fill("#days", "90")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("[role=status]")).to_have_text("Saved.")
    fresh(site)
    assert site.session.get_one(Workspace, site.workspace.id).retention_days == 90
