"""What must hold between what people were told and what the database says, after a storm."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text
from sqlmodel import Session

from tests.load.clients import Person


def check_answers(session: Session, people: Sequence[Person]) -> None:
    """No answer is lost, none counts twice, and what was refused is not there."""
    unexplained = [said for person in people for said in person.record.unexplained]
    assert not unexplained, unexplained[:5]
    told = {key: task for person in people for key, task in person.record.told.items()}
    refused = {key for person in people for key in person.record.refused} - set(told)
    kept = dict(session.execute(text("SELECT idempotency_key, task_id FROM answer")).all())
    assert {key: kept.get(key) for key in told} == told, "an answer was lost"
    assert not refused & set(kept), "an answer was taken and said to be refused"
    assert len(kept) == len(told), "the database has answers that nobody was told of"
    for twice in (
        "SELECT task_id FROM answer WHERE undone_at IS NULL GROUP BY task_id HAVING count(*) > 1",
        """SELECT t.document_id, t.field, a.user_id FROM answer a JOIN task t ON t.id = a.task_id
           GROUP BY 1, 2, 3 HAVING count(*) > 1""",
        "SELECT document_id FROM release GROUP BY document_id HAVING count(*) > 1",
    ):
        assert session.execute(text(twice)).first() is None, twice
    answered = session.execute(text("SELECT count(*) FROM task WHERE state = 'answered'")).scalar_one()
    assert answered == len(told)
