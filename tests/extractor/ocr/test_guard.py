"""Whatever an engine does, the worker gets words or one `EngineFailed`."""

from __future__ import annotations

import pytest

from extractor.ocr.guard import EngineFailed
from extractor.page.render import RenderedPage, encode_png
from extractor.read import ReadPage, read_page
from tests.extractor import pages

FAKES = "tests.extractor.jobs"


def read(name: str, seconds: float = 30) -> ReadPage:
    image = pages.bgr(pages.picture(["word"], size=(300, 200)))
    return read_page(RenderedPage(1, encode_png(image), 300, 200), f"{FAKES}:{name}", seconds=seconds)


def test_a_good_engine_is_heard() -> None:
    page = read("Fake").page
    assert [(w.text, w.confidence) for w in page.words] == [("word", 0.5)]
    assert page.engine == "fake/1"


@pytest.mark.parametrize(
    ("fake", "reason"),
    [
        ("Crashing", "crashed"),
        ("Raising", "raised"),
        ("Hungry", "out_of_memory"),
        ("NotAList", "garbage"),
        ("NotANumber", "garbage"),
        ("OverSure", "garbage"),
        ("OffThePage", "garbage"),
    ],
)
def test_a_bad_engine_is_named_with_its_fault(fake: str, reason: str) -> None:
    with pytest.raises(EngineFailed) as failure:
        read(fake)
    assert failure.value.reason == reason
    assert fake in str(failure.value)
    assert read("Fake").page.words  # and the next page is read


def test_an_engine_that_hangs_is_stopped() -> None:
    read("Fake")
    with pytest.raises(EngineFailed) as failure:
        read("Hanging", seconds=1)
    assert failure.value.reason == "timed_out"


def test_odd_characters_are_cleaned() -> None:
    assert [w.text for w in read("BadText").page.words] == ["a?b"]
