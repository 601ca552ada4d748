"""A model in the shadow: judged by the gold of others' documents, and promoted when nothing is lost by it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, text
from sqlmodel import Session, col, select

from hitl import pipeline
from hitl.certificate.certify import refresh
from hitl.intake import recognition
from hitl.intake.recognition import Work
from hitl.learning import rescore, shadow
from hitl.learning.collect import collect
from hitl.workspace import deployment, registry
from hitl.workspace.policy import AuditRates, current_policy
from models.doctype import Kind
from models.states import DocumentState, Fold, ModelState, VerdictState
from models.tables import Audit, Certificate, Document, Event, ModelVersion, Observation, Workspace
from models.values import Reading, Recognition, ValueState
from tests import factories
from tests.factories import NOW
from tests.hitl.crowd import set_policy


@pytest.fixture
def serving(session: Session, workspace: Workspace) -> ModelVersion:
    """A workspace at a target of 5 %, with a model that serves and the type receipt of one field."""
    set_policy(session, workspace, audit_rate=AuditRates(accept=0.2, review=0.2, fresh=0.0), error_target=0.05)
    factories.create_type(session, workspace, factories.a_type("receipt", total=Kind.MONEY))
    return factories.create_model(session, workspace, created_at=NOW - timedelta(days=2))


def passed(session: Session, workspace: Workspace, minutes: int = 0) -> ModelVersion:
    at = NOW - timedelta(days=1) + timedelta(minutes=minutes)
    return factories.create_model(session, workspace, state=ModelState.PASSED.value, name="new", created_at=at)


def released(session: Session, workspace: Workspace, model: ModelVersion, count: int, **columns: object) -> None:
    """Documents of the certify fold with gold, which `model` read right and surely."""
    policy_id = current_policy(session, workspace.id, "receipt", now=NOW)[0].id
    for i in range(count):
        at = NOW + timedelta(minutes=i)
        document = factories.create_document(
            session, workspace, created_at=at, policy_version_id=policy_id, model_version_id=model.id,
            state=DocumentState.RELEASED.value, **({"fold": Fold.CERTIFY.value} | columns),
        )  # fmt: skip
        common = {"state": VerdictState.FINAL.value, "audit_probability": 1.0, "created_at": at, "decided_at": at}
        kind = {"field": "document_type", "first_value_state": "found", "first_value": "receipt"}
        factories.create_verdict(session, document, **kind, **common)
        reading = factories.create_reading(session, document, confidence=0.99, model_version_id=model.id)
        said = {"first_value_state": "found", "first_value": "12.50"}
        row = factories.create_verdict(session, document, "total", reading, **said, **common, decided_by="people")
        factories.create_audit(session, row, state="final", gold_state="found", gold="12.50", probability=1.0)
        collect(session, document, now=at)


def waiting_jobs(session: Session, name: str) -> list[dict[str, str]]:
    session.flush()
    rows = session.execute(
        text("SELECT args FROM procrastinate_jobs WHERE task_name = :name ORDER BY id"), {"name": name}
    )
    return [row.args for row in rows]


def score(session: Session, model: ModelVersion, workspace: Workspace, confidence: float = 0.99) -> int:
    """What the job does, but for the child process: `model` reads every waiting document right."""
    scored, after = 0, ""
    while ids := rescore.waiting(session, model, workspace.id, after):
        for document_id in ids:
            document = session.get_one(Document, document_id)
            document.type_version_id = session.execute(text("SELECT id FROM document_type_version")).scalar_one()
            said = Reading("total", ValueState.FOUND, "12.50", "12.50", confidence)
            work = Work(None, model.id, {}, {}, "receipt", [], {})  # type: ignore[arg-type]  # only its model is stored
            result = Recognition("receipt", 1.0, (said,), "v2")
            scored += rescore.store(session, document_id, result, work, now=NOW)
        after = ids[-1]
    return scored


def test_the_newest_model_that_passed_stands_in_the_shadow(
    session: Session, workspace: Workspace, serving: ModelVersion
):
    assert shadow.shadow_model(session, workspace.id) is None
    older, newer = passed(session, workspace), passed(session, workspace, minutes=5)
    assert shadow.shadow_model(session, workspace.id) is newer
    with pytest.raises(shadow.NotInShadow):
        shadow.promote_when_ready(session, older, actor="test", now=NOW)
    deployment.promote(session, newer, actor="test", now=NOW)
    assert shadow.shadow_model(session, workspace.id) is None  # the other one is older than what serves


def test_new_labels_are_scored_by_the_model_in_the_shadow_if_they_certify_it(
    session: Session, workspace: Workspace, serving: ModelVersion
):
    model = passed(session, workspace)
    released(session, workspace, serving, 1)
    (document,) = session.exec(select(Document)).all()
    asked = {"workspace_id": workspace.id, "model_id": model.id, "document_id": document.id}
    session.commit()
    assert waiting_jobs(session, "recertify") == [asked]
    released(session, workspace, serving, 1, fold=Fold.TRAIN.value, id="doc_young")
    session.commit()
    assert waiting_jobs(session, "recertify")[1]["document_id"] == "doc_young"  # it came after the model
    model.created_at = NOW + timedelta(days=1)
    session.add(model)
    released(session, workspace, serving, 1, fold=Fold.TRAIN.value, id="doc_old")
    assert len(waiting_jobs(session, "recertify")) == 2  # the model may have been trained on it


def test_it_takes_over_when_it_accepts_as_much(session: Session, workspace: Workspace, serving: ModelVersion):
    released(session, workspace, serving, 180)
    refresh(session, workspace.id, "receipt", now=NOW)
    model = passed(session, workspace)
    assert not shadow.promote_when_ready(session, model, actor="boss", now=NOW)
    (now,) = shadow.outlooks(session, model, now=NOW)
    assert (now.pool, now.serving, now.shadow, now.documents) == ("*", 1.0, 0.0, 0)
    assert score(session, model, workspace) == 180
    assert refresh(session, workspace.id, "receipt", now=NOW, model=model)[0].model_version_id == model.id
    (now,) = shadow.outlooks(session, model, now=NOW)
    assert (now.serving, now.shadow, now.documents, now.documents_needed) == (1.0, 1.0, 180, 0)
    assert serving.state == ModelState.SERVING.value
    assert shadow.promote_if_ready(session, model, now=NOW)
    session.refresh(serving)
    assert (model.state, serving.state) == (ModelState.SERVING.value, ModelState.RETIRED.value)
    of_boss = select(Event).where(Event.stream == model.id, Event.actor == "boss")
    promoted = session.exec(of_boss.order_by(col(Event.number))).all()
    assert [event.action for event in promoted][:1] == ["modelversion.waits"]
    rows = session.exec(select(Certificate).where(Certificate.model_version_id == model.id)).all()
    assert [row.threshold is not None for row in rows] == [True]  # in force from the first document on


def test_alarms_of_the_model_that_serves_come_before_it(session: Session, workspace: Workspace, serving: ModelVersion):
    released(session, workspace, serving, 150)
    held = refresh(session, workspace.id, "receipt", now=NOW)[0]
    model = passed(session, workspace)
    score(session, model, workspace)
    assert refresh(session, workspace.id, "receipt", now=NOW, model=model)[0].report["first"] == 2
    held.report = held.report | {"drift": held.report["drift"] | {"alarms": [140]}}  # it goes on as certificate 2
    session.add(held)
    session.flush()
    assert refresh(session, workspace.id, "receipt", now=NOW, model=model)[0].report["first"] == 3
    deployment.promote(session, model, actor="test", now=NOW)
    held.report = held.report | {"drift": held.report["drift"] | {"alarms": [140, 149]}}
    session.add(held)
    session.flush()
    assert refresh(session, workspace.id, "receipt", now=NOW)[0].report["first"] == 3  # as it was promised


def test_what_it_did_not_read_says_nothing_of_what_it_accepts(
    session: Session, workspace: Workspace, serving: ModelVersion
):
    released(session, workspace, serving, 180)
    for audit in session.exec(select(Audit)).all()[90:]:
        session.delete(audit)  # half of the documents were not drawn
    session.execute(delete(Observation).where(col(Observation.verdict_id).not_in(select(Audit.verdict_id))))
    model = passed(session, workspace)
    assert score(session, model, workspace, confidence=0.2) == 90
    row = refresh(session, workspace.id, "receipt", now=NOW, model=model)[0]
    assert (row.threshold, row.report["accepted"]) == (pytest.approx(0.3), 0.0)  # certified, and of no use


def test_where_nothing_is_certified_nothing_can_be_lost(session: Session, workspace: Workspace, serving: ModelVersion):
    released(session, workspace, serving, 5)
    refresh(session, workspace.id, "receipt", now=NOW)
    model = passed(session, workspace)
    assert shadow.promote_when_ready(session, model, actor="boss", now=NOW)
    assert model.state == ModelState.SERVING.value


def test_one_that_nobody_asked_for_waits_however_good_it_is(
    session: Session, workspace: Workspace, serving: ModelVersion
):
    model = passed(session, workspace)
    assert not shadow.promote_if_ready(session, model, now=NOW)
    assert model.state == ModelState.PASSED.value


def test_the_jobs_score_certify_and_promote(
    session: Session, workspace: Workspace, serving: ModelVersion, monkeypatch: pytest.MonkeyPatch
):
    released(session, workspace, serving, 150)
    refresh(session, workspace.id, "receipt", now=NOW)
    model = passed(session, workspace)
    registry.recertify(session, workspace.id, model.id)
    assert not shadow.promote_when_ready(session, model, actor="boss", now=NOW)
    version = session.execute(text("SELECT id FROM document_type_version")).scalar_one()
    for document in session.exec(select(Document)).all():
        document.type_version_id = version
        session.add(document)
    session.commit()
    said = Reading("total", ValueState.FOUND, "12.50", "12.50", 0.99)
    monkeypatch.setattr(recognition, "recognise", lambda *_, **__: Recognition("receipt", 1.0, (said,), "v2"))
    after = ""
    while ids := rescore.waiting(session, model, workspace.id, after):
        pipeline.recertify(workspace.id, after, model.id)
        after = ids[-1]
        session.commit()
    assert len(session.exec(select(Observation).where(Observation.model_version_id == model.id)).all()) == 150
    pipeline.certify(workspace.id, "receipt")
    session.expire_all()
    assert session.get_one(ModelVersion, model.id).state == ModelState.SERVING.value
    pipeline.recertify(workspace.id, "", "mdl_gone")  # superseded meanwhile: nothing to do
