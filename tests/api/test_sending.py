"""`countersign upload` and `watch`: what was taken is sent once, what is refused is said, and a run goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlmodel import Session, select

from fixtures import einvoices
from models.tables import Document
from tests.api.test_documents import BILL, png


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    (folder / "june").mkdir(parents=True)
    for at in range(3):
        (folder / "june" / f"{at}.png").write_bytes(png(f"TOTAL {at}"))
    (folder / "note.png").write_text("no picture")
    (folder / ".hidden.png").write_bytes(png())
    return folder


def command(name: str, folder: Path, live: str, admin: dict[str, str], *options: str) -> subprocess.Popen[str]:
    key = admin["Authorization"].removeprefix("Bearer ")
    given = os.environ | {"COUNTERSIGN_URL": live, "COUNTERSIGN_KEY": key}
    line = [sys.executable, "-m", "api.cli", name, str(folder), *options]
    return subprocess.Popen(line, env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def journal(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / ".countersign-upload.jsonl").read_text().splitlines()]


def test_a_folder_is_uploaded_once(folder: Path, live: str, admin: dict[str, str], session: Session):
    first = command("upload", folder, live, admin)
    out, told = first.communicate(timeout=60)
    assert (first.returncode, told) == (1, "3 taken, 1 refused.\n"), out + told
    lines = {line["file"]: line for line in journal(folder)}
    assert lines.keys() == {"june/0.png", "june/1.png", "june/2.png", "note.png"}
    assert (lines["note.png"]["problem"], bool(lines["note.png"]["next_step"])) == ("not_a_document", True)
    documents = session.exec(select(Document)).all()
    assert {(row.id, row.external_id) for row in documents} == {
        (line["id"], name) for name, line in lines.items() if "id" in line
    }
    (folder / "june" / "1.png").write_bytes(png("another"))
    second = command("upload", folder, live, admin)
    _, told = second.communicate(timeout=60)
    assert told == "1 taken, 1 refused.\n"


def test_a_journal_cut_off_by_a_kill_loses_and_doubles_nothing(
    folder: Path, live: str, admin: dict[str, str], session: Session
):
    command("upload", folder, live, admin).communicate(timeout=60)
    where = folder / ".countersign-upload.jsonl"
    whole = where.read_text().splitlines(keepends=True)
    where.write_text("".join(whole[:1]) + whole[1][:20])
    command("upload", folder, live, admin).communicate(timeout=60)
    assert len(session.exec(select(Document)).all()) == 3
    assert len([line for line in where.read_text().splitlines() if line.endswith("}")]) >= 3


def test_what_is_put_into_a_watched_folder_is_sent(folder: Path, live: str, admin: dict[str, str], session: Session):
    watching = command("watch", folder, live, admin, "--every", "0.2", "--settled", "0")
    try:
        until = time.monotonic() + 60
        (folder / "later.png").write_bytes(png("later"))
        while len(session.exec(select(Document)).all()) < 4 and time.monotonic() < until:
            session.rollback()
            time.sleep(0.2)
        time.sleep(2)  # ten looks more
    finally:
        watching.send_signal(signal.SIGINT)
        watching.communicate(timeout=30)
    assert {row.filename for row in session.exec(select(Document)).all()} == {"0.png", "1.png", "2.png", "later.png"}
    assert watching.returncode == 130
    assert [line["file"] for line in journal(folder)].count("note.png") == 1  # refused, and not sent at every look


def test_a_wrong_key_and_no_server_are_said(folder: Path, live: str, admin: dict[str, str]):
    wrong = command("upload", folder, live, {"Authorization": "Bearer cs_wrong"})
    _, told = wrong.communicate(timeout=60)
    assert wrong.returncode == 2
    assert "not valid" in told


def test_an_e_invoice_of_the_same_stem_goes_with_its_document(
    tmp_path: Path, live: str, admin: dict[str, str], session: Session
):
    (tmp_path / "bill.png").write_bytes(png())
    (tmp_path / "bill.xml").write_bytes(einvoices.ubl(BILL))
    run = command("upload", tmp_path, live, admin)
    assert run.communicate(timeout=60)[1] == "1 taken, 0 refused.\n"
    [document] = session.exec(select(Document)).all()
    assert (document.filename, (document.beside or {})["name"]) == ("bill.png", "bill.xml")
