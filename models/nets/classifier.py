"""The network that tells document types apart: hashed words and layout in, one independent logit a type out.

One-vs-rest sigmoids rather than a softmax, so that a document may be unlike all of the types.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

Floats = NDArray[np.float32]

STRANGER_WEIGHT = 0.5  # of a document of no type, where one of a type weighs 1 on average


@dataclass(frozen=True)
class ClassifierSettings:
    """Saved with the weights; a network can be rebuilt from them."""

    words: int  # buckets of the hashed words
    layout: int  # numbers that describe the page
    types: int
    hidden: int = 24
    steps: int = 60
    learning_rate: float = 0.03
    weight_decay: float = 0.01
    word_dropout: float = 0.3  # OCR loses words; the network must not hang on one

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Batch:
    """Documents as arrays: their weighted buckets one after another, where each starts, and their layouts."""

    buckets: NDArray[np.int64]
    values: Floats  # as many as buckets
    starts: NDArray[np.int64]  # (documents,)
    layout: Floats  # (documents, numbers)


class TypeNetwork(nn.Module):
    """Weighted buckets (a bag a document) and layout (documents, numbers) -> logits (documents, types)."""

    def __init__(self, settings: ClassifierSettings) -> None:
        super().__init__()
        self.settings = settings
        self.words = nn.EmbeddingBag(settings.words, settings.hidden, mode="sum")
        self.layout = nn.Linear(settings.layout, settings.hidden)
        self.out = nn.Linear(settings.hidden, settings.types)
        nn.init.normal_(self.words.weight, std=0.02)

    def forward(self, buckets: Tensor, values: Tensor, starts: Tensor, layout: Tensor) -> Tensor:
        words = self.words(buckets, starts, per_sample_weights=values)  # (documents, hidden)
        hidden: Tensor = torch.relu(words + self.layout(layout))
        logits: Tensor = self.out(hidden)  # (documents, types)
        return logits


def train(batch: Batch, labels: NDArray[np.int64], settings: ClassifierSettings, seed: int) -> TypeNetwork:
    """Fit on the whole set at once (a few hundred documents); every type weighs the same.

    A label of -1 says "none of the types".
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = TypeNetwork(settings).train()
        buckets, values, starts, layout = _tensors(batch)
        target = functional.one_hot(torch.from_numpy(labels + 1), settings.types + 1)[:, 1:].float()
        weight = _balanced(labels, settings.types)
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        for _ in range(settings.steps):
            kept = functional.dropout(values, settings.word_dropout)
            logits = network(buckets, kept, starts, layout)
            loss = functional.binary_cross_entropy_with_logits(logits, target, weight=weight)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    return network.eval()


def logits_of(network: TypeNetwork, batch: Batch) -> Floats:
    """(documents, types), without gradients."""
    with torch.no_grad():
        result: Floats = network(*_tensors(batch)).numpy()
    return result


def _tensors(batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    arrays = (batch.buckets, batch.values, batch.starts, batch.layout)
    buckets, values, starts, layout = (torch.from_numpy(array) for array in arrays)
    return buckets, values, starts, layout


def to_tensors(network: TypeNetwork) -> dict[str, NDArray[Any]]:
    """The weights in half precision, which is plenty here."""
    return {name: value.detach().numpy().astype(np.float16) for name, value in network.state_dict().items()}


def from_tensors(tensors: dict[str, NDArray[Any]], settings: ClassifierSettings) -> TypeNetwork:
    network = TypeNetwork(settings)
    network.load_state_dict({name: torch.from_numpy(value.astype(np.float32)) for name, value in tensors.items()})
    return network.eval()


def _balanced(labels: NDArray[np.int64], types: int) -> Tensor:
    known = labels >= 0
    counts = np.bincount(labels[known], minlength=types).clip(min=1)
    weight = np.where(known, known.sum() / (types * counts[labels]), STRANGER_WEIGHT)
    return torch.from_numpy(weight.astype(np.float32))[:, None]  # (documents, 1)
