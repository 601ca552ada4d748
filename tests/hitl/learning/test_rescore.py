"""A promoted model reads old documents anew, in a real child process, and is judged by the gold they have."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sqlmodel import Session, select

from extractor.effort import spending
from extractor.learn import learn
from extractor.page.render import encode_png
from hitl.certificate.certify import refresh
from hitl.certificate.observations import write_observations
from hitl.intake import recognition
from hitl.learning import rescore
from hitl.platform.blobs import blobs
from hitl.workspace import deployment, registry
from hitl.workspace.policy import AuditRates, current_policy
from models.nets.bundle import Bundle
from models.states import DocumentState, Fold, ModelState
from models.tables import Observation, Workspace
from tests import factories
from tests.extractor.fields.documents import BILL, bill
from tests.factories import NOW
from tests.hitl.crowd import set_policy


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A model that learned from twenty bills."""
    with spending(trees=30, folds=2, first_steps=50, steps_per_document=1):
        learned, _ = learn([bill(n) for n in range(20)], {"bill": BILL}, Bundle(), 1)
    learned.save(tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.mark.slow
def test_a_child_process_scores_old_gold_for_the_new_model(session: Session, workspace: Workspace, bundle: Path):
    set_policy(session, workspace, "bill", audit_rate=AuditRates(accept=0.2, review=0.2))
    factories.create_type(session, workspace, BILL)
    old = factories.create_model(session)
    page = bill(200).pages[0]
    total = bill(200).labels["total"]
    assert total is not None
    key = blobs().put(workspace.id, json.dumps(page.to_json()).encode())
    document = factories.create_document(
        session, workspace, fold=Fold.CERTIFY.value, state=DocumentState.RELEASED.value, document_type="bill",
        model_version_id=old.id, policy_version_id=current_policy(session, workspace.id, "bill", now=NOW)[0].id,
    )  # fmt: skip
    blank = encode_png(np.full((page.height, page.width, 3), 255, np.uint8))
    factories.create_page(session, document, 1, words_key=key, image_key=blobs().put(workspace.id, blank))
    common = {"state": "final", "audit_probability": 1.0, "created_at": NOW, "decided_at": NOW}
    factories.create_verdict(
        session, document, field="document_type", first_value_state="found", first_value="bill", **common
    )
    reading = factories.create_reading(
        session, document, "total", value="1.00", confidence=0.9, model_version_id=old.id
    )
    said = {"first_value_state": "found", "first_value": total.value, "decided_by": "people"}
    row = factories.create_verdict(session, document, "total", reading, **said, **common)
    factories.create_audit(session, row, state="final", gold_state="found", gold=total.value, probability=1.0)
    write_observations(session, document, now=NOW)
    columns = {"bundle_key": blobs().put(workspace.id, registry.pack(bundle)), "digest": Bundle.load(bundle).version}
    new = factories.create_model(session, workspace, state=ModelState.PASSED.value, name="new", **columns)
    deployment.promote(session, new, actor="test", now=NOW)

    assert rescore.waiting(session, new, workspace.id) == [document.id]
    work = rescore.plan(session, document.id, new.id)
    assert work is not None
    result = recognition.recognise(work, seconds=120, today=NOW.date())
    assert rescore.store(session, document.id, result, work, now=NOW) == 1
    rows = session.exec(select(Observation).where(Observation.field == "total")).all()
    wrong = {one.model_version_id: one.machine_wrong for one in rows}
    assert wrong == {old.id: True, new.id: False}
    assert refresh(session, workspace.id, "bill", now=NOW)[0].report["released_error"] == 0.0
    assert rescore.waiting(session, new, workspace.id) == []
