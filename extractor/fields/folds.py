"""Folds of documents for what is learned out of fold: whole groups, as equally large as they allow."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable

from extractor.effort import effort


def folds_of(groups: Iterable[str], seed: int) -> dict[str, int]:
    """The fold of each group: in a keyed order, the largest first, each to the smallest fold."""
    sizes = Counter(groups)
    order = sorted(sizes, key=lambda g: (-sizes[g], zlib.crc32(f"{seed}:{g}".encode()), g))
    filled = [0] * effort().folds
    found = {}
    for group in order:
        found[group] = filled.index(min(filled))
        filled[found[group]] += sizes[group]
    return found
