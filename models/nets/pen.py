"""The network that says of a line of a value whether a pen wrote it, or strokes run over it: 29,000 weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 8
CHANNELS = (8, 16, 32, 48)
KERNELS: tuple[tuple[int, int], ...] = ((3, 3), (3, 3), (3, 3), (5, 3))
PADDINGS: tuple[tuple[int, int], ...] = ((1, 1), (1, 1), (1, 1), (0, 1))
STRIDES = (2, 2, 2, 1)
TOGETHER = 16  # strips of nearly one width that are looked at together

Strip = NDArray[np.float32]


class PenNet(nn.Module):
    """Four small convolutions; of what they find along the line, the mean and the most. As it is trained."""

    def __init__(self) -> None:
        super().__init__()
        before = (1, *CHANNELS)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before[k], CHANNELS[k], KERNELS[k], STRIDES[k], PADDINGS[k], bias=False) for k in range(4)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(wide) for wide in CHANNELS)
        self.drop = nn.Dropout(0.2)
        self.answer = nn.Linear(2 * CHANNELS[-1], 2)

    def forward(self, strips: Tensor, widths: Tensor) -> Tensor:
        """Logits [n, 2], pen and foreign, of `strips` [n, 1, 40, w], each `widths` columns wide, zero beyond."""
        found = strips
        for k, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            found = _kept(functional.relu(norm(convolution(found))), widths, k)
        answers: Tensor = self.answer(self.drop(_pooled(found, widths)))
        return answers

    def fused(self) -> dict[str, NDArray[Any]]:
        """What `PenReader` reads: each norm worked into its convolution, in half precision."""
        tensors = {"answer/weight": self.answer.weight, "answer/bias": self.answer.bias}
        for k, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            assert isinstance(norm, nn.BatchNorm2d)
            assert norm.running_mean is not None
            assert norm.running_var is not None
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            weight = convolution.weight
            assert isinstance(weight, Tensor)
            tensors[f"{k}/weight"] = weight * scale[:, None, None, None]
            tensors[f"{k}/bias"] = norm.bias - norm.running_mean * scale
        return {name: tensor.detach().numpy().astype(np.float16) for name, tensor in tensors.items()}


class PenReader:
    """The trained network, for looking only."""

    def __init__(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        self._tensors = {name: torch.from_numpy(array.astype(np.float32)) for name, array in tensors.items()}

    def logits(self, strips: Sequence[Strip]) -> NDArray[np.float32]:
        """[n, 2]: how much speaks for a pen, and for foreign strokes over the line."""
        answers = np.zeros((len(strips), 2), np.float32)
        order = sorted(range(len(strips)), key=lambda k: strips[k].shape[1])
        for start in range(0, len(order), TOGETHER):
            some = order[start : start + TOGETHER]
            with torch.inference_mode():
                answers[some] = self._look(*collate([strips[k] for k in some])).numpy()
        return answers

    def _look(self, found: Tensor, widths: Tensor) -> Tensor:
        own = self._tensors
        for k in range(4):
            found = functional.conv2d(found, own[f"{k}/weight"], own[f"{k}/bias"], STRIDES[k], PADDINGS[k])
            found = _kept(functional.relu(found), widths, k)
        return functional.linear(_pooled(found, widths), own["answer/weight"], own["answer/bias"])


def collate(strips: Sequence[Strip]) -> tuple[Tensor, Tensor]:
    """Strips [h, w] of different width as one batch, and their widths."""
    widths = [strip.shape[1] for strip in strips]
    batch = np.zeros((len(strips), 1, strips[0].shape[0], -(-max(widths) // STRIDE) * STRIDE), np.float32)
    for row, strip in zip(batch, strips, strict=True):
        row[0, :, : strip.shape[1]] = strip
    return torch.from_numpy(batch), torch.tensor(widths)


def _kept(found: Tensor, widths: Tensor, layer: int) -> Tensor:
    """`found` [n, c, h, w] by a layer, nothing beyond each strip: an answer does not depend on its batch."""
    columns = torch.arange(found.shape[3])
    return found * (columns < _columns(widths, layer)[:, None])[:, None, None]


def _columns(widths: Tensor, layer: int) -> Tensor:
    step = math.prod(STRIDES[: layer + 1])
    return (widths + step - 1) // step


def _pooled(found: Tensor, widths: Tensor) -> Tensor:
    """[n, 2c]: mean and most along the columns of each strip, of `found` [n, c, 1, w / STRIDE], nowhere below 0."""
    along = found[:, :, 0]
    return torch.cat([along.sum(2) / _columns(widths, 3)[:, None], along.amax(2)], 1)
