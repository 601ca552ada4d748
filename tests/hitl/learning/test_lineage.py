"""From a model to the examples behind it."""

from __future__ import annotations

from sqlmodel import Session

from hitl.learning.lineage import trainings
from models.tables import Snapshot, Workspace
from tests.hitl.learning.test_request_training import ask, base, label  # noqa: F401  a fixture
from tests.hitl.learning.test_snapshots import with_labels


def test_each_training_on_the_way_names_its_snapshot_and_its_documents(session: Session, workspace: Workspace):
    label(session, workspace, "receipt", 9)
    last = with_labels(session, workspace, "total")
    with_labels(session, workspace, "total", fold="select")  # judges, and does not teach
    first = ask(session, workspace, "receipt")
    first.state, first.digest, first.train_report = "refused", "d1", {"provenance": {"seed": 1}}
    label(session, workspace, "ad_buy", 10)
    second = ask(session, workspace, "ad_buy")
    second.parent_id = first.id
    session.flush()
    newest, oldest = trainings(session, second)
    assert (newest.model_id, newest.documents, newest.labels) == (second.id, {"ad_buy": 10}, {"review": 20})
    assert (oldest.model_id, oldest.digest, oldest.documents) == (first.id, "d1", {"receipt": 10})
    assert oldest.labels == {"review": 19}
    assert last.id in oldest.document_ids
    assert oldest.snapshot_digest == session.get_one(Snapshot, first.snapshot_id).digest
    assert oldest.provenance == {"seed": 1}
