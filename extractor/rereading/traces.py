"""What the recogniser saw along a line: the likely symbols of each step, packed small enough to be kept with the words.

With it a line is decoded anew without reading it anew. A line that the recogniser was sure of has no trace: nothing
could change it. Steps of a connectionist recogniser (CTC): a blank parts equal neighbours, equal neighbours are one.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

BLANK = ""
SURE = 0.98  # least probability of the likeliest symbol of every step for a line without a trace
CERTAIN = 0.995  # of a step that is kept as its symbol alone
CHOICES = 5  # symbols kept of a step
LEAST = -7.0  # log-probability of the least likely one that is kept
GRAIN = 8.0  # log-probabilities are kept in eighths

Step = list[tuple[str, float]]  # symbol and log-probability, the likeliest first
Packed = list[object]  # JSON: a symbol for a step that is certain, else symbols and -8 log p in turn


def trace_of(log_probabilities: NDArray[np.float32], symbols: Sequence[str]) -> Packed | None:
    """The trace of a line from [steps, symbols]; None where every step is sure, or no letter is likely anywhere."""
    best = log_probabilities.argmax(axis=1)
    top = log_probabilities[np.arange(len(best)), best]
    if not len(best) or top.min() >= np.log(SURE) or not any(symbols[k].isalpha() for k in set(best.tolist())):
        return None
    packed: Packed = []
    for row, k, sure in zip(log_probabilities, best.tolist(), (top >= np.log(CERTAIN)).tolist(), strict=True):
        item = symbols[k] if sure else _choices(row, symbols)
        if not (isinstance(item, str) and packed and packed[-1] == item):
            packed.append(item)
    return packed


def _choices(row: NDArray[np.float32], symbols: Sequence[str]) -> list[object]:
    likely = np.argpartition(-row, CHOICES)[:CHOICES] if len(row) > CHOICES else np.arange(len(row))
    kept = sorted((k for k in likely.tolist() if row[k] >= LEAST), key=lambda k: -float(row[k]))
    return [part for k in kept for part in (symbols[k], round(-float(row[k]) * GRAIN))]


def steps_of(packed: Iterable[object]) -> list[Step]:
    """The steps of a trace. Raises TypeError or ValueError for what `trace_of` did not make."""
    steps: list[Step] = []
    for item in packed:
        if isinstance(item, str):
            steps.append([(item, 0.0)])
        elif isinstance(item, list):
            steps.append([(str(s), -float(q) / GRAIN) for s, q in zip(item[::2], item[1::2], strict=True)])
        else:
            raise TypeError(f"a step of a trace is text or a list, not {item!r:.40}")
    return steps


Line = tuple[tuple[int, ...], Packed]  # indexes of the line's words on its page, and its trace


def pack(lines: Sequence[Line]) -> str:
    """The traces of a page as text; empty if there are none."""
    if not lines:
        return ""
    content = json.dumps([[list(words), packed] for words, packed in lines], ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(content.encode(), 6)).decode()


def unpack(text: str) -> list[Line]:
    """The inverse of `pack`. Raises ValueError for anything else."""
    if not text:
        return []
    try:
        content = json.loads(zlib.decompress(base64.b64decode(text, validate=True)))
    except zlib.error as error:
        raise ValueError(f"damaged traces: {error}") from error
    return [(tuple(int(w) for w in words), list(packed)) for words, packed in content]
