"""Among boxes in the same state, the labelled documents agree on the one beside the right words."""

from __future__ import annotations

import random

import pytest

from extractor.fields.labels import Goal, Label, goal_of
from extractor.fields.scoring.features import Scene, make_scene
from extractor.fields.tickgoals import settle
from models.doctype import DocumentType, FieldSpec, Kind
from models.values import Box, Page, ValueState, Word

ASKED = {"news": "Newsletter wanted", "rules": "Rules accepted", "pupil": "Is a pupil", "loan": "Loan taken"}
SPEC = DocumentType(
    name="form", label="Form", fields=tuple(FieldSpec(name=name, kind=Kind.CHECKBOX) for name in ("news", "rules"))
)


def filled(rng: random.Random) -> tuple[Scene, dict[str, bool], list[str]]:
    """A form whose rows come in any order: box, then label. Its scene, its truth, and the field of each row."""
    order = rng.sample(list(ASKED), len(ASKED))
    truth = {name: rng.random() < 0.5 for name in ASKED}
    words = []
    for row, name in enumerate(order):
        top = 0.1 + 0.05 * row
        words.append(Word("☒" if truth[name] else "☐", Box(0.1, top, 0.12, top + 0.02), 0.99, row, 2 * row))
        for n, text in enumerate(ASKED[name].split()):
            left = 0.15 + 0.15 * n
            words.append(Word(text, Box(left, top, left + 0.1, top + 0.02), 0.99, row, 2 * row + 1))
    return make_scene([Page(1, 800, 1000, tuple(words), "fake/1")], SPEC), truth, order


def goals_for(scene: Scene, truth: dict[str, bool]) -> dict[str, Goal]:
    labels = {name: Label(ValueState.FOUND, str(truth[name]).lower()) for name in ("news", "rules")}
    found = {name: goal_of(label, scene, SPEC.field(name), SPEC) for name, label in labels.items()}
    return {name: goal for name, goal in found.items() if goal}


def test_every_answer_is_borne_by_the_box_beside_its_words() -> None:
    rng = random.Random(5)
    forms = [filled(rng) for _ in range(16)]
    goals = [goals_for(scene, truth) for scene, truth, _ in forms]
    assert any(len(goal.candidates[0]) > 1 for own in goals for goal in own.values())
    for (scene, _, order), own in zip(forms, settle([f[0] for f in forms], goals, SPEC), strict=True):
        for name, goal in own.items():
            (box,) = goal.candidates[0].tolist()
            line = scene.layout.line[scene.tables[Kind.CHECKBOX].spans[box].tokens[0]]
            assert order[line] == name


@pytest.mark.parametrize("state", [ValueState.ABSENT, ValueState.FOUND])
def test_what_no_box_bears_stays_as_it_is(state: ValueState) -> None:
    scene = make_scene([Page(1, 800, 1000, (), "fake/1")], SPEC)
    goal = goal_of(Label(state, "true" if state is ValueState.FOUND else None), scene, SPEC.field("news"), SPEC)
    assert goal is not None
    assert settle([scene], [{"news": goal}], SPEC) == [{"news": goal}]
