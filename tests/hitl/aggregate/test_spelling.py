"""Which spelling of equal answers is kept: a person's before the machine's, whoever answered first."""

from __future__ import annotations

import doctest
import itertools

import pytest

from hitl.aggregate import Source, Vote, spelling
from hitl.aggregate.spelling import best_spelling


def machine(value: object) -> tuple[Vote, object]:
    return Vote("machine", "=T", 0.995, Source.MACHINE), value


def typed(value: object, skill: float = 0.97, who: str = "ann") -> tuple[Vote, object]:
    return Vote(who, "=T", skill), value


def taken(value: object) -> tuple[Vote, object]:
    return Vote("eve", "=T", 0.999, Source.SHOWN, "=T"), value


@pytest.mark.parametrize(
    ("answers", "kept"),
    [
        ([machine("JalanPelabur")], "JalanPelabur"),
        ([machine("JalanPelabur"), typed("JALAN PELABUR", 0.6)], "JALAN PELABUR"),
        ([machine("JalanPelabur"), taken("JALANPELABUR")], "JALANPELABUR"),
        ([taken("JALANPELABUR"), typed("JALAN PELABUR", 0.6)], "JALAN PELABUR"),
        ([typed("A B", 0.9, "ann"), typed("A B", 0.9, "ben"), typed("A-B", 0.99, "cy")], "A B"),
        ([typed("A B", 0.9, "ann"), typed("A-B", 0.99, "cy")], "A-B"),
        ([typed("A B", 0.9, "ann"), typed("A-B", 0.9, "cy")], "A B"),
        ([machine(["AB", "C"]), typed(["A B", "C"])], ["A B", "C"]),
        ([machine(None), typed(None)], None),
    ],
)
def test_the_spelling_kept_does_not_depend_on_the_order(answers: list[tuple[Vote, object]], kept: object):
    for ordered in itertools.permutations(answers):
        assert ordered[best_spelling(ordered)][1] == kept


def test_the_example_runs():
    assert doctest.testmod(spelling).failed == 0
