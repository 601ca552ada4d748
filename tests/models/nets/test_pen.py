"""The pen network answers alike however it is packed, and learns what it is shown."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional

from extractor.ink.handwriting import HEIGHT
from models.nets.pen import STRIDE, PenNet, PenReader, collate


def strips(*widths: int, seed: int = 1) -> list[NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    return [rng.random((HEIGHT, width), np.float32) for width in widths]


@pytest.fixture
def net() -> PenNet:
    torch.manual_seed(1)
    net = PenNet()
    net.train()
    for _ in range(3):
        net(*collate(strips(64, 80, 72, 40)))  # so that the norms know something
    return net.eval()


def test_packed_for_reading_it_answers_as_it_was_trained(net: PenNet) -> None:
    some = strips(24, 200, 64)
    with torch.inference_mode():
        trained = np.concatenate([net(*collate([strip])).numpy() for strip in some])
    assert PenReader(net.fused()).logits(some) == pytest.approx(trained, abs=2e-2)


def test_an_answer_does_not_depend_on_what_else_is_asked(net: PenNet) -> None:
    reader, some = PenReader(net.fused()), strips(*range(16, 16 + 16 * STRIDE, STRIDE))
    alone = np.concatenate([reader.logits([strip]) for strip in some])
    assert reader.logits(some) == pytest.approx(alone, abs=1e-4)
    assert reader.logits([]).shape == (0, 2)


def test_it_learns_what_it_is_shown() -> None:
    torch.manual_seed(2)
    net = PenNet()
    optimiser = torch.optim.AdamW(net.parameters(), lr=3e-3)
    rng = np.random.default_rng(2)

    def shown(count: int) -> tuple[list[NDArray[np.float32]], torch.Tensor]:
        kinds = rng.integers(0, 2, count)
        lines = [np.zeros((HEIGHT, 48), np.float32) for _ in kinds]
        for line, kind in zip(lines, kinds, strict=True):
            start = rng.integers(4, 20)
            line[start if kind else slice(None), slice(None) if kind else start] = 1  # a stroke along, or one across
        return lines, torch.tensor(np.stack([kinds, 1 - kinds], 1), dtype=torch.float32)

    for _ in range(60):
        lines, wanted = shown(16)
        loss = functional.binary_cross_entropy_with_logits(net(*collate(lines)), wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    lines, wanted = shown(32)
    assert ((PenReader(net.eval().fused()).logits(lines) > 0) == (wanted.numpy() > 0)).mean() > 0.9
