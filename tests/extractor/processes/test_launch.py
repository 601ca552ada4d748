"""What a child may import: what we may, and nothing that lies where somebody works."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from extractor.processes import launch


def test_only_absolute_folders_are_handed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", ".", "scans", str(tmp_path)]))
    assert launch.import_path()["PYTHONPATH"].split(os.pathsep) == [str(tmp_path), str(launch.ROOT)]


def test_an_installation_does_not_come_before_the_standard_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("site.getsitepackages", lambda: [str(launch.ROOT)])
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert launch.import_path() == {"PYTHONSAFEPATH": "1", "PYTHONPATH": ""}


def test_a_command_forgets_the_folder_it_was_started_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [str(tmp_path), "", "/elsewhere", str(launch.ROOT)])
    monkeypatch.setattr("os.environ", {})
    launch.leave_out_the_current_folder()
    assert sys.path == ["/elsewhere", str(launch.ROOT)]
    assert os.environ["PYTHONSAFEPATH"] == "1"
