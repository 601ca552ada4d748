"""Children are started, started again after a crash, and stopped; an orphan ends by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from api.supervisor import FIRST_PAUSE, Child, Supervisor

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


PARENT = """
import os, subprocess, sys
os.environ["COUNTERSIGN_PARENT_PID"] = str(os.getpid())
orphan = "import time; from api.commands.serving import die_with_parent as d; d(); print(1, flush=True); time.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", orphan])
print(child.pid, flush=True)
child.wait()
"""


class Sleeper(Child):
    """A child that is not the product."""

    def start(self, now: float) -> None:
        self.process = subprocess.Popen(SLEEPER, start_new_session=True)
        self.started_at = now


def test_a_crashed_child_is_started_again_after_a_growing_pause():
    child = Sleeper("one", [], {})
    assert child.look_after(100.0) is None
    assert child.process is not None
    child.process.kill()
    child.process.wait()
    assert child.look_after(100.1) == -signal.SIGKILL
    assert child.look_after(100.2) is None
    assert child.process is None  # not yet
    child.look_after(100.1 + 2 * FIRST_PAUSE)
    assert child.process is not None
    Supervisor([child]).stop()
    assert child.pause == 2 * FIRST_PAUSE


def test_a_child_that_lived_long_is_started_again_soon():
    child = Sleeper("one", [], {}, pause=20.0)
    child.look_after(0.0)
    assert child.process is not None
    child.process.kill()
    child.process.wait()
    child.look_after(1000.0)
    assert child.pause == FIRST_PAUSE


def test_stop_ends_every_child_also_a_deaf_one():
    deaf = Sleeper("deaf", [], {})
    program = "import signal, time; signal.signal(15, signal.SIG_IGN); open(1, 'w').write('x'); time.sleep(60)"
    deaf.process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert deaf.process.stdout is not None
    with deaf.process.stdout as ready:
        ready.read(1)
    hearing = Sleeper("hearing", [], {})
    hearing.look_after(0.0)
    Supervisor([deaf, hearing]).stop(patience=0.5)
    assert [child.process.returncode for child in (deaf, hearing) if child.process] == [-9, -15]


def test_a_child_ends_when_its_parent_was_killed():
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout as said:
        child = int(said.readline())
        said.readline()
        parent.kill()
        parent.wait()
    for _ in range(100):
        if not is_running(child):
            return
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    raise AssertionError("the child outlived its parent")


def is_running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
