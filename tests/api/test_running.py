"""The pieces of `countersign run`: the first admin, the samples, a taken port, the lines of progress."""

from __future__ import annotations

import re
import socket
from types import SimpleNamespace

import pytest
from rich.console import Console
from sqlmodel import Session, select

from api.commands import progress, running, serving
from api.commands.shared import CommandError
from hitl.people import accounts
from models.states import DocumentState
from models.tables import Document, User
from tests import factories


def test_the_first_admin_is_made_once(session: Session, database: str):
    serving.prepare()
    password = running.first_admin()
    assert password is not None
    assert running.first_admin() is None
    (admin,) = session.exec(select(User)).all()
    assert isinstance(
        accounts.sign_in(session, "admin", password, address="x", now=factories.NOW, workspace_id=admin.workspace_id),
        accounts.SignedIn,
    )


def test_the_samples_are_uploaded_once(session: Session, database: str):
    serving.prepare()
    uploaded = running.upload_samples()
    assert uploaded > 0
    assert running.upload_samples() == 0
    documents = session.exec(select(Document)).all()
    assert len(documents) == uploaded
    assert {document.state for document in documents} == {DocumentState.RECEIVED}


def test_a_taken_port_is_told_with_the_way_out():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(CommandError, match="cannot be used") as told:
            running._check_port("127.0.0.1", taken.getsockname()[1])
    assert "PORT=" in told.value.next_step


def test_progress_tells_each_page_and_move_once(session: Session, database: str):
    workspace = factories.create_workspace(session)
    session.commit()
    console = Console(width=120, record=True, quiet=False, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    with console.file, progress.Progress(console) as shown:
        document = factories.create_document(session, workspace, filename="a.pdf")
        moment = session.connection().exec_driver_sql("SELECT now()").scalar_one()
        factories.create_page(session, document, engine="text_layer/1", cpu_seconds=0.5, read_at=moment)
        session.commit()
        shown.look()
        shown.look()
    assert re.findall("a.pdf.*", console.export_text()) == ["a.pdf: page 1 of 1 read in 0.5 s (text_layer/1)"]


def test_a_refused_document_is_told_with_its_reason():
    row = SimpleNamespace(
        filename="a.pdf",
        document_id="doc_1",
        document_type=None,
        action="document.refused",
        problem={"message": "It needs a password."},
    )
    assert progress.move_line(row) == "a.pdf refused: It needs a password."
