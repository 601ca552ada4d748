"""Many files at once: answers for all, and one answer for a file that kills its worker."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from extractor import batch
from extractor.batch import WORKER_DIED, Job, Setup, extract_all, read_all, workers_for
from extractor.read import ReadOptions
from models.nets.bundle import Bundle
from tests.extractor.pages import encoded, picture

OPTIONS = ReadOptions(engine="tesserocr")


def die_at(job: Job) -> str:
    """Stands for a reader; it falls over at the file called bad."""
    if job.name == "bad":
        os.kill(os.getpid(), signal.SIGKILL)
    return job.name


def test_a_file_that_kills_its_worker_costs_one_answer() -> None:
    jobs = [Job(Path(name), name) for name in ("a", "b", "bad", "c", "d", "e", "f", "g")]
    answers = list(batch._run(die_at, jobs, Setup(OPTIONS), 2, lambda job: f"{job.name} died"))
    assert sorted(answers) == ["a", "b", "bad died", "c", "d", "e", "f", "g"]


def test_refusals_and_missing_files_are_answers(tmp_path: Path) -> None:
    (tmp_path / "page.png").write_bytes(encoded(picture(["Total 12.50", "Thank you"], size=(500, 200)), "PNG"))
    (tmp_path / "not.pdf").write_bytes(b"hello")
    Bundle().save(tmp_path / "bundle")
    jobs = [Job(tmp_path / name, name) for name in ("page.png", "not.pdf", "gone.pdf")]
    setup = Setup(OPTIONS, tmp_path / "bundle", document_type="receipt")
    found = {outcome.name: outcome for outcome in extract_all(jobs, setup, 1)}
    assert found["not.pdf"].extraction is None
    assert found["not.pdf"].problem.startswith("not_a_document:")
    assert found["gone.pdf"].problem.startswith("unreadable_file:")
    page = found["page.png"].extraction
    assert page is not None
    assert page.recognition.document_type == "receipt"
    assert len(page.pages) == 1
    assert {"render", "read", "recognise"} <= set(page.seconds)
    assert found["page.png"].seconds > 0


def test_words_are_kept_for_the_next_time(tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    path.write_bytes(encoded(picture(["Total 12.50"], size=(400, 150)), "PNG"))
    setup = Setup(ReadOptions(engine="tesserocr", cache=tmp_path / "words"))
    first, second = (next(read_all([Job(path, "p")], setup, 1)) for _ in range(2))
    assert "12.50" in first.pages[0].text
    assert second.pages[0].text == first.pages[0].text
    assert len(list((tmp_path / "words").rglob("*.json"))) == 1


@pytest.mark.parametrize(("asked", "jobs", "workers"), [(4, 10, 4), (4, 2, 2), (None, 0, 1)])
def test_no_more_workers_than_files(asked: int | None, jobs: int, workers: int) -> None:
    assert workers_for(asked, jobs) == workers


def test_the_message_names_a_next_thought() -> None:
    assert "memory" in WORKER_DIED
