"""Our own work in processes of its own: answers, progress, reasons of failure, and an end with the parent."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import psutil
import pytest

from extractor.processes import apart, sandbox


def doubles(number: int, progress) -> int:
    progress("half", 0.5)
    return number * 2


def raises(_number: int, _progress) -> int:
    raise ValueError("too little")


def dies(_number: int, _progress) -> int:
    import os

    os._exit(3)


def test_work_in_a_process_of_its_own_answers_and_reports_progress():
    seen: list[tuple[str, float]] = []
    assert apart.run(doubles, 21, progress=lambda step, share: seen.append((step, share))) == 42
    assert seen == [("half", 0.5)]


@pytest.mark.parametrize(("work", "said"), [(raises, "too little"), (dies, "ended with 3")])
def test_a_process_that_raises_or_dies_is_a_failure_with_its_reason(work, said: str):
    with pytest.raises(apart.WorkFailed, match=said):
        apart.run(work, 1, progress=lambda *_: None)


def begin(note: Path) -> None:
    (note / str(os.getpid())).touch()


def who(_: int) -> tuple[int, str | None]:
    return os.getpid(), os.environ.get("OMP_NUM_THREADS")


def test_workers_of_a_pool_begin_once_and_use_one_thread_each(tmp_path: Path):
    with apart.pool(2, begin, tmp_path) as executor:
        answers = list(executor.map(who, range(4)))
    assert {str(pid) for pid, _ in answers} <= {path.name for path in tmp_path.iterdir()}
    assert {threads for _, threads in answers} == {"1"}


def test_a_worker_that_cannot_begin_breaks_the_pool(tmp_path: Path):
    with apart.pool(1, begin, tmp_path / "none") as executor, pytest.raises(BrokenProcessPool):
        executor.submit(who, 1).result()


def use_the_sandbox(_: int) -> list[str]:
    header = {"what": "own folder"}
    sandbox.call("tests.extractor.jobs:attempt", header, [], seconds=20, memory_bytes=2_000_000_000)
    return [child.folder for child in sandbox._idle]


def test_what_a_worker_borrowed_ends_with_it(tmp_path: Path):
    with apart.pool(1, begin, tmp_path) as executor:
        folders = executor.submit(use_the_sandbox, 1).result()
        assert all(Path(folder).exists() for folder in folders)
    assert len(folders) == 1
    assert not Path(folders[0]).exists()


POOL = """
import sys
from pathlib import Path
from extractor.processes import apart
from tests.extractor.processes import test_apart as here
if __name__ == "__main__":
    with apart.pool(2, here.begin, Path(sys.argv[1])) as executor:
        for pid, _ in executor.map(here.who, range(20)):
            print(pid, flush=True)
        sys.stdin.read()
"""
RUN = """
import sys
from extractor.processes import apart
from tests.extractor.processes import test_apart as here
if __name__ == "__main__":
    apart.run(here.reports_and_waits, None, progress=lambda step, _: print(step, flush=True))
"""


def reports_and_waits(_: None, report: apart.Report) -> None:
    report(str(os.getpid()), 0.0)
    threading.Event().wait(600)


@pytest.mark.parametrize("program", [POOL, RUN])
def test_no_child_outlives_a_killed_command(program: str, tmp_path: Path):
    script = tmp_path / "program.py"
    script.write_text(program)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    command = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )
    assert command.stdout is not None
    assert command.stdin is not None
    with command.stdout, command.stdin:
        command.stdout.readline()
        children = psutil.Process(command.pid).children(recursive=True)
        assert children
        command.kill()
        command.wait()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive
