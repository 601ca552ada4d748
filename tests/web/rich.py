"""A workspace in which every page has something to show: each state, each kind, certificates, models, messages."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlmodel import Session

from hitl.grader.model import Reviewed, fit
from hitl.workspace.registry import serving_model
from models.states import Role
from models.tables import (
    Answer,
    Correction,
    Document,
    Example,
    GoldItem,
    GraderVersion,
    Message,
    ModelVersion,
    Observation,
    Release,
    Review,
    Skill,
    Snapshot,
    Task,
    User,
    Webhook,
    WebhookDelivery,
)
from tests import factories
from tests.web import paper
from tests.web.conftest import Site

NOW = datetime.now(UTC)
GATE: dict[str, Any] = {
    "passed": True, "rule": "non_inferiority", "decisions": 412, "documents": 103,
    "tests": [
        {"name": "accuracy", "passed": True, "figures": {"gain": 0.012, "low": 0.004},
         "sentence": "At least as often right as the model that serves."},
        {"name": "calibration", "passed": True, "figures": {"before": 0.021, "after": 0.018},
         "sentence": "As honest about its doubt."},
    ],
    "segments": [{"field": "total", "decisions": 103, "gain": 0.019}],
}  # fmt: skip


@dataclass(frozen=True)
class Rich:
    """What the walk over the pages needs to find them."""

    people: dict[str, User]
    released: Document
    in_review: Document
    awaiting: Document
    failed: Document
    model: ModelVersion


def furnish(site: Site) -> Rich:
    roles = {"vera": Role.VALIDATOR, "rob": Role.REVIEWER, "mona": Role.MANAGER, "ada": Role.ADMIN}
    people = {name: site.person(name, role) for name, role in roles.items()}
    released = _released(site, people)
    in_review = paper.read_document(
        site.session, site.workspace, site.version, filename="in review.png", due_at=NOW - timedelta(hours=2)
    )
    awaiting, failed = _troubled(site)
    _learned(site, released)
    _watched(site)
    model = _models(site)
    _people(site, people)
    _client(site, released)
    site.session.commit()
    return Rich(people, released, in_review, awaiting, failed, model)


def _save(site: Site, *rows: Any) -> Any:
    for row in rows:
        factories.save(site.session, row)
    return rows[0]


def _released(site: Site, people: dict[str, User]) -> Document:
    illegible = {"code": "illegible", "fields": ["date"], "message": "date cannot be read on this scan."}
    document = paper.read_document(
        site.session, site.workspace, site.version, filename="released.png", state="amended", exceptions=[illegible],
        released_at=NOW,
    )  # fmt: skip
    for field, value in paper.VALUES.items():
        reading = reading_of(site.session, document, field)
        verdict = factories.create_verdict(
            site.session, document, field, reading, state="final", value_state="found", value=value,
            first_value_state="found", first_value=value, decided_by="people", decided_at=NOW, posterior=0.9995,
            reasons=[{"rule": "below_threshold"}], threshold=0.97,
        )  # fmt: skip
        task = factories.create_task(site.session, verdict, state="answered")
        _save(site, answer(task, people["vera"], value))
    site.session.add_all([
        Release(document_id=document.id, number=1, payload={}, certified={"certified": False}, created_at=NOW),
        Correction(document_id=document.id, field="total", value_state="found", value="12.60", by="key_1",
                   note="see page 2", created_at=NOW),
        Message(workspace_id=site.workspace.id, author_id=people["rob"].id, document_id=document.id, field="total",
                body="The total is the lower one.", created_at=NOW),
    ])  # fmt: skip
    return document


def reading_of(session: Session, document: Document, field: str) -> Any:
    from sqlmodel import select

    from models.tables import FieldReading

    return session.exec(
        select(FieldReading).where(FieldReading.document_id == document.id, FieldReading.field == field)
    ).one()


def answer(task: Task, user: User, value: Any) -> Answer:
    """What this person keyed; not yet saved."""
    return Answer(
        task_id=task.id, user_id=user.id, workspace_id=task.workspace_id, document_id=task.document_id,
        value_state="found", value=value, source="typed", seconds=2.4, keystrokes=6, lease_token="t",
        idempotency_key=task.id, created_at=NOW,
    )  # fmt: skip


def _troubled(site: Site) -> tuple[Document, Document]:
    awaiting = paper.read_document(
        site.session, site.workspace, site.version, fields=(), filename="what is this.png", state="awaiting_type",
        document_type=None, type_version_id=None, held_reason="check the stamp",
    )  # fmt: skip
    problem = {"code": "unreadable", "message": "The file ends in the middle.", "next_step": "Send it again."}
    failed = factories.create_document(
        site.session, site.workspace, filename="broken.pdf", state="failed", problem=problem
    )
    return awaiting, failed


def _learned(site: Site, document: Document) -> None:
    rng = random.Random(5)
    for number in range(160):
        wrong = rng.random() < 0.08
        _save(site, Observation(
            workspace_id=site.workspace.id, document_id=document.id, verdict_id=f"v{number}", document_type="receipt",
            field=rng.choice(["total", "date", "company"]), route="review", score=rng.uniform(0.6, 1),
            machine_wrong=wrong, released_wrong=wrong and rng.random() < 0.3, probability=0.5,
            created_at=NOW - timedelta(hours=200 - number),
        ))  # fmt: skip
    for field in ("total", "date"):
        _save(site, Example(
            workspace_id=site.workspace.id, document_id=document.id, document_type="receipt", field=field,
            kind="money", value_state="found", value="1", source="review", probability=1.0, fold="train",
            group_id="g", created_at=NOW,
        ))  # fmt: skip
    curve = [[0.5 + step / 40, 1 - step / 25, 0.12 * (1 - step / 20) ** 2, step > 15] for step in range(20)]
    report = {"curve": curve, "drift": {"alarms": [31], "disagreement_at": 90, "labelled": 160}, "audit_raised": True}
    report |= {"accepted": 0.62}
    serving = serving_model(site.session, site.workspace.id)
    certified = partial(factories.create_certificate, site.session, site.workspace, serving.id)
    certified(documents=140, threshold=0.94, report=report)
    certified(pool="total", target=0.01, documents=80, threshold=None, report=report, suspended_reason=(
        "the released error rose above its target; to be certified again"))  # fmt: skip
    certified(pool="date", target=0.01, documents=80, threshold=None, audits_needed=460, report={"curve": []})


def _watched(site: Site) -> None:
    rng = random.Random(6)
    rows = []
    for _ in range(70):
        doubt = rng.random()
        rows.append(Reviewed({"doubt": doubt}, max(0.0, doubt - 0.5) * rng.random(), 0.5))
        document = factories.create_document(site.session, site.workspace, state="released")
        _save(site, Review(
            workspace_id=site.workspace.id, document_id=document.id, reason="random", probability=0.5,
            grader_score=doubt, state="decided", changed_fraction=rows[-1].changed, created_at=NOW, decided_at=NOW,
        ))  # fmt: skip
    report = {"reviews": 70, "held_out": 20, "lift": {"0.2": 1.1, "0.4": 0.6}}
    _save(site, GraderVersion(
        workspace_id=site.workspace.id, model=fit(rows, seed=1, rounds=3).to_text(), report=report, created_at=NOW
    ))  # fmt: skip


def _models(site: Site) -> ModelVersion:
    snapshot = _save(site, Snapshot(
        workspace_id=site.workspace.id, blob_key="b", digest="d" * 64, rows=400, documents=100, created_at=NOW
    ))  # fmt: skip
    shared = {"snapshot_id": snapshot.id, "document_types": ["receipt"]}
    model = factories.create_model(
        site.session, site.workspace, name="receipts, March", state="passed", gate_report=GATE,
        train_report={"receipt": {"documents": 100, "accuracy": 0.93}}, **shared,
        created_at=serving_model(site.session, site.workspace.id).created_at + timedelta(hours=1),
    )  # fmt: skip
    certified = partial(factories.create_certificate, site.session, site.workspace, model.id)
    certified(documents=96, threshold=0.97, report={"accepted": 0.55})
    certified(pool="date", target=0.01, documents=54, threshold=None, audits_needed=486, report={})
    refused = GATE | {"passed": False, "tests": [GATE["tests"][0] | {"passed": False}]}
    factories.create_model(
        site.session, site.workspace, name="February", state="refused", gate_report=refused, **shared
    )
    factories.create_model(
        site.session, site.workspace, name="April", state="training", progress={"step": "fold 2 of 5", "share": 0.4}
    )
    return model


def _people(site: Site, people: dict[str, User]) -> None:
    vera = people["vera"]
    vera.trained_kinds = ["money"]
    site.session.add(vera)
    paused = site.person("paul")
    paused.paused_reason = "too many control tasks wrong"
    _save(
        site,
        paused,
        Skill(user_id=vera.id, kind="money", right=48, wrong=2, seeded_shown=9, seeded_caught=7, updated_at=NOW),
        Message(workspace_id=site.workspace.id, author_id=people["rob"].id, to_user_id=vera.id, field="total",
                body="Please look at the cents again.", created_at=NOW),
    )  # fmt: skip
    for _ in range(10):
        asked = paper.read_document(site.session, site.workspace, site.version, fields=("total",), state="released")
        _save(site, GoldItem(
            workspace_id=site.workspace.id, document_id=asked.id, field="total", kind="money", value_state="found",
            value="12.50", explanation="It stands beside the word TOTAL.", created_at=NOW,
        ))  # fmt: skip


def _client(site: Site, document: Document) -> None:
    hook = _save(site, Webhook(
        workspace_id=site.workspace.id, url="https://erp.example.com/hooks/countersign", secret="whsec_x",
        events=["document.released"], created_at=NOW,
    ))  # fmt: skip
    for number, status in enumerate(("delivered", "failed", "pending")):
        _save(site, WebhookDelivery(
            webhook_id=hook.id, event_key=f"e{number}", event_type="document.released", document_id=document.id,
            attempts=number + 1, status=status, last_status=200 if status == "delivered" else 503, created_at=NOW,
        ))  # fmt: skip


def field_review(site: Site, document: Document, **columns: Any) -> Review:
    """A contested total: the machine has a place for its value, the person only a value."""
    reading = reading_of(site.session, document, "total")
    verdict = factories.create_verdict(site.session, document, "total", reading, state="contested")
    task = factories.create_task(site.session, verdict, state="answered")
    vera = site.person("vivian")
    _save(site, answer(task, vera, "12.90"))
    return _save_review(site, document, verdict_id=verdict.id, reason="contested", **columns)


def document_review(site: Site, document: Document) -> Review:
    for field in ("company", "date"):
        reading = reading_of(site.session, document, field)
        said = {"state": "agreed", "value_state": "found", "value": paper.VALUES[field]}
        factories.create_verdict(site.session, document, field, reading, **said)
    return _save_review(site, document, reason="grader", features={"doubt": 0.5})


def _save_review(site: Site, document: Document, **columns: Any) -> Review:
    review = Review(workspace_id=site.workspace.id, document_id=document.id, created_at=NOW, **columns)
    _save(site, review)
    site.session.commit()
    return review
