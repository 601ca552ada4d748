"""What a field costs at the keying page: waits, keystrokes, seconds by kind, answers lost, and the memory of a day.

`make bench-keying` runs this in Chromium and prints the figures. With COUNTERSIGN_REAL_DATA set, the
fields are those of real receipts and advertising buys; else of generated pages.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import sys
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page
from sqlmodel import select

from extractor.kinds import normalise
from hitl.annotation import conduct
from models.doctype import DocumentType, FieldSpec, Kind
from models.tables import Answer, Task
from models.values import ValueState
from tests import factories
from tests.bench import scans
from tests.web import paper
from tests.web.conftest import Site

pytestmark = [pytest.mark.bench, pytest.mark.web, pytest.mark.timeout(3600)]

FIELDS = 200  # of real documents where there are some
LOOK, KEY = 400, 60  # milliseconds: to read the crop, and between two keys
CLOSED = (Kind.CHOICE.value, Kind.CHECKBOX.value)
CHOICES = paper.RECEIPT.field("payment").choices
SCALAR = {Kind.DATE.value, Kind.MONEY.value, Kind.NAME.value, Kind.ADDRESS.value, Kind.IDENTIFIER.value}
ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")
DAY = 2000  # tasks that one person keys in a day
SAMPLE_EVERY = 200
TOLERATED_GROWTH = 3_000_000  # bytes of JavaScript heap from the first sample to the last
WATCH = """
window.marks = [];
const keep = (list) => { for (const entry of list.getEntries()) window.marks.push([entry.name, entry.startTime]); };
new PerformanceObserver(keep).observe({ entryTypes: ["mark"] });
"""
GONE = "(id) => document.body.dataset.task !== id || document.body.dataset.state !== 'working'"


@dataclass(frozen=True)
class Keyed:
    """One field as it was keyed: the keys that its value needs at most, and what should be kept of it."""

    kind: str
    value: Any
    keys: list[str]
    task_id: str

    @property
    def expected(self) -> Any:
        if self.kind in SCALAR:
            return normalise(Kind(self.kind), self.value, scans.SCAN)
        return self.value


def report(name: str, figures: dict[str, Any]) -> None:
    """Print the figures, and add them to the file that COUNTERSIGN_BENCH names."""
    line = json.dumps({name: figures})
    sys.stderr.write(f"\n{line}\n")
    if target := os.environ.get("COUNTERSIGN_BENCH"):
        with Path(target).open("a") as out:
            out.write(line + "\n")


def open_bench(site: Site, context: BrowserContext) -> Page:
    page = site.sign_in(context, "vera")
    page.add_init_script(WATCH)
    page.goto(f"{site.url}/work")
    page.wait_for_selector("body[data-state=working] .sheet img")
    return page


def press(page: Page, keys: list[str]) -> None:
    for key in keys:
        page.wait_for_timeout(KEY)
        page.keyboard.press(key)


def keys_for(kind: str, value: Any) -> list[str]:
    """What a person presses for a value as it is printed."""
    if kind == Kind.CHOICE.value:
        return [str(CHOICES.index(value) + 1), "Enter"]
    if kind == Kind.CHECKBOX.value:
        return ["1" if value == "true" else "0", "Enter"]
    if kind == Kind.TABLE.value:
        cells = [list(row.replace(" | ", "\t")) for row in value]
        return [key for row in cells for key in [*("Tab" if one == "\t" else one for one in row), "Enter"]] + ["Enter"]
    if kind == Kind.DATE.value and ISO_DATE.fullmatch(value):  # a label; on these documents the month stands first
        return [*f"{date.fromisoformat(value):%m/%d/%y}", "Enter"]
    if isinstance(value, list):
        return [key for one in value for key in [*one, "Enter"]] + ["Enter"]
    return [*value, "Enter"]


def test_two_hundred_fields(site: Site, context: BrowserContext):
    """Given 200 fields, when one person keys them all, then every target of the page is met and no answer is lost."""
    site.person("vera")
    site.person("victor")  # without a second person each answer would go to a reviewer at once
    truth = scans.real(site, FIELDS) if scans.ROOT else scans.generated(site, FIELDS)
    page = open_bench(site, context)
    keyed = [key_one(site, page, truth) for _ in range(len(truth))]
    page.wait_for_selector("#sending:has-text('All sent')")
    marks = page.evaluate("() => window.marks")
    site.session.rollback()
    answers = {answer.task_id: answer for answer in site.session.exec(select(Answer)).all()}
    figures = figures_of(keyed, answers, marks) | {"real": bool(scans.ROOT)}
    report("keying", figures)
    assert figures["lost"] == 0
    assert figures["wrong"] == []
    assert figures["too_many_keys"] == []  # a scalar: its characters and one
    assert max(figures["most_keys"][kind] for kind in CLOSED) <= 2
    assert figures["median_wait_ms"] <= 100


def key_one(site: Site, page: Page, truth: dict[tuple[str, str], Any]) -> Keyed:
    page.wait_for_selector("body[data-state=working] .sheet img")
    task_id = page.get_attribute("body", "data-task") or ""
    task = site.session.get_one(Task, task_id)
    value = truth[task.document_id, task.field]
    keys = keys_for(task.kind, value)
    page.wait_for_timeout(LOOK)
    press(page, keys)
    page.wait_for_function(
        "(id) => document.body.dataset.task !== id || document.body.dataset.state !== 'working'", arg=task_id
    )
    return Keyed(task.kind, value, keys, task_id)


def figures_of(keyed: list[Keyed], answers: dict[str, Answer], marks: list[tuple[str, float]]) -> dict[str, Any]:
    waits = waits_of(marks)
    seconds, keys = defaultdict(list), defaultdict(list)
    too_many, wrong = [], []
    for one in keyed:
        answer = answers.get(one.task_id)
        if answer is None:
            continue
        seconds[one.kind].append(answer.seconds or 0.0)
        keys[one.kind].append(answer.keystrokes or 0)
        if (answer.keystrokes or 0) > len(one.keys):
            too_many.append([one.kind, one.value, answer.keystrokes])
        if (answer.value_state, answer.value) != (ValueState.FOUND.value, one.expected):
            wrong.append([one.kind, one.value, answer.value])
    return {
        "fields": len(keyed),
        "lost": len(keyed) - len(answers),
        "wrong": wrong,
        "too_many_keys": too_many,
        "median_wait_ms": round(statistics.median(waits), 1),
        "p95_wait_ms": round(sorted(waits)[int(0.95 * len(waits))], 1),
        "median_seconds": {kind: round(statistics.median(some), 2) for kind, some in seconds.items()},
        "median_keys": {kind: statistics.median(some) for kind, some in keys.items()},
        "most_keys": {kind: max(some) for kind, some in keys.items()},
        "counts": {kind: len(some) for kind, some in seconds.items()},
        "pace_ms": {"look": LOOK, "key": KEY},
    }


def waits_of(marks: list[tuple[str, float]]) -> list[float]:
    """Milliseconds from each answer to the drawing of the crop after it."""
    pairs = pairwise(marks)
    return [later[1] - earlier[1] for earlier, later in pairs if (earlier[0], later[0]) == ("answer", "crop")]


def test_the_memory_of_the_page_is_stable_over_a_day(
    site: Site, context: BrowserContext, monkeypatch: pytest.MonkeyPatch
):
    """Given 2,000 tasks, when they are all answered, then the page holds no more than after the first 200."""
    monkeypatch.setattr(conduct, "RULES", ())  # they pause whoever answers faster than one can read
    site.person("vera")
    site.person("victor")
    spec = DocumentType(
        name="slip", label="Slip", fields=tuple(FieldSpec(name=f"f{n}", kind=Kind.MONEY) for n in range(50))
    )
    version = factories.create_type(site.session, site.workspace, spec)
    scans.many(site, version, SAMPLE_EVERY)
    page = open_bench(site, context)
    devtools = context.new_cdp_session(page)
    devtools.send("Performance.enable")
    samples = []
    for number in range(1, DAY + 1):
        page.locator("body[data-state=working] .sheet img").wait_for()  # no handle: that would keep the node
        task_id = page.get_attribute("body", "data-task")
        page.keyboard.press("Alt+i")
        page.wait_for_function(GONE, arg=task_id)
        if number % SAMPLE_EVERY == 0:
            page.locator("#sending:has-text('All sent')").wait_for()
            samples.append(memory(devtools, page))
            scans.many(site, version, SAMPLE_EVERY)
    site.session.rollback()
    figures = {"answers": len(site.session.exec(select(Answer.id)).all()), "samples": samples}
    report("memory", figures)
    assert figures["answers"] == DAY
    assert samples[-1]["heap"] - samples[0]["heap"] < TOLERATED_GROWTH
    assert samples[-1]["nodes"] < 1.5 * samples[0]["nodes"]
    assert samples[-1]["kept"] == 0


def memory(devtools: Any, page: Page) -> dict[str, int]:
    for _ in range(2):
        devtools.send("HeapProfiler.collectGarbage")
    metrics = {one["name"]: int(one["value"]) for one in devtools.send("Performance.getMetrics")["metrics"]}
    kept = page.evaluate("() => Object.keys(localStorage).filter((key) => key.includes('outbox')).length")
    return {
        "heap": metrics["JSHeapUsedSize"],
        "nodes": metrics["Nodes"],
        "listeners": metrics["JSEventListeners"],
        "kept": kept,
    }
