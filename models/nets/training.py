"""The training loop of the neighbourhood network, and its reading of one document. A seed in, the same weights out."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from models.nets.neighbourhood import Example, Neighbourhood, Settings, Target, collate, loss_of

WARM_UP = 50
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # of glibc's mallopt
MOST = 2**31 - 1


@contextmanager
def kept_memory() -> Iterator[None]:
    """Memory that is freed inside stays with the process: each step asks for the same megabytes again.

    Elsewhere than with glibc nothing is done. It saves a tenth of a step.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc is None or not hasattr(libc, "malloc_trim"):
        yield
        return
    libc.mallopt(MMAP_THRESHOLD, 32 << 20)  # the most that glibc takes, and where its own adjusting ends
    libc.mallopt(TRIM_THRESHOLD, MOST)
    try:
        yield
    finally:
        libc.mallopt(TRIM_THRESHOLD, 64 << 20)
        libc.malloc_trim(0)


def train(
    examples: Sequence[Example],
    kind_of_field: NDArray[np.int64],
    settings: Settings,
    steps: int,
    seed: int,
    progress: Callable[[float], None] = lambda _share: None,
) -> Neighbourhood:
    """A network that has seen `steps` batches of `examples`; those without candidates or targets are passed over."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = Neighbourhood(settings, kind_of_field)
    usable = [e for e in examples if len(e.kinds) and e.targets]
    if not usable:
        return net.eval()
    optimiser = torch.optim.AdamW(
        net.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )
    net.train()
    with kept_memory():
        _run(net, usable, optimiser, settings, steps, rng, progress)
    return net.eval()


def _run(
    net: Neighbourhood,
    usable: Sequence[Example],
    optimiser: torch.optim.Optimizer,
    settings: Settings,
    steps: int,
    rng: np.random.Generator,
    progress: Callable[[float], None],
) -> None:
    order: list[int] = []
    for step in range(steps):
        if len(order) < settings.batch:
            order = [*order, *rng.permutation(len(usable)).tolist()]
        drawn = [sample(usable[order.pop(0)], rng, settings.negatives) for _ in range(min(settings.batch, len(usable)))]
        rate = settings.learning_rate * min(1.0, (step + 1) / WARM_UP) * (1 - step / steps) + 1e-5
        for group in optimiser.param_groups:
            group["lr"] = rate
        loss = loss_of(net(collate(drawn)), drawn)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.step()
        progress((step + 1) / steps)


def sample(example: Example, rng: np.random.Generator, negatives: int) -> Example:
    """The right candidates of `example` and at most `negatives` others of each kind.

    A drawn one stands for all that were not: its logit is raised by the log of their number (sampled softmax), so that
    the trained probabilities hold for the whole document.
    """
    keep = np.zeros(len(example.kinds), bool)
    for target in example.targets:
        keep[target.candidates] = True
    stands_for = np.zeros(len(example.kinds), np.float32)
    for kind in np.unique(example.kinds):
        wrong = np.flatnonzero((example.kinds == kind) & ~keep)
        drawn = wrong if len(wrong) <= negatives else rng.choice(wrong, negatives, replace=False)
        stands_for[drawn] = np.log(max(len(wrong), 1) / max(len(drawn), 1))
        keep[drawn] = True
    if keep.all():
        return example
    kept = np.flatnonzero(keep)
    new_index = np.cumsum(keep) - 1
    lengths = np.diff(np.append(example.starts, len(example.tokens)))
    smaller = replace(
        example,
        slots=example.slots[kept],
        tokens=example.tokens[np.repeat(keep, lengths)],
        starts=np.cumsum(lengths[kept]) - lengths[kept],
        kinds=example.kinds[kept],
        numbers=example.numbers[kept],
        stands_for=stands_for[kept],
        targets=tuple(Target(t.field, new_index[t.candidates], t.weight) for t in example.targets),
    )
    return _without_unseen(smaller)


def _without_unseen(example: Example) -> Example:
    """The same without the tokens that none of its candidates sees: of a long document most."""
    seen = np.zeros(len(example.gram_starts), bool)
    seen[example.tokens] = True
    seen[example.slots[example.slots >= 0]] = True
    new_index = (np.cumsum(seen) - 1).astype(np.int32)
    lengths = np.diff(np.append(example.gram_starts, len(example.grams)))
    return replace(
        example,
        grams=example.grams[np.repeat(seen, lengths)],
        gram_starts=np.cumsum(lengths[seen]) - lengths[seen],
        boxes=example.boxes[seen],
        slots=np.where(example.slots >= 0, new_index[example.slots], -1).astype(np.int32),
        tokens=new_index[example.tokens].astype(np.int64),
    )


def log_probabilities(net: Neighbourhood, example: Example) -> NDArray[np.float32]:
    """[C + 1, fields]: log P(candidate) for each field; the last row is "absent"."""
    if not len(example.kinds):
        return np.zeros((1, net.settings.fields), np.float32)
    with torch.inference_mode():
        logits = net(collate([example]))[0]
        found: NDArray[np.float32] = torch.log_softmax(logits, 0).numpy()
    return found
