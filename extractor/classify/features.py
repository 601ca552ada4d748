"""What the type classifier sees of a document: hashed words and word pairs, and numbers about the layout. No text."""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from math import log1p
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.values import Page

BUCKETS = 4096
WORD_BUCKETS = 8192  # single words have a space of their own, in which a word never seen stays one
OPENING = 60  # words with which a document begins: its title and its first labels
FIRST_PAGES = 2
WORDS_A_PAGE = 400
GRID = (4, 6)  # columns and rows of the picture of where the words are

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Example:
    """One document as the classifier sees it: log counts by bucket, layout numbers, and which words occur. No text.

    `sizes` counts the different words of the whole and of the opening, also those that were left out as rare.
    """

    buckets: NDArray[np.uint16]
    counts: NDArray[np.float32]
    layout: Floats
    words: NDArray[np.uint16]
    opening: NDArray[np.uint16]
    sizes: tuple[int, int]


def describe(pages: Sequence[Page]) -> Example:
    """The first pages as hashed words and word pairs, and numbers about the layout. Digits count only as digits."""
    counts: dict[int, int] = {}
    for page in pages[:FIRST_PAGES]:
        for term in _terms([word.text for word in page.words[:WORDS_A_PAGE]]):
            bucket = zlib.crc32(term.encode()) % BUCKETS
            counts[bucket] = counts.get(bucket, 0) + 1
    buckets = sorted(counts)
    values = np.array([log1p(counts[b]) for b in buckets], dtype=np.float32)
    words = _words([w.text for page in pages[:FIRST_PAGES] for w in page.words[:WORDS_A_PAGE]])
    opening = _words([word.text for word in pages[0].words[:OPENING]])
    sizes = len(words), len(opening)
    return Example(np.array(buckets, dtype=np.uint16), values, _layout(pages), words, opening, sizes)


def _words(texts: Sequence[str]) -> NDArray[np.uint16]:
    """Buckets of the different words."""
    found = {zlib.crc32(token.encode()) % WORD_BUCKETS for text in texts if (token := _token(text))}
    return np.array(sorted(found), dtype=np.uint16)


def _terms(texts: Sequence[str]) -> Iterator[str]:
    tokens = [token for text in texts if (token := _token(text))]
    yield from tokens
    yield from (f"{a} {b}" for a, b in pairwise(tokens))


@lru_cache(maxsize=20_000)
def _token(text: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if c.isalnum())
    return re.sub(r"\d+", "0", plain)


def _layout(pages: Sequence[Page]) -> Floats:
    first = pages[0]
    words = first.words
    lines = len({word.line for word in words})
    characters = "".join(word.text for word in words) or " "
    picture = np.zeros((GRID[1], GRID[0]), dtype=np.float32)
    for word in words:
        x, y = word.box.centre
        picture[min(max(int(y * GRID[1]), 0), GRID[1] - 1), min(max(int(x * GRID[0]), 0), GRID[0] - 1)] += 1
    numbers = [
        log1p(len(pages)),
        first.width / max(first.height, 1),
        log1p(len(words)),
        log1p(len(pages[1].words)) if len(pages) > 1 else 0.0,
        log1p(lines),
        len(words) / max(lines, 1) / 10,
        sum(c.isdigit() for c in characters) / len(characters),
        sum(c.isupper() for c in characters) / len(characters),
        float(np.median([word.box.height for word in words])) * 10 if words else 0.0,
    ]
    share = picture.ravel() / max(len(words), 1)
    return np.concatenate([np.array(numbers, dtype=np.float32), share])


def made_up(documents: Sequence[Example], number: int, rng: np.random.Generator) -> list[Example]:
    """Documents of no type: a part of the words of one, other words in place of the rest, the layout of another."""
    words = np.concatenate([document.buckets for document in documents])
    strangers = []
    for _ in range(number):
        one, other = (documents[k] for k in rng.integers(len(documents), size=2))
        share = rng.uniform(0.2, 0.6)
        kept = one.buckets[rng.uniform(size=len(one.buckets)) < share]
        missing = max(int((1 - share) * len(one.buckets)), 5)
        usual = rng.uniform() < 0.5 and len(words) > 0
        new = rng.choice(words, missing) if usual else rng.integers(0, BUCKETS, missing)
        buckets = np.unique(np.concatenate([kept, new])).astype(np.uint16)
        counts = np.log1p(rng.choice([1, 1, 1, 2, 3], len(buckets))).astype(np.float32)
        layout = other.layout * (1 + 0.1 * rng.normal(size=other.layout.shape))
        none = np.zeros(0, dtype=np.uint16)
        strangers.append(Example(buckets, counts, layout.astype(np.float32), none, none, (0, 0)))
    return strangers


def without_rare(example: Example, weights: Floats, usual: NDArray[np.bool_] | None = None) -> Example:
    """The example without buckets of no weight, and without words that are not `usual`."""
    keep = weights[example.buckets] > 0
    slim = replace(example, buckets=example.buckets[keep], counts=example.counts[keep])
    if usual is None:
        return slim
    return replace(slim, words=slim.words[usual[slim.words]], opening=slim.opening[usual[slim.opening]])


def dense(documents: Sequence[Example], weights: Floats) -> Floats:
    matrix = np.zeros((len(documents), BUCKETS), dtype=np.float32)
    for row, document in enumerate(documents):
        matrix[row, document.buckets] = document.counts
    matrix *= weights
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True) + 1e-6
    return matrix


def pack_examples(examples: Sequence[Example], labels: Integers) -> dict[str, NDArray[Any]]:
    empty = [np.zeros(0)]
    return {
        "examples/buckets": np.concatenate([e.buckets for e in examples] or empty).astype(np.uint16),
        "examples/counts": np.concatenate([e.counts for e in examples] or empty).astype(np.float16),
        "examples/words": np.concatenate([e.words for e in examples] or empty).astype(np.uint16),
        "examples/opening": np.concatenate([e.opening for e in examples] or empty).astype(np.uint16),
        "examples/lengths": np.array([[len(e.buckets), len(e.words), len(e.opening)] for e in examples], np.int32),
        "examples/sizes": np.array([e.sizes for e in examples], np.int32),
        "examples/layout": np.stack([e.layout for e in examples]).astype(np.float16),
        "examples/labels": labels.astype(np.int32),
    }


def unpack_examples(tensors: Mapping[str, NDArray[Any]]) -> tuple[tuple[Example, ...], Integers]:
    ends = np.cumsum(tensors["examples/lengths"], axis=0)[:-1].T
    buckets = np.split(tensors["examples/buckets"], ends[0])
    counts = np.split(tensors["examples/counts"].astype(np.float32), ends[0])
    words, opening = (np.split(tensors[f"examples/{part}"], ends[k]) for k, part in ((1, "words"), (2, "opening")))
    layouts = tensors["examples/layout"].astype(np.float32)
    sizes = [(int(a), int(b)) for a, b in tensors["examples/sizes"]]
    parts = zip(buckets, counts, layouts, words, opening, sizes, strict=True)
    return tuple(Example(*part) for part in parts), tensors["examples/labels"].astype(np.int64)
