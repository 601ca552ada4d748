"""Commands over many documents that are killed: what is done stays, no child is left, and --resume does the rest."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from api.commands.growing import growing, kept_lines
from api.commands.shared import CommandError
from models.nets.bundle import Bundle
from tests.api.test_reading import TOML, lines_of, run, slip

SECONDS = 60


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A folder of six slips with a manifest, a type and an empty bundle."""
    folder = tmp_path / "scans"
    folder.mkdir()
    rows = [slip(folder, n) for n in range(6)]
    lines = [{"file": name, "type": "slip", "fields": {"total": total}} for name, total in rows]
    (folder / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "types").mkdir()
    (tmp_path / "types" / "slip.toml").write_text(TOML)
    Bundle().save(tmp_path / "bundle")
    return folder


def command(scans: Path) -> list[str]:
    told = ["--type", "slip", "--doctypes", scans.parent / "types", "--bundle", scans.parent / "bundle"]
    return [str(word) for word in (*told, "--engine", "tesserocr", "--jobs", 1)]


def killed_after(lines: int, written: Path, *arguments: str) -> None:
    """Run a command, and kill it when the file has so many lines. All that it started must end, too."""
    process = subprocess.Popen([sys.executable, "-m", "api.cli", *arguments], stderr=subprocess.DEVNULL)
    while not written.exists() or written.read_bytes().count(b"\n") < lines:
        assert process.poll() is None, "it was done before it could be killed"
        select.select([], [], [], 0.01)
    children = [os.pidfd_open(pid) for pid in descendants(process.pid)]
    assert children, "it works in child processes"
    os.kill(process.pid, signal.SIGKILL)
    process.wait(SECONDS)
    for child in children:
        assert select.select([child], [], [], SECONDS)[0], "a child outlived the command"
        os.close(child)


def descendants(pid: int) -> list[int]:
    """Processes that a process started, and those that they started."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):  # it ended meanwhile
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    found = parents.get(pid, [])
    return found + [below for child in found for below in descendants(child)]


@pytest.mark.slow
def test_extract_goes_on_where_it_was_killed(scans: Path) -> None:
    out = scans.parent / "lines.jsonl"
    (scans / "manifest.jsonl").unlink()  # it is a file of the folder, too
    killed_after(2, out, "extract", str(scans), *command(scans), "--jsonl", str(out))
    before = kept_lines(out)
    assert 2 <= len(before) < 6
    with out.open("a") as file:
        file.write('{"file": "slip5')  # cut in the middle of a line
    for line in before:
        (scans / line["file"]).unlink()  # what is done is not read again
        (scans / line["file"]).write_bytes(b"no picture")
    run("extract", scans, *command(scans), "--jsonl", out, "--resume")
    after = lines_of(out)
    assert [line["file"] for line in after] == [f"slip{n}.png" for n in range(6)]
    assert all(line["document_type"] == "slip" for line in after)
    assert [line for line in after if line["file"] in {one["file"] for one in before}] == sorted(
        before, key=lambda line: line["file"]
    )


@pytest.mark.slow
def test_evaluate_goes_on_where_it_was_killed(scans: Path) -> None:
    measured = scans.parent / "measured.json"
    part = scans.parent / "measured.json.part"
    arguments = ["evaluate", "--manifest", str(scans / "manifest.jsonl"), *command(scans), "--json", str(measured)]
    killed_after(3, part, *arguments)
    kept = kept_lines(part)
    for line in kept[1:]:
        Path(line["name"]).write_bytes(b"no picture")
    run(*arguments, "--resume")
    numbers = json.loads(measured.read_text())
    assert numbers["documents"] == 6
    assert numbers["types"]["slip"]["fields"]["total"]["n"] == 6
    assert numbers["type_accuracy"] == 1.0
    assert not part.exists()


def test_what_another_model_read_is_not_gone_on_with(scans: Path) -> None:
    measured = scans.parent / "measured.json"
    (scans.parent / "measured.json.part").write_text('{"by": ["b-other", "tesserocr", "slip"]}\n')
    with pytest.raises(CommandError, match="another model"):
        run("evaluate", "--manifest", scans / "manifest.jsonl", *command(scans), "--json", measured, "--resume")


def test_standard_output_cannot_be_gone_on_with(scans: Path) -> None:
    with pytest.raises(CommandError, match="Only a file"):
        run("extract", scans, *command(scans), "--resume")


def test_lines_are_on_disk_as_they_are_added(tmp_path: Path) -> None:
    with growing(tmp_path / "f.jsonl", [{"a": 1}]) as add:
        add({"a": 2})
        assert kept_lines(tmp_path / "f.jsonl") == [{"a": 1}, {"a": 2}]


def test_a_file_of_something_else_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "f.jsonl").write_text("no line\n{}\n")
    with pytest.raises(CommandError, match="something else"):
        kept_lines(tmp_path / "f.jsonl")
