"""One contract for every engine in the table."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extractor.ocr import ENGINES, Engine, engine, factory, rapid
from extractor.ocr.guard import checked
from extractor.ocr.rapid import RawLine, words_of_line
from extractor.read import engine_version
from tests.extractor import pages


@pytest.fixture(params=ENGINES)
def any_engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "tesseract" and not shutil.which("tesseract"):
        pytest.skip("the program tesseract is not installed")
    return engine(request.param)


def test_it_reads_a_clean_page(any_engine: Engine) -> None:
    image = pages.bgr(pages.picture())
    words = checked(any_engine.read(image))
    text = " ".join(w.text for w in words)
    for number in ("40718", "2021", "1,284.50"):
        assert number in text
    assert len({w.line for w in words}) == len(pages.LINES)
    assert all(0.5 < w.confidence <= 1 for w in words)


def test_words_are_whole_and_stand_on_their_ink(any_engine: Engine) -> None:
    image = pages.bgr(pages.picture())
    found = {w.text: w.box for w in checked(any_engine.read(image))}
    assert {"Harbour", "Trading", "warehouse", "1,284.50"} <= set(found)
    for word, box in found.items():
        assert pages.ink_share(image, tuple(box.as_list())) > 0.05, word  # type: ignore[arg-type]
    assert found["Harbour"].x1 < found["Street"].x0 + 0.01


@pytest.mark.parametrize("shape", [(1, 1, 3), (8, 900, 3), (400, 300, 3)])
def test_a_blank_picture_has_no_words(any_engine: Engine, shape: tuple[int, int, int]) -> None:
    assert checked(any_engine.read(np.full(shape, 255, np.uint8))) == []


def test_noise_is_answered_within_the_contract(any_engine: Engine) -> None:
    checked(any_engine.read(np.random.default_rng(1).integers(0, 255, (200, 300, 3), dtype=np.uint8)))


def test_it_names_itself(any_engine: Engine) -> None:
    assert any_engine.name in ENGINES
    assert any_engine.version[0].isdigit()
    assert engine_version(any_engine.name).startswith(any_engine.name + "/")


def test_reading_needs_no_network(any_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("tried to open a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    fresh = factory(any_engine.name)()
    assert checked(fresh.read(pages.bgr(pages.picture(["Amount due 1,284.50"], size=(600, 200)))))


def test_there_is_one_instance_a_process() -> None:
    assert engine("rapidocr") is engine("rapidocr")


def test_an_unknown_engine_is_the_callers_mistake() -> None:
    with pytest.raises(KeyError):
        engine("crystal_ball")


def line(text: str, *words: tuple[str, float, float]) -> RawLine:
    def quad(x0: float, x1: float) -> list[list[float]]:
        return [[x0, 0], [x1, 0], [x1, 10], [x0, 10]]

    raw = [{"text": t, "score": 0.9, "quad": quad(a, b)} for t, a, b in words]
    return {"text": text, "score": 0.8, "quad": quad(0, 100), "words": raw}  # type: ignore[typeddict-item]


def spans(raw: RawLine) -> list[tuple[str, float, float]]:
    return [(t, round(b.x0 * 100), round(b.x1 * 100)) for t, b, _ in words_of_line(raw, 100, 10)]


def test_pieces_of_one_word_are_joined() -> None:
    assert spans(line("RM12.50 x2", ("RM", 0, 20), ("12", 20, 40), (".50", 40, 70), ("x", 80, 90), ("2", 90, 100))) == [
        ("RM12.50", 0, 70),
        ("x2", 80, 100),
    ]


def test_a_piece_that_spans_a_blank_is_cut() -> None:
    assert spans(line("TAX INVOICE", ("TAX INVOICE", 0, 110))) == [("TAX", 0, 30), ("INVOICE", 40, 110 - 10)]


def test_pieces_that_do_not_spell_the_line_are_not_used() -> None:
    [(first, _, score), _] = words_of_line(line("ab cd", ("xy", 0, 10)), 100, 10)
    assert (first, score) == ("ab", 0.8)


def test_raw_answers_are_kept_by_pixel_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(rapid.CACHE_VARIABLE, str(tmp_path))
    reader = rapid.RapidEngine()
    image = pages.bgr(pages.picture(["Amount due 1,284.50"], size=(600, 200)))
    first = reader.read(image)
    folder = rapid.cache_folder()
    assert folder is not None
    assert importlib.metadata.version("rapidocr") in folder.name
    [kept] = folder.iterdir()
    assert json.loads(kept.read_text())["shape"] == [200, 600, 3]
    assert rapid.RapidEngine().read(image) == first
    image[0, 0] = 0
    reader.read(image)
    assert len(list(folder.iterdir())) == 2
