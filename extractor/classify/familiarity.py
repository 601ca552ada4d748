"""How familiar the words of a document are for each type: what tells a document of no type from one of a type.

Per type the share of its documents that carry each word; a document's familiarity is the mean logarithm of that share
over its different words, once for the whole and once for its opening. It is given in units of how far the least
familiar twentieth of the type's own documents lie below their median, so that 0 is usual and -1 is rare, whether the
type is one printed form or as varied as receipts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from extractor.classify.features import WORD_BUCKETS, Example, Floats, Integers

PARTS = ("words", "opening")
SMOOTHING = 0.1  # documents
LEAST = 0.15  # smallest unit, in natural logarithms: a handful of documents that are all alike prove little


@dataclass(frozen=True, eq=False)
class Familiarity:
    """Counts of documents by part, type and word; and by part and type the median and the unit."""

    counts: Floats  # (parts, types, words)
    documents: Floats  # (types,)
    usual: Floats  # (parts, types, 2)

    @classmethod
    def fit(
        cls, examples: Sequence[Example], labels: Integers, types: int, usual_words: NDArray[np.bool_]
    ) -> Familiarity:
        """From all documents; only `usual_words` are counted, the others stay words never seen."""
        counts = np.zeros((len(PARTS), types, WORD_BUCKETS), np.float32)
        for example, label in zip(examples, labels, strict=True):
            for part, words in enumerate((example.words, example.opening)):
                counts[part, label, words] += 1
        counts *= usual_words
        documents = np.bincount(labels, minlength=types).astype(np.float32)
        raw = cls(counts, documents, np.tile(np.array([0, 1], np.float32), (len(PARTS), types, 1)))
        return cls(counts, documents, raw._units(examples, labels))

    def of(self, examples: Sequence[Example]) -> Floats:
        """(documents, parts, types); a document without words is as unfamiliar as can be."""
        shares = np.log((self.counts + SMOOTHING) / (self.documents[None, :, None] + 2 * SMOOTHING))
        never = np.log(SMOOTHING / (self.documents + 2 * SMOOTHING))  # (types,)
        found = np.stack([self._means(example, shares, never) for example in examples])
        result: Floats = ((found - self.usual[None, :, :, 0]) / self.usual[None, :, :, 1]).astype(np.float32)
        return result

    def _means(self, example: Example, shares: Floats, never: Floats) -> Floats:
        rows = []
        for part, words in enumerate((example.words, example.opening)):
            missing = example.sizes[part] - len(words)
            total = shares[part][:, words].sum(axis=1) + missing * never
            rows.append(total / example.sizes[part] if example.sizes[part] else never)
        return np.stack(rows)

    def _units(self, examples: Sequence[Example], labels: Integers) -> Floats:
        """Median and unit of each type over its own documents, each measured by the others."""
        usual = np.tile(np.array([0, 1], np.float32), (len(PARTS), len(self.documents), 1))
        for k, total in enumerate(self.documents):
            mine = [e for e, label in zip(examples, labels, strict=True) if label == k]
            if total < 2:
                continue
            for part in range(len(PARTS)):
                alone = np.array([self._without(example, part, k) for example in mine])
                middle = np.median(alone)
                usual[part, k] = middle, max(middle - np.quantile(alone, 0.05), LEAST)
        return usual

    def _without(self, example: Example, part: int, k: int) -> float:
        words = (example.words, example.opening)[part]
        others = self.documents[k] - 1 + 2 * SMOOTHING
        size = example.sizes[part]
        known = self.counts[part, k, words]
        total = np.log((np.maximum(known - 1, 0) + SMOOTHING) / others).sum()
        never = float(np.log(SMOOTHING / others))
        return float((total + (size - len(words)) * never) / size) if size else never

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        return {
            "familiarity/counts": self.counts.astype(np.uint16),
            "familiarity/documents": self.documents,
            "familiarity/usual": self.usual,
        }

    @classmethod
    def from_arrays(cls, tensors: dict[str, NDArray[Any]]) -> Familiarity:
        counts, documents, usual = (tensors[f"familiarity/{part}"] for part in ("counts", "documents", "usual"))
        return cls(counts.astype(np.float32), documents.astype(np.float32), usual.astype(np.float32))
