"""The neighbourhood network learns which candidate stands beside the right word; drawn negatives stand for the rest."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.nets.neighbourhood import Drop, Example, Neighbourhood, Settings, Target, collate, loss_of
from models.nets.training import log_probabilities, sample, train

SETTINGS = Settings(fields=1, kinds=1, numbers=2, slots=1, grams=64, width=16, batch=2, negatives=3)
ONE_KIND = np.zeros(1, np.int64)


def _example(right: int, count: int = 6) -> Example:
    """`count` candidates, each with one word to its left; the right one's is word 7."""
    grams = np.array([g for c in range(count) for g in (20 + c, 7 if c == right else 3)], np.int64)
    words = 2 * count
    return Example(
        grams=grams,
        gram_starts=np.arange(words),
        boxes=np.tile(np.array([0.1, 0.1, 0.2, 0.2], np.float32), (words, 1)),
        slots=np.arange(1, words, 2, dtype=np.int32)[:, None],
        tokens=np.arange(0, words, 2),
        starts=np.arange(count),
        kinds=np.zeros(count, np.int64),
        numbers=np.zeros((count, 2), np.float32),
        targets=(Target(0, np.array([right]), 1.0) if right >= 0 else Target(0, np.zeros(0, np.int64), 1.0),),
    )


def test_it_learns_the_word_that_stands_beside_the_value_and_absence() -> None:
    examples = [_example(n % 6) for n in range(12)] + [_example(-1) for _ in range(6)]
    net = train(examples, ONE_KIND, SETTINGS, steps=100, seed=0)
    assert log_probabilities(net, _example(4))[:, 0].argmax() == 4
    assert log_probabilities(net, _example(-1))[:, 0].argmax() == 6


def test_the_same_seed_gives_the_same_weights() -> None:
    examples = [_example(n % 6) for n in range(4)]
    first, second = (train(examples, ONE_KIND, SETTINGS, steps=5, seed=3).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_probabilities_sum_to_one() -> None:
    net = Neighbourhood(SETTINGS, ONE_KIND).eval()
    assert np.isclose(np.exp(log_probabilities(net, _example(2))).sum(), 1, atol=1e-5)


def test_a_document_in_a_batch_scores_as_alone() -> None:
    net = Neighbourhood(SETTINGS, ONE_KIND).eval()
    small, large = _example(1, 4), _example(2, 6)
    together = net(collate([small, large]))
    alone = net(collate([small]))
    assert torch.allclose(together[0, :4], alone[0, :4], atol=1e-5)
    assert torch.allclose(together[0, -1], alone[0, -1])


def test_drawn_negatives_keep_the_right_one_and_stand_for_the_others() -> None:
    drawn = sample(_example(5, 40), np.random.default_rng(0), negatives=3)
    assert len(drawn.kinds) == 4
    right = drawn.targets[0].candidates
    assert drawn.stands_for is not None
    assert drawn.stands_for[right] == 0
    assert np.isclose(np.exp(drawn.stands_for).sum(), 40)


def test_nothing_to_learn_from_gives_an_untrained_network() -> None:
    assert not train([], ONE_KIND, SETTINGS, steps=5, seed=0).training


def test_several_right_candidates_share_the_probability() -> None:
    example = _example(1)
    both = Example(**{**vars(example), "targets": (Target(0, np.array([1, 2]), 1.0),)})
    net = Neighbourhood(SETTINGS, ONE_KIND).eval()
    logits = net(collate([example]))
    assert loss_of(logits, [both]) < loss_of(logits, [example])


def test_words_that_no_drawn_candidate_sees_are_left_out_and_nothing_else_changes() -> None:
    example = _example(5, 40)
    drawn = sample(example, np.random.default_rng(0), negatives=3)
    assert len(drawn.gram_starts) == len(drawn.grams) == len(drawn.boxes) == 2 * len(drawn.kinds)
    kept = [int(np.flatnonzero(example.grams == g)[0]) // 2 for g in drawn.grams[drawn.tokens]]
    net = Neighbourhood(SETTINGS, ONE_KIND).eval()
    whole, part = log_odds(net, example)[kept], log_odds(net, drawn)
    assert drawn.stands_for is not None
    assert np.allclose(part - drawn.stands_for, whole, atol=1e-5)


def log_odds(net: Neighbourhood, example: Example) -> np.ndarray:
    """Of every candidate against "absent"."""
    found = log_probabilities(net, example)[:, 0]
    return np.asarray(found[:-1] - found[-1])


@pytest.mark.parametrize("shape", [(1,), (3, 5), (400, 48)])
def test_dropout_keeps_the_mean_and_is_off_when_the_network_reads(shape: tuple[int, ...]) -> None:
    torch.manual_seed(1)
    drop, ones = Drop(0.15), torch.ones(shape)
    found = torch.stack([drop(ones) for _ in range(200)])
    kept = 1 - 38 / 256
    assert set(found.unique().tolist()) <= {0.0, torch.tensor(1 / kept).item()}
    assert abs((found > 0).float().mean().item() - kept) < 4 * (kept * (1 - kept) / found.numel()) ** 0.5
    assert torch.equal(drop.eval()(ones), ones)
