"""What a decided field teaches: whose word it is, with which weight, from which place."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from hitl.learning.examples import write_examples
from models.tables import Answer, Document, Example, Verdict, Workspace
from tests import factories
from tests.factories import NOW

BOX = [0.1, 0.2, 0.3, 0.4]


@pytest.fixture
def document(session: Session, workspace: Workspace) -> Document:
    return factories.create_document(session, workspace, state="released")


def decided(session: Session, document: Document, by: str, **columns: Any) -> Verdict:
    given = {"state": "final", "decided_by": by, "value_state": "found", "value": "12.50", "page": 1, "box": BOX}
    return factories.create_verdict(session, document, **(given | columns))


def audited(session: Session, verdict: Verdict, gold: str = "12.50", **columns: Any) -> None:
    given = {"state": "final", "gold_state": "found", "gold": gold, "probability": 0.1, "second_probability": 0.5}
    factories.create_audit(session, verdict, **(given | columns))


def answered(session: Session, verdict: Verdict, value: str, **columns: Any) -> None:
    """A blind answer of somebody new."""
    user = factories.create_user(session, session.get_one(Workspace, verdict.workspace_id))
    task = factories.create_task(session, verdict, state="answered")
    given = {"value_state": "found", "value": value, "source": "typed"} | columns
    factories.save(session, Answer(
        workspace_id=verdict.workspace_id, task_id=task.id, document_id=verdict.document_id, user_id=user.id,
        idempotency_key=user.id, created_at=NOW, **given,
    ))  # fmt: skip


def examples(session: Session, document: Document, hours: int = 0) -> dict[str, Example]:
    write_examples(session, document, now=NOW + timedelta(hours=hours))
    session.expire_all()
    rows = session.exec(select(Example).where(Example.document_id == document.id)).all()
    return {row.source: row for row in rows}


@pytest.mark.parametrize(
    ("by", "source"),
    [("people", "review"), ("reviewer:usr_1", "reviewer"), ("client", "correction"), ("operator", "correction")],
)
def test_the_word_of_people_teaches_with_weight_one(session: Session, document: Document, by: str, source: str):
    decided(session, document, by)
    (row,) = examples(session, document).values()
    assert (row.source, row.value, row.probability, row.box) == (source, "12.50", 1.0, BOX)
    assert row.fold == document.fold


def test_the_machine_does_not_teach_itself(session: Session, document: Document):
    decided(session, document, "machine", route="accept")
    assert examples(session, document) == {}


def test_what_was_accepted_and_checked_stands_for_all_that_might_have_been(session: Session, document: Document):
    verdict = decided(session, document, "machine", route="accept")
    audited(session, verdict)
    (row,) = examples(session, document).values()
    assert (row.source, row.probability, row.independent) == ("audit", pytest.approx(0.1 * 0.5), True)


def test_a_reviewed_field_has_its_label_whether_it_was_checked_or_not(session: Session, document: Document):
    verdict = decided(session, document, "people", route="review")
    audited(session, verdict)
    assert {name: row.probability for name, row in examples(session, document).items()} == {"review": 1.0, "audit": 1.0}


def test_a_check_whose_chance_is_not_known_yet_waits(session: Session, document: Document):
    verdict = decided(session, document, "machine", route="accept")
    audited(session, verdict, second_probability=None)
    assert examples(session, document) == {}


def test_gold_that_differs_has_no_place(session: Session, document: Document):
    """The place is that of the value that was released, which is not where the right one stands."""
    verdict = decided(session, document, "machine", route="accept")
    audited(session, verdict, gold="99.00")
    (row,) = examples(session, document).values()
    assert (row.value, row.page, row.box) == ("99.00", None, None)


@pytest.mark.parametrize("column", ["value_state", "gold_state"])
def test_what_nobody_could_read_teaches_nothing(session: Session, document: Document, column: str):
    illegible = {"value_state": "illegible", "value": None} if column == "value_state" else {}
    verdict = decided(session, document, "people" if column == "value_state" else "machine", **illegible)
    if column == "gold_state":
        audited(session, verdict, gold_state="illegible", gold=None)
    assert examples(session, document) == {}


@pytest.mark.parametrize(
    ("answers", "independent"),
    [
        (["12.50", "12.50"], True),
        (["12.50"], False),
        (["12.50", "12.05"], False),
    ],
)
def test_two_blind_people_make_a_label_independent(
    session: Session, document: Document, answers: list[str], independent: bool
):
    verdict = decided(session, document, "people")
    for value in answers:
        answered(session, verdict, value)
    answered(session, verdict, "12.50", source="ocr")  # was shown the machine's words
    answered(session, verdict, "12.50", undone_at=NOW)
    assert examples(session, document)["review"].independent is independent


def test_what_says_the_same_stays_as_old_as_it_was(session: Session, document: Document):
    verdict = decided(session, document, "people")
    assert examples(session, document)["review"].created_at == NOW
    assert examples(session, document, hours=1)["review"].created_at == NOW
    verdict.value = "13.00"
    session.flush()
    changed = examples(session, document, hours=2)["review"]
    assert (changed.value, changed.created_at) == ("13.00", NOW + timedelta(hours=2))


def test_only_what_is_final_and_of_this_run_teaches(session: Session, document: Document):
    decided(session, document, "people", state="contested")
    decided(session, document, "people", field="date", run=document.run + 1)
    decided(session, document, "people", field="document_type", value="receipt")
    assert examples(session, document) == {}
