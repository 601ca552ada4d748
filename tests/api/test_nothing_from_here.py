"""A folder of scans is foreign input: no Python file in it is ever run, by whichever process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from api.supervisor import Child
from extractor.processes import apart, sandbox
from tests.extractor.pages import encoded, picture

THIRD_PARTY = ("numpy", "cv2", "torch", "onnxruntime", "pydantic", "typer", "safetensors", "sitecustomize")
OURS = ("api", "hitl", "extractor", "models", "fixtures")
COMMAND = Path(sys.executable).parent / "countersign"


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every module that anybody may import lies in the current folder; one that is run writes its name here."""
    folder, ran = tmp_path / "scans", tmp_path / "ran"
    folder.mkdir()
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    for name in {*sys.stdlib_module_names, *THIRD_PARTY, *OURS}:
        (folder / f"{name}.py").write_text(f"open({str(ran)!r}, 'a').write('{name} ')\nraise SystemExit('{name}')\n")
    monkeypatch.chdir(folder)
    return ran


def test_the_trap_is_one(ran: Path) -> None:
    subprocess.run([sys.executable, "-c", "import json"], check=False, capture_output=True)
    assert ran.read_text().startswith(("codecs", "encodings", "json", "sitecustomize"))


def test_extract_runs_nothing_that_lies_beside_the_scans(ran: Path) -> None:
    Path("slip.png").write_bytes(encoded(picture(["CORNER SHOP", "TOTAL 17.30"], size=(600, 340)), "PNG"))
    command = [str(COMMAND), "extract", ".", "--engine", "tesserocr", "--jobs", "1", "--jsonl", str(ran) + ".jsonl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    lines = [json.loads(line) for line in Path(f"{ran}.jsonl").read_text().splitlines()]
    assert [(line["pages"], line["problems"]) for line in lines if line["file"] == "slip.png"] == [(1, [])]
    assert all(line["problems"] for line in lines if line["file"].endswith(".py"))
    assert not ran.exists()


def test_the_processes_of_an_installation_run_nothing_from_there(ran: Path) -> None:
    child = Child("help", ["--help"], dict(os.environ))
    child.start(0.0)
    assert child.process is not None
    assert child.process.wait(60) == 0
    assert not ran.exists()


def test_training_runs_nothing_from_there(ran: Path) -> None:
    assert apart.run(echo, "what", progress=lambda *_: None) == "what"
    assert not ran.exists()


def echo(said: str, progress: object) -> str:
    return said


def test_children_for_foreign_bytes_run_nothing_from_there(ran: Path) -> None:
    sandbox.stop()
    assert sandbox.call("tests.extractor.jobs:echo", {}, [], seconds=20, memory_bytes=2_000_000_000) == (
        {"got": {}},
        [],
    )
    assert not ran.exists()
