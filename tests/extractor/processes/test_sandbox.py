"""A job that dies, hangs or eats memory costs one answer and nothing else."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from extractor.processes import sandbox

HERE = "tests.extractor.jobs"


def run(job: str, *blobs: bytes, seconds: float = 20, memory: int = 2_000_000_000, **header: object) -> object:
    return sandbox.call(f"{HERE}:{job}", header, list(blobs), seconds=seconds, memory_bytes=memory)


def test_a_job_answers_with_json_and_bytes() -> None:
    assert run("echo", b"a" * 3_000_000, b"", word="hé") == ({"got": {"word": "hé"}}, [b"a" * 3_000_000, b""])


def test_the_child_is_kept_for_the_next_job() -> None:
    first, second = (run("who")[0]["pid"] for _ in range(2))  # type: ignore[index]
    assert first == second != os.getpid()


def test_a_child_that_has_nothing_to_do_is_ended_and_gives_its_memory_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "IDLE_SECONDS", 0.2)
    sandbox.stop()
    first = run("who")[0]["pid"]  # type: ignore[index]
    ended = os.pidfd_open(first)
    assert select.select([ended], [], [], 20)[0]
    os.close(ended)
    assert run("who")[0]["pid"] != first  # type: ignore[index]


def test_a_child_that_dies_is_replaced() -> None:
    with pytest.raises(sandbox.ChildDied, match="SIGSEGV"):
        run("die")
    assert run("echo")[0] == {"got": {}}  # type: ignore[index]


def test_a_child_that_hangs_is_killed() -> None:
    run("echo")
    began = time.monotonic()
    with pytest.raises(sandbox.ChildTimedOut):
        run("hang", seconds=0.5)
    assert time.monotonic() - began < 5


def test_memory_is_limited() -> None:
    with pytest.raises(sandbox.ChildOutOfMemory):
        run("eat")


def test_an_exception_is_named() -> None:
    with pytest.raises(sandbox.JobRaised, match="ValueError: no"):
        run("fail")


def test_a_child_that_answers_garbage_is_ended() -> None:
    with pytest.raises(sandbox.ChildDied):
        run("garble")


def test_what_a_job_prints_does_no_harm() -> None:
    assert run("chatter")[0] == {"said": True}  # type: ignore[index]


def test_a_child_sees_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.stop()
    monkeypatch.setenv("COUNTERSIGN_SECRET", "x")
    assert run("environment")[0] == {"secret": None}  # type: ignore[index]


def test_children_end_when_the_parent_is_killed(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    program = (
        "from extractor.processes import sandbox; from pathlib import Path;"
        f"h = sandbox.call('{HERE}:who', {{}}, [], seconds=20, memory_bytes=2_000_000_000)[0];"
        f"Path({str(note)!r}).write_text(str(h['pid']));"
        f"sandbox.call('{HERE}:hang', {{}}, [], seconds=60, memory_bytes=2_000_000_000)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program])
    until = time.monotonic() + 30
    while not (note.exists() and note.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    child = int(note.read_text())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    while Path(f"/proc/{child}").exists() and is_running(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_running(child)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
