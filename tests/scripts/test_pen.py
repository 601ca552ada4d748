"""The recipe of the pen detector, on a few generated receipts and a font of every kind."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from extractor.ink.handwriting import Detector
from fixtures.generate import generate
from fixtures.hands import Grey
from models.nets.bundle import Bundle
from models.nets.pen import PenReader
from models.values import Box, Page, Word
from scripts.pen import train as pen
from scripts.pen.crops import Crop, bare, cut, dotted, number, on_paper, worded
from scripts.pen.wear import moved, overrun, part_of, worn
from tests.fixtures.test_hands import digits, font  # noqa: F401

LINE = (20.0, 15.0, 220.0, 45.0)


@pytest.fixture
def hands(tmp_path: Path, digits: Path) -> Path:  # noqa: F811
    for folder, name in (("fonts", "Intuitive"), ("prints", "Vera"), ("prints", "Caladea")):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / f"{name}.ttf").write_bytes(font(name).read_bytes())
    (tmp_path / "digits").symlink_to(digits)
    return tmp_path


def grey(seed: int = 1) -> Grey:
    """Paper with a bar of ink on its line."""
    image = np.full((60, 240), 230, np.uint8) + np.random.default_rng(seed).integers(-5, 5, (60, 240)).astype(np.int8)
    image = image.astype(np.uint8)
    image[22:38, 30:210:9] = 40
    return image


def crop(pen_wrote: bool = False, source: str = "a.jpg/1", text: str = "Total 12.00") -> Crop:
    return Crop(grey(), LINE, pen_wrote, text, source)


@pytest.mark.slow
def test_the_recipe_makes_a_detector(tmp_path: Path, hands: Path) -> None:
    generate("receipt", 6, 1, tmp_path / "data" / "receipts", carriers=["png"], wear=["clean"], split="train")
    out = tmp_path / "pen"
    said = {
        "data": tmp_path / "data",
        "hands": hands,
        "out": out,
        "steps": 6,
        "share": 0.01,
        "cache": tmp_path / "words",
    }
    pen.main([part for name, value in said.items() for part in (f"--{name}", str(value))])
    bundle = Bundle.load(out)
    assert bundle.meta["lines"]["font"] == int(pen.WANTED["font"] * 0.01)
    assert bundle.meta["lines"]["real"] > 20
    detector = Detector(PenReader(bundle.tensors), tuple(bundle.meta["limits"]), bundle.version)
    assert detector.look([[(grey(), Box(0.1, 0.25, 0.9, 0.75))]])[0] is not None


def test_what_an_eye_saw_counts(tmp_path: Path) -> None:
    file = tmp_path / "seen.jsonl"
    rows = [("a.jpg", "hand", True), ("b.jpg", "print", False), ("c.jpg", "speck", None)]
    file.write_text("".join(json.dumps({"file": f, "page": 1, "text": t, "pen": p}) + "\n" for f, t, p in rows))
    seen = pen.read_seen(file)
    said = (("0", "fixes the limits"), ("a", "hand"), ("a", "other"), ("a", "12.00"), ("b", "print"), ("c", "speck"))
    real = [crop(source=f"{name}.jpg/1", text=text) for name, text in said]
    train, held = pen.parted(real, seen)
    assert {name: [c.text for c in some] for name, some in train.items()} == {
        "real": ["other"], "real numbers": ["12.00"], "seen pen": ["hand"], "seen print": ["print"]}  # fmt: skip
    assert train["seen pen"][0].pen
    assert [c.text for c in held] == ["fixes the limits"]
    assert pen.read_seen(tmp_path / "none") == {}


def test_stretches_of_rows_are_lines() -> None:
    said = (("Total", 0.1, 0), ("due", 0.25, 0), ("9", 0.8, 1))
    words = tuple(Word(text, Box(x, 0.1, x + 0.1, 0.2), 1.0, 0, segment) for text, x, segment in said)
    assert pen.segments(Page(1, 100, 100, words, "e")) == [
        ("Total due", Box(0.1, 0.1, 0.35, 0.2)), ("9", Box(0.8, 0.1, 0.9, 0.2))]  # fmt: skip


def test_paper_without_its_ink_is_paper() -> None:
    assert bare(crop(), random.Random(1)).min() > 190


@pytest.mark.parametrize("seed", range(20))
def test_a_drawn_line_has_its_ink_in_its_box(seed: int) -> None:
    rng = random.Random(seed)
    ink = np.zeros((80, 300), np.uint8)
    ink[20:66, 20:280] = np.where(np.arange(260) % 12 < 5, 255, 0)
    made = on_paper(ink, bare(crop(), rng), [], rng, pen=True, text="x")
    assert made is not None
    x0, y0, x1, y1 = (round(v) for v in made.line)
    assert made.pen
    assert 0 <= x0 < x1 <= made.image.shape[1]
    assert 0 <= y0 < y1 <= made.image.shape[0]
    assert int(np.median(made.image)) - int(made.image[y0:y1, x0:x1].min()) > 40


@pytest.mark.parametrize("seed", range(20))
def test_wear_leaves_a_line_where_it_was(seed: int) -> None:
    rng = random.Random(seed)
    assert worn(crop(), rng).image.shape == grey().shape
    assert np.abs(np.array(moved(LINE, rng)) - LINE).max() < 0.2 * 30
    part = part_of(crop(), rng)
    assert part.line[2] <= part.image.shape[1] + 1
    assert part.line[3] - part.line[1] == LINE[3] - LINE[1]


@pytest.mark.parametrize("seed", range(20))
def test_what_runs_over_a_line_darkens_it(seed: int) -> None:
    fonts = [font("Vera")]
    over = overrun(crop(), fonts, fonts, random.Random(seed)).image
    assert (over <= grey()).all()
    assert (over < grey().astype(int) - 30).sum() > 20


def test_what_is_written_is_what_documents_say() -> None:
    rng = random.Random(1)
    assert all(set(number(rng)) <= set("0123456789/-.,:$") for _ in range(200))
    assert any(worded(["Harbour Cafe"], rng).startswith("Harb") for _ in range(20))
    assert cut(grey(), (5.0, 5.0, 8.0, 8.0)) is None
    found = cut(np.zeros((400, 900, 3), np.uint8), (100.0, 100.0, 400.0, 196.0))
    assert found is not None
    assert found[1][3] - found[1][1] == pytest.approx(48)


def test_dots_stay_where_the_print_was() -> None:
    ink = np.zeros((60, 120), np.uint8)
    ink[20:40, 30:90] = 255
    dots = dotted(ink, random.Random(1)) > 0
    assert 0.2 < dots[18:42, 28:92].mean() < 0.95
    assert not dots[:14].any()
