"""The table of moves: each life has its own, although different lives use the same words."""

from __future__ import annotations

import pytest

from models.states import MOVES, ReviewState, TaskState


@pytest.mark.parametrize("life", list(MOVES))
def test_every_state_is_in_the_table_of_its_own_life(life):
    assert set(MOVES[life]) == set(life)
    assert all(isinstance(to, life) for moves in MOVES[life].values() for to in moves)


def test_words_shared_between_lives_do_not_share_moves():
    assert TaskState.ANSWERED in MOVES[TaskState][TaskState.LEASED]
    assert TaskState.ANSWERED not in MOVES[ReviewState][ReviewState.LEASED]
