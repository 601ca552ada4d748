"""Models on their page: a training followed to its end, one that waits, one rolled back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sqlmodel import Session, col, select

from extractor.processes import apart
from hitl.learning import gate, shadow, train, train_job
from hitl.platform import db
from hitl.workspace import deployment, registry
from models.states import Fold, Role
from models.tables import Example, ModelVersion
from tests import factories
from tests.hitl.learning.test_gate import decisions
from tests.web import paper
from tests.web.conftest import Site

pytestmark = pytest.mark.web


@pytest.fixture
def operator(site: Site, context: BrowserContext) -> Page:
    site.person("olga", Role.OPERATOR)
    return site.sign_in(context, "olga")


def with_examples(site: Site, documents: int) -> None:
    for _ in range(documents):
        document = paper.read_document(site.session, site.workspace, site.version, fields=("total",), state="released")
        factories.save(site.session, Example(
            workspace_id=site.workspace.id, document_id=document.id, document_type="receipt", field="total",
            kind="money", value_state="found", value="12.50", source="review", probability=1.0,
            fold=Fold.TRAIN.value, group_id=document.group_id, created_at=factories.NOW,
        ))  # fmt: skip
    site.session.commit()


TYPES = [gate.TypeDecision(f"d{n}", "ad_buy", n > 0, 0.9, True, 0.9) for n in range(8)]  # one of eight is lost


def end_training(model_id: str, *, champion: float, candidate: float) -> None:
    """What the worker does when a training is over: the gate judges, and the decision is kept."""
    rows = decisions(150, champion, candidate)
    trained = train.Trained(b"bundle", "d" * 64, {}, gate.judge(rows, target=0.02, floor=0.5, seed=1, types=TYPES))
    with db.transaction() as session:
        model = session.get_one(ModelVersion, model_id, with_for_update=True)
        train.finish(session, model, trained, now=datetime.now(UTC))


def begin_training(site: Site, page: Page) -> str:
    """Press the button; the id of the model that is now in training."""
    page.goto(f"{site.url}/models")
    page.get_by_role("button", name="Freeze the examples and train").click()
    panel = page.locator("[data-follow]")
    expect(panel.locator("[role=status]")).to_contain_text("waiting for a worker")
    return panel.get_attribute("data-follow") or ""


def test_too_few_examples_are_refused_plainly(site: Site, operator: Page):
    with_examples(site, 1)
    operator.goto(f"{site.url}/models")
    offer = operator.locator("section", has_text="Train now")
    expect(offer).to_contain_text("Not enough to train yet: Receipt 1 of 10 documents.")
    expect(operator.get_by_role("button", name="Freeze the examples and train")).to_have_count(0)
    refused = operator.request.post(f"{site.url}/models/train", form={"types": "receipt"})
    assert (refused.status, "receipt has 1 of 10 documents" in refused.text()) == (409, True)
    with_examples(site, 9)
    operator.reload()
    operator.get_by_role("checkbox").uncheck()
    operator.get_by_role("button", name="Freeze the examples and train").click()
    expect(operator.locator("[role=alert]")).to_contain_text("Tick at least one")
    assert [model.name for model in models(site.session)] == ["base"]


def models(session: Session) -> list[ModelVersion]:
    session.rollback()
    session.expire_all()
    return list(session.exec(select(ModelVersion).order_by(col(ModelVersion.created_at))).all())


@pytest.mark.parametrize(
    ("champion", "candidate", "says", "buttons"), [(0.80, 0.95, "passed", 1), (0.95, 0.80, "refused", 0)]
)
def test_a_training_is_followed_to_the_decision_of_the_gate(
    site: Site, operator: Page, champion: float, candidate: float, says: str, buttons: int
):
    with_examples(site, 10)
    model_id = begin_training(site, operator)
    train_job.note_progress(model_id, "fold 2 of 5", 0.4)
    expect(operator.locator("[data-follow] [role=status]")).to_have_text("step: fold 2 of 5")
    assert operator.locator("progress").evaluate("one => one.value") == pytest.approx(0.4)
    end_training(model_id, champion=champion, candidate=candidate)
    operator.wait_for_url(f"**/models/{model_id}")
    expect(operator.locator(".page-head .tag")).to_have_text(says)
    expect(operator.locator("tr", has_text="Accuracy").locator(".tag")).to_have_text("yes" if buttons else "no")
    expect(operator.get_by_role("button", name="Promote")).to_have_count(buttons)
    expect(operator.locator("tr", has_text="Document types")).to_contain_text(
        "7 of 8 documents are called by their type"
    )
    expect(operator.locator("tr", has_text="ad buy").locator("td")).to_have_text(["ad buy", "8", "7", "8", "1", "0"])
    expect(operator.locator("section", has_text="Gate report")).to_contain_text("of the select fold, which no model")


def test_a_training_that_fails_says_why_and_what_to_do(site: Site, operator: Page, monkeypatch: pytest.MonkeyPatch):
    from hitl.settings import settings

    monkeypatch.setenv("COUNTERSIGN_ATTEMPTS", "1")
    settings.cache_clear()
    with_examples(site, 10)
    model_id = begin_training(site, operator)
    broken = apart.WorkFailed("the process ended with -9")
    assert train_job.count_failure(broken, {"model_id": model_id}, datetime.now(UTC))
    operator.wait_for_url(f"**/models/{model_id}")
    expect(operator.locator("[role=alert]")).to_contain_text("the process ended with -9")
    expect(operator.locator("[role=alert]")).to_contain_text("the model that served goes on")


def test_a_model_waits_until_nothing_is_lost_by_it(site: Site, operator: Page):
    serving = registry.serving_model(site.session, site.workspace.id)
    factories.create_certificate(site.session, site.workspace, serving.id)
    model = factories.create_model(
        site.session, site.workspace, name="April", state="passed", created_at=serving.created_at + timedelta(days=1)
    )
    row = factories.create_certificate(site.session, site.workspace, model.id, threshold=None, audits_needed=41)
    site.session.commit()
    operator.goto(f"{site.url}/models/{model.id}")
    panel = operator.locator("section", has_text="What a promotion would change")
    expect(panel.locator(".tag")).to_have_text("not yet")
    expect(panel.locator("tbody td")).to_have_text(
        ["receipt", "all together", "60 %", "0 %", "300 documents", "41 more checked documents"]
    )
    operator.get_by_role("button", name="Promote when nothing is lost").click()
    expect(operator.locator("[role=status]")).to_contain_text("promoted as soon as it accepts as much")
    expect(panel.locator(".tag")).to_have_text("waits")
    expect(operator.get_by_role("button", name="Promote when nothing is lost")).to_have_count(0)
    row.threshold, row.audits_needed = 0.9, 0
    site.session.add(row)
    site.session.refresh(model)
    assert shadow.promote_if_ready(site.session, model, now=datetime.now(UTC))  # as the job does that certifies
    site.session.commit()
    operator.goto(f"{site.url}/models")
    expect(operator.locator("tr", has_text="April").first).to_contain_text("serving")
    served = operator.locator("section", has_text="What served").locator("tbody tr")
    expect(served).to_contain_text(["it accepts as much as the model that served"])


def test_models_are_rolled_back_one_by_one_to_the_base_model(site: Site, operator: Page):
    for days, name in enumerate(("March", "April")):
        model = factories.create_model(site.session, site.workspace, name=name, state="passed", gate_report={})
        deployment.promote(site.session, model, actor="test", now=factories.NOW + timedelta(days=days))
    site.session.commit()
    operator.goto(f"{site.url}/models")
    head, back = operator.locator(".page-head"), operator.get_by_role("button", name="Roll back to the model before")
    for earlier, states in (("March", ["serving", "retired", "serving"]), ("base", ["serving", "retired", "retired"])):
        back.click()
        expect(operator.locator("[role=status]")).to_have_text("Rolled back to the model before.")
        expect(head).to_contain_text(f"“{earlier}” reads new documents")
        found = {model.name: model.state for model in models(site.session)}
        assert [found[name] for name in ("base", "April", "March")] == states
    expect(back).to_have_count(0)
    response = operator.request.post(f"{site.url}/models/rollback")
    assert response.status == 409
    assert "there is nothing to roll back to" in response.text()
