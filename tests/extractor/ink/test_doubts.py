"""A value that a stamp or a pen has been at goes to people, and says why; others are left as they are, unseen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from extractor.ink import doubts
from extractor.ink.doubts import DOUBTFUL, doubted
from extractor.ink.handwriting import Look
from models.doctype import DocumentType, FieldSpec, Kind
from models.values import Box, Item, Reading, ValueState
from tests.extractor import pages
from tests.extractor.ink.test_handwriting import printed, written

PLAIN = pages.bgr(pages.picture())
HEIGHT, WIDTH = PLAIN.shape[:2]
SPEC = DocumentType(
    name="slip",
    label="Slip",
    description="A slip.",
    fields=[
        FieldSpec(name="name", label="Name", kind=Kind.NAME),
        FieldSpec(name="box", label="Box", kind=Kind.CHECKBOX),
        FieldSpec(name="party", label="Party", kind=Kind.NAME, repeated=True),
    ],
)


def line(n: int) -> Box:
    return Box(78 / WIDTH, (62 + 70 * n) / HEIGHT, 700 / WIDTH, (98 + 70 * n) / HEIGHT)


def stamped() -> NDArray[np.uint8]:
    image = PLAIN.copy()
    cv2.putText(image, "PAID", (150, 330), cv2.FONT_HERSHEY_DUPLEX, 5, (60, 60, 60), 9, cv2.LINE_AA)
    return image


def sure(field: str = "name", box: Box = line(3)) -> Reading:
    return Reading(field, ValueState.FOUND, "v", "v", 0.98, page=1, box=box)


def of(reading: Reading, image: NDArray[np.uint8]) -> Reading:
    return doubted({reading.field: reading}, SPEC, {1}, lambda _: image)[reading.field]


def unseen(_: int) -> NDArray[np.uint8]:
    raise AssertionError("looked at the page")


def test_a_value_under_a_stamp_goes_to_people() -> None:
    assert of(sure(), PLAIN) == sure()
    found = of(sure(), stamped())
    assert found.confidence == DOUBTFUL
    assert found.provenance["overprinted"] > 0


def test_a_value_written_by_hand_goes_to_people() -> None:
    image, box = written("24/05/2021", 1)
    found = of(sure(box=box), image)
    assert found.confidence == DOUBTFUL
    assert found.provenance["written_by_pen"] > 0
    image, box = printed("24/05/2021", "sans")
    assert of(sure(box=box), image) == sure(box=box)


@pytest.mark.parametrize(
    "reading",
    [
        replace(sure(), confidence=DOUBTFUL),
        replace(sure(), page=2),
        replace(sure(), page=None, box=None, state=ValueState.ABSENT, value=None),
        sure("box"),
    ],
    ids=["unsure already", "from a text layer", "absent", "a box to tick"],
)
def test_what_cannot_change_is_not_looked_at(reading: Reading) -> None:
    assert doubted({reading.field: reading}, SPEC, {1}, unseen) == {reading.field: reading}


@pytest.mark.parametrize(
    ("answer", "said"), [(Look(1.234, -3), "written_by_pen"), (Look(-1, 0.5), "overprinted"), (Look(0, 0), None)]
)
def test_either_answer_of_the_network_is_enough(
    answer: Look, said: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Answers:
        def look(self, values: list[object]) -> list[Look]:
            return [answer for _ in values]

    detector: Callable[[], Answers] = Answers
    monkeypatch.setattr(doubts, "detector", detector)
    found = of(sure(), PLAIN)
    assert list(found.provenance) == ([said] if said else [])
    assert found.confidence == (DOUBTFUL if said else 0.98)


def test_one_of_several_values_is_enough() -> None:
    image = stamped()
    items = tuple(Item("v", "v", 0.9, 1, line(n)) for n in (0, 3))
    several = replace(sure("party"), box=line(0), items=items)
    assert of(several, PLAIN).confidence == 0.98
    assert of(several, image).confidence == DOUBTFUL
    assert of(replace(several, items=items[:1]), image).confidence == 0.98
