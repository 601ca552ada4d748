"""Which model serves: promotion, the way back along what served, and the record that tells it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from hitl.platform import db
from hitl.platform.embedded import Server
from hitl.platform.moves import record
from hitl.workspace import deployment, registry
from hitl.workspace.deployment import BaseModelShared, NotPromotable, promote, roll_back
from hitl.workspace.registry import NoSuchModel
from hitl.workspace.workspaces import BASE_MODEL, ensure_base_model
from models.states import ModelState
from models.tables import Deployment, ModelVersion, Workspace
from tests import factories
from tests.factories import NOW


@pytest.fixture(autouse=True)
def base(session: Session) -> None:
    ensure_base_model(session, NOW)


def a_passed(session: Session, workspace: Workspace, name: str) -> ModelVersion:
    return factories.create_model(session, workspace, name=name, state=ModelState.PASSED.value)


def play(session: Session, workspace: Workspace, moves: str) -> list[str]:
    """Promote the models named by capital letters, roll back at each `-`; the names of what served after each."""
    models = {name: a_passed(session, workspace, name) for name in sorted(set(moves) - {"-"})}
    served = []
    for hour, move in enumerate(moves):
        at = NOW + timedelta(hours=hour)
        if move == "-":
            roll_back(session, workspace.id, actor="test", now=at)
        else:
            promote(session, models[move], actor="test", now=at)
        served.append(registry.serving_model(session, workspace.id).name)
    return served


@pytest.mark.parametrize(
    ("moves", "served"),
    [
        ("A-B-", ["A", "base", "B", "base"]),  # not A, which was rolled back
        ("AB--", ["A", "B", "A", "base"]),
        ("ABC-D--", ["A", "B", "C", "B", "D", "B", "A"]),
        ("A-A-", ["A", "base", "A", "base"]),
        ("AB-C--", ["A", "B", "A", "C", "A", "base"]),
    ],
)
def test_roll_back_goes_to_what_served_before_and_never_to_what_was_rolled_back(
    session: Session, workspace: Workspace, moves: str, served: list[str]
):
    assert play(session, workspace, moves) == served


def test_one_model_serves_everywhere_one_sees_it(session: Session, workspace: Workspace):
    for moves in ("A", "B", "-", "-"):
        play(session, workspace, moves)
        serving = registry.serving_model(session, workspace.id)
        seen = {row.id: registry.state_here(row, serving) for row in registry.models_of(session, workspace.id)}
        assert [one for one, state in seen.items() if state is ModelState.SERVING] == [serving.id]
    assert seen[BASE_MODEL] is ModelState.SERVING


def test_the_history_says_who_and_why(session: Session, workspace: Workspace):
    model = a_passed(session, workspace, "A")
    promote(session, model, actor="olga", now=NOW, reason="better dates")
    roll_back(session, workspace.id, actor="otto", now=NOW + timedelta(hours=1), reason="loses ad-buys")
    told = [
        (row.number, row.model_version_id, row.action, row.actor, row.reason)
        for row in deployment.history(session, workspace.id)
    ]
    assert told == [
        (2, BASE_MODEL, "rolled_back", "otto", "loses ad-buys"),
        (1, model.id, "promoted", "olga", "better dates"),
    ]


def test_nothing_to_roll_back_to_is_said(session: Session, workspace: Workspace):
    with pytest.raises(NoSuchModel, match="nothing to roll back to"):
        roll_back(session, workspace.id, actor="test", now=NOW)
    play(session, workspace, "A-")
    with pytest.raises(NoSuchModel, match="nothing to roll back to"):
        roll_back(session, workspace.id, actor="test", now=NOW)


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("serving", "“new” serves already"),
        ("refused", "The gate refused “new”: too few"),
        ("failed", "training of “new” failed: it died"),
        ("training", "still in training"),
        ("candidate", "still in training"),
    ],
)
def test_what_cannot_be_promoted_is_told_in_a_sentence(session: Session, workspace: Workspace, state: str, says: str):
    report = {"tests": [{"name": "a", "passed": False, "sentence": "too few"}, {"passed": True, "sentence": "well"}]}
    model = factories.create_model(
        session, workspace, name="new", state=state, gate_report=report, progress={"reason": "it died"}
    )
    with pytest.raises(NotPromotable, match=says) as refused:
        promote(session, model, actor="test", now=NOW)
    assert refused.value.next_step
    assert "well" not in str(refused.value)


def test_the_base_model_is_not_promoted(session: Session, workspace: Workspace):
    with pytest.raises(BaseModelShared):
        promote(session, session.get_one(ModelVersion, BASE_MODEL), actor="test", now=NOW)


def test_a_model_that_grew_from_another_one_does_not_take_over_from_what_learned_more(
    session: Session, workspace: Workspace
):
    def passed(name: str, learned: str, parent: str) -> ModelVersion:
        return factories.create_model(
            session, workspace, id=name, name=name, state="passed", document_types=[learned], parent_id=parent
        )

    receipts, ads = passed("A", "receipt", BASE_MODEL), passed("B", "ad_buy", BASE_MODEL)
    both, again = passed("C", "ad_buy", "A"), passed("D", "receipt", BASE_MODEL)
    promote(session, receipts, actor="test", now=NOW)
    with pytest.raises(NotPromotable, match="“B” grew from another model and never learned receipt"):
        promote(session, ads, actor="test", now=NOW)
    promote(session, again, actor="test", now=NOW)
    promote(session, both, actor="test", now=NOW)
    assert registry.serving_model(session, workspace.id).id == "C"


def test_what_a_version_without_a_record_promoted_is_recorded_first(session: Session, workspace: Workspace):
    old = factories.create_model(session, workspace, name="old", promoted_at=NOW)
    assert play(session, workspace, "A--") == ["A", "old", "base"]
    first = deployment.history(session, workspace.id)[-1]
    assert (first.model_version_id, first.created_at) == (old.id, NOW)


def test_the_database_keeps_a_second_model_from_serving(session: Session, workspace: Workspace):
    factories.create_model(session, workspace)
    factories.create_model(session, workspace)
    with pytest.raises(IntegrityError, match="one_model_serves"):
        session.commit()


# --- a database of the version before ---------------------------------------------------------------------------------


@pytest.fixture
def upgraded(server: Server, session: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A database of revision 0004 in which A was promoted, rolled back to the base model, B promoted, then C."""
    session.close()
    with psycopg.connect(server.dsn_of("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE before_deployments")
    monkeypatch.setenv("COUNTERSIGN_DATABASE_URL", server.url_of("before_deployments"))
    db.forget()
    with db.engine().connect() as connection:
        command.upgrade(db.alembic_config(connection), "0004")
        connection.commit()
    with db.transaction() as old:
        ensure_base_model(old, NOW)
        workspace = factories.create_workspace(old)
        for hour, (name, state) in enumerate((("A", "retired"), ("B", "retired"), ("C", "serving"))):
            factories.create_model(
                old, workspace, id=name, name=name, state=state, promoted_at=NOW + timedelta(hours=2 * hour)
            )
        for hour, subject, state, why in (
            (0, "A", "serving", ""), (1, "A", "retired", "rolled back"),
            (2, "B", "serving", ""), (4, "C", "serving", ""), (4, "B", "retired", "replaced by C"),
        ):  # fmt: skip
            record(
                old, action=f"modelversion.{state}", subject=subject, stream=subject, workspace_id=workspace.id,
                actor="olga", now=NOW + timedelta(hours=hour), data={"why": why},
            )  # fmt: skip
    db.migrate()
    with Session(db.engine(), expire_on_commit=False) as new:
        yield new
    db.forget()
    with psycopg.connect(server.dsn_of("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE before_deployments WITH (FORCE)")


def test_a_database_of_the_version_before_knows_what_served(upgraded: Session):
    workspace = upgraded.exec(select(Workspace)).one()
    rows = upgraded.exec(select(Deployment).order_by(text("number"))).all()
    assert [(row.model_version_id, row.action, row.actor) for row in rows] == [
        ("A", "promoted", "olga"), (BASE_MODEL, "rolled_back", "olga"), ("B", "promoted", "olga"),
        ("C", "promoted", "olga"),
    ]  # fmt: skip
    assert rows[1].created_at == NOW + timedelta(hours=1)
    back = [roll_back(upgraded, workspace.id, actor="test", now=NOW + timedelta(hours=9)).id for _ in range(2)]
    assert back == ["B", BASE_MODEL]
