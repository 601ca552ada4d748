"""Master data on the page of its type, without a browser: uploaded, refused with a reason, downloaded, taken away."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi.testclient import TestClient
from sqlmodel import Session

from api.app import create_app
from api.web.visitor import COOKIE
from hitl.people.accounts import open_session
from models.states import Role
from models.tables import Workspace
from tests import factories
from tests.web import paper

PAGE = "/types/receipt"
FILES = {"good": b"company,phone\nAlder & Sons Ltd,0312345678\n", "bad": b"vendor\nAlder & Sons Ltd\n"}


def signed_in(session: Session, workspace: Workspace, role: Role) -> TestClient:
    user = factories.create_user(session, workspace, role)
    token = open_session(session, user, now=datetime.now(UTC)).token
    session.commit()
    return TestClient(create_app(), cookies={COOKIE: token}, headers={"Origin": "http://testserver"})


def test_an_operator_keeps_master_data_and_nobody_else_sees_it(session: Session, workspace: Workspace):
    factories.create_type(session, workspace, paper.RECEIPT)
    factories.create_model(session, name="base")
    other = factories.create_workspace(session)
    factories.create_type(session, other, paper.RECEIPT)
    operator, stranger = (signed_in(session, one, Role.OPERATOR) for one in (workspace, other))
    manager = signed_in(session, workspace, Role.MANAGER)
    assert "Upload it" in operator.get(PAGE).text
    bad = operator.post(f"{PAGE}/master-data", files={"file": ("<b>.csv", FILES["bad"])})
    assert bad.status_code == 422
    assert "&lt;b&gt;.csv: the first line names no field" in bad.text
    assert manager.post(f"{PAGE}/master-data", files={"file": ("v.csv", FILES["good"])}).status_code == 403
    good = operator.post(f"{PAGE}/master-data", files={"file": ("v.csv", FILES["good"])})
    assert "<strong>1</strong> vendor since" in good.text
    assert operator.get(f"{PAGE}/master-data").content == FILES["good"]
    assert stranger.get(f"{PAGE}/master-data").status_code == 404
    assert "Upload it" in stranger.get(PAGE).text
    stranger.post(f"{PAGE}/master-data/forget")
    assert operator.get(f"{PAGE}/master-data").status_code == 200
    operator.post(f"{PAGE}/master-data/forget")
    assert operator.get(f"{PAGE}/master-data").status_code == 404
