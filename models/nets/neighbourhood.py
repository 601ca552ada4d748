"""The neighbourhood network: it scores every candidate of a document for every field, from the words around it.

A candidate sees its own words, numbers about its place, and the words in its neighbourhood slots, each with its offset;
attention from the candidate picks the slots that matter (Majumder et al. 2020, "Representation Learning for Information
Extraction from Form-like Documents"). The answer is a softmax over all candidates of the document and "absent".
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

NEVER = -1e4


@dataclass(frozen=True)
class Settings:
    """Sizes of the network and of its training. Saved beside the weights."""

    fields: int
    kinds: int
    numbers: int
    slots: int
    grams: int = 8192  # hash buckets of character n-grams
    width: int = 48
    dropout: float = 0.15
    word_dropout: float = 0.05
    learning_rate: float = 2.5e-3
    weight_decay: float = 0.03
    batch: int = 4  # documents a step
    negatives: int = 48  # candidates of one kind drawn a step, besides the right ones

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Example:
    """One document as arrays. C candidates of all kinds, W tokens; slot index -1 means no token there."""

    grams: NDArray[np.int64]  # n-gram buckets of all tokens, one after the other
    gram_starts: NDArray[np.int64]  # [W]
    boxes: NDArray[np.float32]  # [W, 4]
    slots: NDArray[np.int32]  # [C, slots]
    tokens: NDArray[np.int64]  # tokens of all candidates, one after the other
    starts: NDArray[np.int64]  # [C]
    kinds: NDArray[np.int64]  # [C]
    numbers: NDArray[np.float32]  # [C, numbers], standardised
    targets: tuple[Target, ...] = ()
    stands_for: NDArray[np.float32] | None = None  # [C] log of how many candidates each drawn one stands for


@dataclass(frozen=True, eq=False)
class Target:
    """What is right for one field: any of `candidates`; none of them means the value is absent."""

    field: int
    candidates: NDArray[np.int64]
    weight: float


@dataclass(frozen=True)
class Batch:
    """Documents side by side: tokens and candidates concatenated, candidates also padded to [B, most]."""

    grams: Tensor
    gram_starts: Tensor
    boxes: Tensor
    slots: Tensor  # [slots, C], indexes into the tokens of the batch, the last for none; this way round it is quicker
    tokens: Tensor
    starts: Tensor
    kinds: Tensor
    numbers: Tensor
    stands_for: Tensor
    place: Tensor  # [C] flat index into [B * most]
    shape: tuple[int, int]  # B, most


class Drop(nn.Module):
    """Dropout with a random byte for each number, in less than half the time of torch's own."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.dropped = round(256 * share)  # of 256

    def forward(self, numbers: Tensor) -> Tensor:
        if not self.training or not self.dropped:
            return numbers
        eights = torch.empty(numbers.numel() // 8 + 1, dtype=torch.int64).random_(-(2**63), None)
        kept = eights.view(torch.uint8)[: numbers.numel()].view(numbers.shape) >= self.dropped
        return numbers * (kept * (256 / (256 - self.dropped)))


class Neighbourhood(nn.Module):
    """Logits [B, most + 1, fields]; the last candidate is "absent"; impossible ones are at `NEVER`."""

    def __init__(self, settings: Settings, kind_of_field: NDArray[np.int64]) -> None:
        super().__init__()
        width = settings.width
        self.settings = settings
        self.grams = nn.EmbeddingBag(settings.grams, width, mode="mean")
        nn.init.normal_(self.grams.weight, std=0.6)
        self.nothing = nn.Parameter(torch.zeros(1, width))
        self.slot = nn.Parameter(torch.randn(settings.slots, width) * 0.2)
        self.word = nn.Linear(width, width)
        self.offset = nn.Linear(6, width)
        self.query = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.own = nn.Linear(width, width)
        self.kind = nn.Embedding(settings.kinds, width)
        self.numbers = nn.Sequential(nn.Linear(settings.numbers, width), nn.ReLU(), nn.Linear(width, width))
        self.drop = Drop(settings.dropout)
        self.head = nn.Sequential(
            nn.Linear(5 * width, 2 * width),
            nn.ReLU(),
            Drop(settings.dropout),
            nn.Linear(2 * width, settings.fields),
        )
        self.absent = nn.Parameter(torch.zeros(settings.fields))
        self.kind_of_field: Tensor
        self.register_buffer("kind_of_field", torch.as_tensor(kind_of_field))

    def forward(self, batch: Batch) -> Tensor:
        known = self.grams(batch.grams, batch.gram_starts) * 3
        if self.training:  # some words go missing, as they do when an engine misreads them
            known = known * (torch.rand(len(known), 1) > self.settings.word_dropout)
        words = torch.cat([known, self.nothing])  # [W + 1, width]
        around = functional.embedding(batch.slots, self.word(self.drop(words)))  # [slots, C, width]
        around = functional.relu(around + self.slot[:, None] + self.offset(_offsets(batch)))
        own = functional.embedding_bag(batch.tokens, words, batch.starts, mode="mean")
        own = self.own(own) + self.kind(batch.kinds)  # [C, width]
        numbers = self.numbers(self.drop(batch.numbers))
        query = self.query(own + numbers)
        weight = torch.softmax((around * query).sum(2) / 8, 0)  # [slots, C]
        seen = self.value((weight[:, :, None] * around).sum(0))
        scores = self.head(torch.cat([own, numbers, seen, around.amax(0), around.mean(0)], 1))  # [C, fields]
        scores = scores + batch.stands_for[:, None]
        scores = scores.masked_fill(batch.kinds[:, None] != self.kind_of_field[None], NEVER)
        count, most = batch.shape
        padded = scores.new_full((count * most, scores.shape[1]), NEVER).index_copy(0, batch.place, scores)
        absent = self.absent.expand(count, 1, -1)
        return torch.cat([padded.view(count, most, -1), absent], 1)


def _offsets(batch: Batch) -> Tensor:
    """Where each slot's token lies from the candidate's corners: [slots, C, 6]; zero where there is none."""
    nowhere = torch.zeros(1, 4)
    box = torch.cat([batch.boxes, nowhere])
    lengths = torch.diff(batch.starts, append=torch.tensor([len(batch.tokens)]))
    owner = torch.repeat_interleave(torch.arange(len(batch.starts)), lengths)
    mine = box[batch.tokens]
    low = torch.full((len(batch.starts), 4), 9.0).scatter_reduce(0, owner[:, None].expand(-1, 4), mine, "amin")
    high = torch.full((len(batch.starts), 4), -9.0).scatter_reduce(0, owner[:, None].expand(-1, 4), mine, "amax")
    there = functional.embedding(batch.slots, box)  # [slots, C, 4]
    x0, y0, x1, y1 = low[:, 0], low[:, 1], high[:, 2], high[:, 3]
    exists = (batch.slots < len(batch.boxes)).float()
    parts = (
        there[..., 0] - x0,
        there[..., 2] - x0,
        there[..., 0] - x1,
        2 * (there[..., 1] - y0),
        2 * (there[..., 3] - y1),
        exists,
    )
    return torch.stack(parts, -1).clamp(-1, 1) * 3 * exists[..., None]


def collate(examples: list[Example]) -> Batch:
    """Documents side by side; every one has at least one token and one candidate."""
    tokens_before = np.cumsum([0] + [len(e.gram_starts) for e in examples])
    grams_before = np.cumsum([0] + [len(e.grams) for e in examples])
    own_before = np.cumsum([0] + [len(e.tokens) for e in examples])
    most = max(len(e.kinds) for e in examples)
    nothing = int(tokens_before[-1])

    def joined(arrays: list[NDArray[Any]]) -> Tensor:
        return torch.from_numpy(np.concatenate(arrays))

    pairs = list(enumerate(examples))
    slots = [np.where(e.slots >= 0, e.slots + tokens_before[i], nothing).astype(np.int64) for i, e in pairs]
    return Batch(
        grams=joined([e.grams for e in examples]),
        gram_starts=joined([e.gram_starts + grams_before[i] for i, e in pairs]),
        boxes=joined([e.boxes for e in examples]),
        slots=joined(slots).t().contiguous(),
        tokens=joined([e.tokens + tokens_before[i] for i, e in pairs]),
        starts=joined([e.starts + own_before[i] for i, e in pairs]),
        kinds=joined([e.kinds for e in examples]),
        numbers=joined([e.numbers for e in examples]),
        stands_for=joined(
            [np.zeros(len(e.kinds), np.float32) if e.stands_for is None else e.stands_for for e in examples]
        ),
        place=joined([np.arange(len(e.kinds)) + i * most for i, e in pairs]),
        shape=(len(examples), most),
    )


def loss_of(logits: Tensor, examples: list[Example]) -> Tensor:
    """Minus the log of the probability that falls on the right candidates together, weighted, per document."""
    absent = logits.shape[1] - 1
    total = torch.logsumexp(logits, 1)  # [B, fields]
    targets = [(number, target) for number, e in enumerate(examples) for target in e.targets]
    longest = max(max(len(t.candidates), 1) for _, t in targets)
    index = torch.full((len(targets), longest), -1)
    for row, (_, target) in enumerate(targets):
        right = torch.from_numpy(target.candidates) if len(target.candidates) else torch.tensor([absent])
        index[row, : len(right)] = right
    document = torch.tensor([number for number, _ in targets])
    field = torch.tensor([target.field for _, target in targets])
    picked = logits[document[:, None], index.clamp(min=0), field[:, None]].masked_fill(index < 0, NEVER)
    weight = torch.tensor([target.weight for _, target in targets], dtype=torch.float32)
    losses = total[document, field] - torch.logsumexp(picked, 1)
    return (losses * weight).sum() / (len(examples) * logits.shape[2])
