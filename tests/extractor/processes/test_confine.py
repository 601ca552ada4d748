"""A child that was taken over by its input tries: files of others, the network, other processes. None of it works."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from extractor.processes import confine, sandbox

landlock = pytest.mark.skipif(confine.landlock_abi() < 1, reason="this kernel has no Landlock")
scopes = pytest.mark.skipif(confine.landlock_abi() < 6, reason="this kernel's Landlock has no scopes")
filters = pytest.mark.skipif("no seccomp" in str(confine.missing()), reason="this kernel has no seccomp")


def attempt(what: str, on: object = None, reads: str | None = None) -> dict[str, str]:
    header = {"what": what, "on": on}
    job = "tests.extractor.jobs:attempt"
    return sandbox.call(job, header, [], seconds=20, memory_bytes=2_000_000_000, reads=reads)[0]


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file as in the data folder of an installation."""
    path = tmp_path / "data" / "blobs" / "secret.txt"
    path.parent.mkdir(parents=True)
    path.write_text("of somebody else")
    return path


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@landlock
def test_files_of_others_can_be_neither_read_nor_listed_nor_changed(secret: Path) -> None:
    for path in (
        "/etc/passwd",
        "/proc/1/environ",
        f"/proc/{os.getpid()}/environ",
        str(secret),
        str(Path.home() / ".x"),
    ):
        assert attempt("read", path)["refused"] in {"EACCES", "ENOENT"}, path
    assert attempt("read", str(secret)) == attempt("remove", str(secret)) == {"refused": "EACCES"}
    assert attempt("list", str(secret.parent)) == attempt("list", "/etc") == {"refused": "EACCES"}
    for path in (secret, secret.with_name("new"), Path(sys.prefix) / "new.py", Path(confine.__file__)):
        assert attempt("write", str(path)) == {"refused": "EACCES"}, path
    assert secret.read_text() == "of somebody else"


@landlock
def test_a_child_reads_what_it_is_told_of_and_nothing_beside_it(secret: Path) -> None:
    (secret.parent / "bundle").mkdir()
    (secret.parent / "bundle" / "index.json").write_text("{}")
    told = str(secret.parent / "bundle")
    assert attempt("read", f"{told}/index.json", told) == {"did": "{}"}
    assert attempt("read", str(secret), told) == attempt("write", f"{told}/index.json", told) == {"refused": "EACCES"}
    assert attempt("read", f"{told}/index.json") == {"refused": "EACCES"}


@filters
def test_the_network_cannot_be_reached(port: int, tmp_path: Path) -> None:
    assert attempt("connect", port) == attempt("datagram", port) == attempt("pair") == {"refused": "EPERM"}
    assert attempt("connect to a local socket", "/var/run/docker.sock") == {"refused": "EPERM"}


@filters
def test_what_it_starts_is_confined_too(port: int) -> None:
    program = f"import socket; socket.create_connection(('127.0.0.1', {port}))"
    said = attempt("start", [sys.executable, "-c", f"try:\n {program}\nexcept OSError as e: print(e)"])
    assert "Operation not permitted" in said["did"]


@filters
def test_other_processes_cannot_be_traced() -> None:
    assert attempt("trace", os.getpid()) == {"refused": "EPERM"}


@scopes
def test_other_processes_cannot_be_signalled() -> None:
    assert attempt("signal", os.getpid()) == {"refused": "EPERM"}


def test_a_child_has_a_folder_of_its_own_and_imports_late() -> None:
    assert attempt("own folder") == {"did": "wrote"}
    for name in ("xml.dom.minidom", "scipy.optimize", "extractor.kinds.date", "tests.factories"):
        assert attempt("import", name) == {"did": name}


def test_the_folder_goes_with_the_child() -> None:
    attempt("own folder")
    folders = [Path(child.folder) for child in sandbox._idle]
    assert folders
    assert all(folder.exists() for folder in folders)
    sandbox.stop()
    assert not any(folder.exists() for folder in folders)


def test_what_a_kernel_lacks_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confine, "landlock_abi", lambda: 0)
    monkeypatch.setattr(confine, "_has_seccomp", lambda: False)
    assert [said.partition(":")[0] for said in confine.missing()] == ["no Landlock", "no seccomp"]
    monkeypatch.setattr("sys.platform", "darwin")
    assert len(confine.missing()) == 1


def test_children_of_models_that_serve_no_more_are_ended(tmp_path: Path) -> None:
    for number in range(sandbox.IDLE_OF_A_MODULE + 3):
        (tmp_path / str(number)).mkdir()
        attempt("own folder", reads=str(tmp_path / str(number)))
    alike = [child for child in sandbox._idle if child.kind.module == "tests.extractor.jobs"]
    assert len(alike) == sandbox.IDLE_OF_A_MODULE
    assert alike[-1].kind.reads == str(tmp_path / str(sandbox.IDLE_OF_A_MODULE + 2))
    sandbox.stop()
