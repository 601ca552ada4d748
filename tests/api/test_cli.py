"""The command line: people, keys, models, export, backup, plain errors, and what `serve` does not import."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from sqlmodel import Session, select

from api import cli
from extractor.measure.manifest import read_manifest
from hitl.platform import db
from hitl.platform.blobs import blobs
from hitl.platform.embedded import Server
from hitl.workspace import registry
from hitl.workspace.workspaces import ensure_default_workspace
from models.nets.bundle import Bundle
from models.tables import ApiKey, Document, Example, ModelVersion, User, Workspace
from tests import factories
from tests.hitl.learning.test_request_training import label

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(database: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in this process; returns exit code, output and errors."""

    def command(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["countersign", *arguments])
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        try:
            cli.main()
            code: int | str | None = 0
        except SystemExit as ended:
            code = ended.code
        said = capsys.readouterr()
        return int(code or 0), said.out, said.err

    return command


@pytest.fixture
def default(session: Session) -> Workspace:
    workspace = ensure_default_workspace(session, factories.NOW)
    session.commit()
    return workspace


def test_a_person_is_added_with_a_made_up_password_shown_once(run: Run, session: Session):
    code, said, _ = run("user", "add", "Ann", "--role", "reviewer")
    assert code == 0
    password = re.search(r"only now: (\S+)", said)
    assert password is not None
    user = session.exec(select(User)).one()
    assert (user.login, user.role) == ("ann", "reviewer")
    assert password[1] not in user.password_hash
    assert password[1] not in run("user", "list")[1]


def test_a_password_comes_from_standard_input(run: Run, session: Session):
    _, said, _ = run("user", "add", "ann", "--password-stdin", stdin="a good password\n")
    assert "only now" not in said
    code, _, error = run("user", "password", "ann", "--password-stdin", stdin="short\n")
    assert (code, "at least 10" in error) == (2, True)


def test_a_person_is_paused_resumed_and_deactivated(run: Run, session: Session):
    run("user", "add", "ann")
    assert run("user", "pause", "ann", "--reason", "on leave")[0] == 0
    assert "paused: on leave" in run("user", "list")[1]
    run("user", "resume", "ann")
    run("user", "deactivate", "ann")
    assert "deactivated" in run("user", "list")[1]


def test_an_invitation_shows_a_code(run: Run):
    assert "One-time code for bob" in run("user", "invite", "bob")[1]


def test_a_key_is_added_listed_and_revoked(run: Run, session: Session):
    _, said, _ = run("key", "add", "erp", "--scope", "documents:read")
    secret = said.split()[-1]
    key = session.exec(select(ApiKey)).one()
    assert secret.startswith("cs_")
    assert key.scopes == ["documents:read"]
    listed = run("key", "list")[1]
    assert secret not in listed
    assert key.id in listed  # whole, in a terminal of 80 columns
    assert run("key", "revoke", key.id)[0] == 0
    session.refresh(key)
    assert key.revoked_at is not None


@pytest.mark.parametrize(
    "arguments",
    [
        ("user", "pause", "nobody"),
        ("user", "list", "--workspace", "nowhere"),
        ("key", "revoke", "key_x"),
        ("key", "add", "k", "--scope", "paint"),
        ("model", "promote", "mdl_x"),
        ("model", "rollback"),
        ("model", "train"),
        ("snapshot",),
        ("export", "somewhere"),
        ("restore", "no-such-file.tar"),
        ("user", "add", "x", "--role", "king"),
        ("paint",),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(run: Run, arguments: tuple[str, ...]):
    code, said, error = run(*arguments)
    assert code == 2, said + error
    assert error.strip()
    assert "Traceback" not in error


def test_a_mistake_names_the_next_step(run: Run):
    _, _, error = run("user", "pause", "nobody")
    assert error.splitlines()[0] == "Nobody has the login nobody."
    assert error.splitlines()[1].startswith("-> ")


def test_our_own_mistake_is_exit_code_1(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("hitl.people.accounts.list_users", lambda *_: 1 / 0)
    code, _, error = run("user", "list")
    assert code == 1
    assert "ZeroDivisionError" in error


def test_models_are_listed_promoted_and_rolled_back(run: Run, session: Session, default: Workspace):
    report = {"passed": False, "tests": [{"name": "accuracy", "passed": False, "sentence": "too few"}]}
    model = factories.create_model(session, default, state="passed", gate_report=report)
    session.commit()
    listed = run("model", "list")[1]
    assert model.id in listed  # whole, and in a terminal of 80 columns
    assert "refused" in listed
    assert json.loads(run("model", "gate", model.id)[1]) == report
    shown = run("model", "show", model.id)[1]
    assert f"{model.id} test model: passed" in shown
    assert "NO  accuracy: too few" in shown
    assert "the base model, which ships with the product" in run("model", "explain", model.id)[1]
    assert run("model", "promote", model.id)[0] == 0
    session.refresh(model)
    assert model.state == "serving"
    code, _, error = run("model", "promote", model.id)
    assert (code, "serves already" in error) == (2, True)
    assert run("model", "rollback", "--reason", "dates")[0] == 0
    assert "dates" in run("model", "history")[1]
    session.refresh(model)
    assert model.state == "retired"
    assert session.get_one(ModelVersion, "mdl_base").state == "serving"


def test_a_bundle_is_downloaded_and_read_again(run: Run, session: Session, default: Workspace, tmp_path: Path):
    Bundle({"name": "mine"}).save(tmp_path / "made")
    key = blobs().put(default.id, registry.pack(tmp_path / "made"))
    model = factories.create_model(session, default, state="passed", bundle_key=key)
    session.commit()
    code, said, _ = run("model", "download", model.id, str(tmp_path / "mine.zip"))
    assert (code, "bytes in" in said) == (0, True)
    shutil.unpack_archive(tmp_path / "mine.zip", tmp_path / "again")
    assert Bundle.load(tmp_path / "again").meta == {"name": "mine"}


def test_snapshots_are_listed_and_trained_from_by_name(run: Run, session: Session, default: Workspace):
    label(session, default, "receipt", 10)
    session.commit()
    assert run("snapshot", "--name", "march")[0] == 0
    assert "march" in run("snapshot", "--list")[1]
    code, said, error = run("model", "train", "--snapshot", "march")
    assert code == 0, error
    trained = said.split()[0]
    assert session.get_one(ModelVersion, trained).document_types == ["receipt"]
    explained = run("model", "explain", trained, "--documents")[1]
    assert "documents: 10 receipt; labels: 20 by review" in explained
    assert explained.count("doc_") == 10
    code, _, error = run("model", "train", "--snapshot", "april")
    assert (code, "There is no snapshot april" in error) == (2, True)


def test_a_model_waits_until_nothing_is_lost_by_it(run: Run, session: Session, default: Workspace):
    row = factories.create_certificate(session, default, "mdl_base")
    later = session.get_one(ModelVersion, "mdl_base").created_at + timedelta(days=1)
    model = factories.create_model(session, default, state="passed", created_at=later)
    session.commit()
    code, said, _ = run("model", "promote", model.id, "--when-ready")
    assert (code, "serves as soon as it accepts as much" in " ".join(said.split())) == (0, True)
    session.refresh(model)
    assert model.state == "passed"
    row.suspended_reason = "drift"
    session.add(row)
    session.commit()
    assert "serves now" in run("model", "promote", model.id, "--when-ready")[1]
    session.refresh(model)
    assert model.state == "serving"


def test_an_export_is_a_manifest_that_learn_reads(run: Run, session: Session, default: Workspace, tmp_path: Path):
    document = factories.create_document(session, default)
    document.sha256 = blobs().put(default.id, b"%PDF bytes").partition("/")[2]
    for field, state, value, source in (
        ("total", "found", "12.50", "review"),
        ("total", "found", "13.50", "correction"),
        ("date", "absent", None, "review"),
        ("vendor", "illegible", None, "review"),
    ):
        factories.save(
            session,
            Example(
                workspace_id=default.id, document_id=document.id, document_type="receipt", field=field, kind="money",
                value_state=state, value=value, source=source, fold="train", created_at=factories.NOW,
            ),
        )  # fmt: skip
    session.commit()
    assert run("export", str(tmp_path / "out"))[0] == 0
    (entry,) = read_manifest(tmp_path / "out" / "manifest.jsonl", "train")
    assert entry.path.read_bytes() == b"%PDF bytes"
    assert (entry.document_type, entry.labels, entry.absent) == ("receipt", {"total": "13.50"}, {"date"})


def test_a_backup_is_restored_into_an_empty_installation(
    run: Run, session: Session, default: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server
):
    key = blobs().put(default.id, b"the bytes of a page")
    factories.create_document(session, default, external_id="kept")
    session.commit()
    file = tmp_path / "backup.tar"
    assert run("backup", str(file))[0] == 0
    assert file.stat().st_mode & 0o077 == 0
    refused = run("restore", str(file))
    assert (refused[0], "holds documents already" in refused[2]) == (2, True)

    with psycopg.connect(server.dsn_of("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE restored")
    session.close()
    monkeypatch.setenv("COUNTERSIGN_DATABASE_URL", server.url_of("restored"))
    monkeypatch.setenv("COUNTERSIGN_DATA_DIR", str(tmp_path / "elsewhere"))
    db.forget()
    code, said, error = run("restore", str(file))
    assert code == 0, said + error
    with db.transaction() as fresh:
        assert [row.external_id for row in fresh.exec(select(Document)).all()] == ["kept"]
    assert blobs().get(key) == b"the bytes of a page"
    db.forget()
    with psycopg.connect(server.dsn_of("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE restored WITH (FORCE)")


def test_serving_imports_no_torch():
    """A web process must start in a second and stay small."""
    heavy = ("torch", "lightgbm", "sklearn", "onnxruntime", "rapidocr", "cv2", "scipy", "httpx", "alembic")
    program = (
        "import sys, api.cli; from api.app import create_app; create_app().openapi();"
        f"sys.exit(', '.join(name for name in {heavy} if name in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_command_line_itself_imports_no_web_framework():
    heavy = "{'fastapi', 'sqlmodel', 'torch'} & set(sys.modules)"
    program = f"import sys, api.cli; sys.exit(str({heavy}) if {heavy} else 0)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
