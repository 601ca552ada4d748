"""Our ADWIN beside that of the library river, value by value; and a window that was stored and taken up again."""

from __future__ import annotations

import json
import random

import pytest
from river.drift import ADWIN

from hitl.certificate.adwin import Window


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("then", [0.02, 0.1, 0.5])
def test_it_is_the_library_s_value_by_value(seed: int, then: float) -> None:
    rng, theirs, ours, rang = random.Random(seed), ADWIN(), Window(), 0
    for i in range(1_500):
        value = float(rng.random() < (0.02 if i < 800 else then))
        theirs.update(value)
        has_changed = ours.update(value)
        assert (theirs.drift_detected, theirs.width) == (has_changed, ours.width)
        assert theirs.estimation == pytest.approx(ours.mean, abs=1e-12)
        if has_changed:  # the library begins anew after a change
            rang, ours = rang + 1, Window()
    assert rang or then < 0.5


def test_a_stored_window_goes_on_as_if_nothing_had_been() -> None:
    rng, whole, parted = random.Random(3), Window(), Window()
    for i in range(700):
        value = float(rng.random() < 0.2)
        assert whole.update(value) == parted.update(value)
        if i % 50 == 0:
            parted = Window(**json.loads(json.dumps(parted.state())))
    assert parted == whole
