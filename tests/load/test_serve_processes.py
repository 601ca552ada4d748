"""Two web processes on one port and some dozens of people at once: nobody is sent away, no answer lost or doubled."""

from __future__ import annotations

from pathlib import Path

from sqlmodel import Session

from models.tables import Workspace
from tests.load.checks import check_answers
from tests.load.clients import storm
from tests.load.seeding import SAID, create_clients, create_work
from tests.load.serving import serving


def test_two_processes_take_answers_of_many_people(session: Session, workspace: Workspace, tmp_path: Path):
    create_work(session, workspace, 100)
    people = create_clients(session, workspace, 24, 12)
    session.commit()
    with serving(tmp_path / "serve.log") as port:
        storm(people, port, SAID, 3)
    check_answers(session, people)
    statuses = {status for person in people for status in person.record.statuses}
    assert statuses <= {200, 201, 409}
    assert all(person.record.told for person in people)
