"""CPU seconds count children while they live and after."""

from __future__ import annotations

import gc
import subprocess
import sys

from extractor.measure.cost import RARELY, Meter, cpu_seconds, rare_collections

BUSY = "import time\nwhile time.process_time() < 0.3: pass\n"


def test_a_child_counts_when_it_has_ended() -> None:
    before = cpu_seconds()
    subprocess.run([sys.executable, "-c", BUSY], check=True)
    assert cpu_seconds() - before > 0.25


def test_a_child_counts_while_it_lives() -> None:
    before = cpu_seconds()
    code = BUSY + "print('done', flush=True)\ninput()\n"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert cpu_seconds() - before > 0.25
        child.communicate(b"\n")


def test_a_meter_adds_up_by_stage() -> None:
    meter = Meter()
    for _ in range(2):
        with meter.stage("read"):
            sum(range(10_000))
    with meter.stage("draw"):
        pass
    assert set(meter.seconds) == {"read", "draw"}
    assert meter.total == sum(meter.seconds.values()) >= 0


def test_searches_for_cycles_are_rare_only_while_asked_for() -> None:
    before = gc.get_threshold()
    with rare_collections():
        assert gc.get_threshold()[0] == RARELY > before[0]
    assert gc.get_threshold() == before
