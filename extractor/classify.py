"""Which document type a document is, with the probability of being right, or `unknown`.

The network scores each type on its own; how near the document is to known examples of that type says whether it is any of
them. Both are calibrated on documents the network did not see, among them whole types held out one at a time.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log1p
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.nets.bundle import Parts
from models.values import Page

if TYPE_CHECKING:
    from models.nets.classifier import TypeNetwork

UNKNOWN = "unknown"
BUCKETS = 4096
FIRST_PAGES = 2
WORDS_A_PAGE = 400
EXAMPLES_A_TYPE = 60  # kept in the bundle, so that a new type can be added without the old documents
MIN_DOCUMENTS_A_BUCKET = 5  # rarer words are not kept: they are names and numbers of somebody
NEIGHBOURS = 3
FOLDS = 5
GRID = (4, 6)  # columns and rows of the picture of where the words are

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TypeGuess:
    """`name` may be `unknown`; `confidence` is the probability that `name` is right."""

    name: str
    confidence: float
    ranking: tuple[tuple[str, float], ...] = ()  # each type with the network's own sigmoid, best first


@dataclass(frozen=True)
class Example:
    """One document as the classifier sees it: log counts by bucket, and layout numbers. No text."""

    buckets: NDArray[np.uint16]
    counts: NDArray[np.float32]
    layout: Floats


@dataclass(frozen=True)
class TypeReport:
    """Measured on documents that the scoring network had not seen."""

    documents: int
    accuracy: float  # in folds, `unknown` counts as wrong
    unknown_detected: dict[str, float]  # for each type held out: share of its documents called unknown


@dataclass(frozen=True)
class TypeClassifier:
    """A fitted classifier; build it with `learn_types` or `from_parts`."""

    names: tuple[str, ...]
    network: TypeNetwork
    examples: tuple[Example, ...]
    labels: Integers
    weights: Floats  # inverse document frequency of each bucket
    layout_mean: Floats
    layout_scale: Floats
    calibration: tuple[float, ...]  # intercept, then one coefficient a piece of evidence

    def guess(self, pages: Sequence[Page]) -> TypeGuess:
        """The type of a document, or `unknown`."""
        if not any(page.words for page in pages):
            return TypeGuess(UNKNOWN, 1.0)
        evidence, scores = self._evidence([describe(pages)])
        right = float(_probability(evidence, self.calibration)[0])
        best = np.argsort(-scores[0])
        ranking = tuple((self.names[k], round(float(_sigmoid(scores[0][k])), 5)) for k in best)
        return TypeGuess(ranking[0][0], right, ranking) if right >= 0.5 else TypeGuess(UNKNOWN, 1 - right, ranking)

    def _evidence(self, documents: Sequence[Example]) -> tuple[Floats, Floats]:
        from models.nets.classifier import logits_of

        words, layout = self._inputs(documents)
        known, _ = self._inputs(self.examples)
        scores = logits_of(self.network, words, layout)
        return _evidence(scores, words, known, self.labels), scores

    def _inputs(self, documents: Sequence[Example]) -> tuple[Floats, Floats]:
        return _dense(documents, self.weights), _scaled(documents, self.layout_mean, self.layout_scale)

    def to_parts(self) -> Parts:
        from models.nets.classifier import to_tensors

        tensors = {f"network/{name}": value for name, value in to_tensors(self.network).items()}
        tensors |= _pack_examples(self.examples, self.labels)
        tensors |= {"weights": self.weights.astype(np.float16)}
        tensors |= {"layout_mean": self.layout_mean, "layout_scale": self.layout_scale}
        settings = self.network.settings.as_dict()
        table = {"names": list(self.names), "calibration": list(self.calibration), "settings": settings}
        return tensors, {}, {"types": table}

    @classmethod
    def from_parts(cls, parts: Parts) -> TypeClassifier:
        from models.nets.classifier import ClassifierSettings, from_tensors

        tensors, _, tables = parts
        table: dict[str, Any] = tables["types"]
        weights = {k.removeprefix("network/"): v for k, v in tensors.items() if k.startswith("network/")}
        examples, labels = _unpack_examples(tensors)
        return cls(
            tuple(table["names"]),
            from_tensors(weights, ClassifierSettings(**table["settings"])),
            examples,
            labels,
            tensors["weights"].astype(np.float32),
            tensors["layout_mean"].astype(np.float32),
            tensors["layout_scale"].astype(np.float32),
            tuple(table["calibration"]),
        )


# --- what the classifier sees ------------------------------------------------------------------------------------------


def describe(pages: Sequence[Page]) -> Example:
    """The first pages as hashed words and word pairs, and numbers about the layout. Digits count only as digits."""
    counts: dict[int, int] = {}
    for page in pages[:FIRST_PAGES]:
        for term in _terms([word.text for word in page.words[:WORDS_A_PAGE]]):
            bucket = zlib.crc32(term.encode()) % BUCKETS
            counts[bucket] = counts.get(bucket, 0) + 1
    buckets = sorted(counts)
    values = np.array([log1p(counts[b]) for b in buckets], dtype=np.float32)
    return Example(np.array(buckets, dtype=np.uint16), values, _layout(pages))


def _terms(texts: Sequence[str]) -> Iterator[str]:
    tokens = [token for text in texts if (token := _token(text))]
    yield from tokens
    yield from (f"{a} {b}" for a, b in pairwise(tokens))


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


# --- learning ----------------------------------------------------------------------------------------------------------


def learn_types(examples: Mapping[str, Sequence[Example]], seed: int) -> tuple[TypeClassifier, TypeReport]:
    """Fit on examples by type name (at least one type), calibrate in folds and on types held out."""
    names = tuple(sorted(name for name, rows in examples.items() if rows))
    documents = [row for name in names for row in examples[name]]
    labels = np.array([k for k, name in enumerate(names) for _ in examples[name]], dtype=np.int64)
    rows = _seen_rows(documents, labels, seed)
    strangers = _stranger_rows(documents, labels, seed)
    calibration = _calibrate([rows, *strangers.values()], seed)
    fitted = _fit(documents, labels, names, seed, calibration)
    report = TypeReport(
        len(documents),
        _share(_probability(rows[0], calibration)[rows[1] == 1] >= 0.5, len(documents)),
        {names[k]: _detected(strangers, k) for k in strangers},
    )
    return _compact(fitted), report


def examples_of(classifier: TypeClassifier) -> dict[str, list[Example]]:
    """The examples a classifier carries, by type: what a later fit starts from."""
    known: dict[str, list[Example]] = {name: [] for name in classifier.names}
    for example, label in zip(classifier.examples, classifier.labels, strict=True):
        known[classifier.names[label]].append(example)
    return known


def _fit(
    documents: Sequence[Example], labels: Integers, names: Sequence[str], seed: int, calibration: Sequence[float] = ()
) -> TypeClassifier:
    from models.nets.classifier import ClassifierSettings, train

    weights = _rarity(documents)
    layout = np.stack([document.layout for document in documents])
    mean, scale = layout.mean(axis=0), layout.std(axis=0) + 0.05
    words, scaled = _dense(documents, weights), _scaled(documents, mean, scale)
    settings = ClassifierSettings(BUCKETS, layout.shape[1], len(names))
    network = train(words, scaled, labels, settings, seed)
    return TypeClassifier(
        tuple(names), network, tuple(documents), labels, weights, mean, scale, tuple(calibration) or _UNCALIBRATED
    )


Rows = tuple[Floats, Integers]  # evidence (rows, pieces) and whether the best type was right

_UNCALIBRATED = (-3.0, 0.5, 0.2, 8.0)  # for one type with too few documents to fit: mostly the distance to the examples


def _seen_rows(documents: Sequence[Example], labels: Integers, seed: int) -> Rows:
    """Documents scored by networks fitted without them."""
    folds = min(FOLDS, len(documents))
    fold = np.random.default_rng(seed).permutation(len(documents)) % max(folds, 1)
    parts = [_scored(documents, labels, fold != k, fold == k, seed) for k in range(folds) if (fold != k).any()]
    return _joined(parts)


def _stranger_rows(documents: Sequence[Example], labels: Integers, seed: int) -> dict[int, Rows]:
    """Each type's documents scored by a network that never saw the type: none of its guesses is right."""
    kinds = np.unique(labels)
    if len(kinds) < 3:
        return {}
    return {int(k): _scored(documents, labels, labels != k, labels == k, seed) for k in kinds}


def _scored(documents: Sequence[Example], labels: Integers, train: Any, test: Any, seed: int) -> Rows:
    kinds, relabelled = np.unique(labels[train], return_inverse=True)
    fitted = _fit(_pick(documents, train), relabelled.astype(np.int64), [str(k) for k in kinds], seed)
    evidence, scores = fitted._evidence(_pick(documents, test))
    return evidence, (kinds[scores.argmax(axis=1)] == labels[test]).astype(np.int64)


def _evidence(scores: Floats, words: Floats, known: Floats, labels: Integers) -> Floats:
    """Pieces of evidence that the best type is right: its logit, its lead, its likeness to known examples."""
    order = np.sort(scores, axis=1)
    lead = order[:, -1] - order[:, -2] if scores.shape[1] > 1 else order[:, -1]
    likeness = words @ known.T
    likeness[likeness > 0.9999] = 0.0  # the very same document proves nothing
    nearest = np.stack(
        [
            np.sort(likeness[row, labels == best])[-NEIGHBOURS:].mean() if (labels == best).any() else 0.0
            for row, best in enumerate(scores.argmax(axis=1))
        ]
    )
    return np.stack([order[:, -1].clip(-8, 8), lead.clip(0, 12), nearest], axis=1).astype(np.float32)


def _calibrate(parts: Sequence[Rows], seed: int) -> tuple[float, ...]:
    """Logistic regression of "right" on the evidence; unknown documents weigh a fifth of all."""
    evidence, right = _joined(parts)
    if len(np.unique(right)) < 2 or len(right) < 20:
        return _UNCALIBRATED
    from sklearn.linear_model import LogisticRegression

    stranger = np.arange(len(right)) >= len(parts[0][1])
    weight = np.where(stranger, 0.25 * (~stranger).sum() / max(stranger.sum(), 1), 1.0)
    model = LogisticRegression(C=1.0, random_state=seed).fit(evidence, right, sample_weight=weight)
    return (float(model.intercept_[0]), *(float(c) for c in model.coef_[0]))


def _detected(strangers: Mapping[int, Rows], held_out: int) -> float:
    """Share called unknown when the calibration has not seen the held-out type either."""
    others = [rows for k, rows in strangers.items() if k != held_out]
    seen = (np.concatenate([r[0] for r in others]), np.concatenate([r[1] for r in others]))
    return float((_probability(strangers[held_out][0], _calibrate([seen], 0)) < 0.5).mean())


def _compact(classifier: TypeClassifier) -> TypeClassifier:
    """Keep some examples of each type, and of those only the buckets that many documents share."""
    kept = np.concatenate(
        [np.flatnonzero(classifier.labels == k)[:EXAMPLES_A_TYPE] for k in range(len(classifier.names))]
    )
    seen = np.zeros(BUCKETS, dtype=np.int64)
    for example in classifier.examples:
        seen[example.buckets] += 1
    common = seen >= min(MIN_DOCUMENTS_A_BUCKET, max(len(classifier.examples) // 2, 1))
    examples = []
    for k in kept:
        row = classifier.examples[k]
        keep = common[row.buckets]
        examples.append(Example(row.buckets[keep], row.counts[keep], row.layout))
    return TypeClassifier(
        classifier.names,
        classifier.network,
        tuple(examples),
        classifier.labels[kept],
        classifier.weights,
        classifier.layout_mean,
        classifier.layout_scale,
        classifier.calibration,
    )


# --- arrays ------------------------------------------------------------------------------------------------------------


def _rarity(documents: Sequence[Example]) -> Floats:
    seen = np.zeros(BUCKETS, dtype=np.float32)
    for document in documents:
        seen[document.buckets] += 1
    weights: Floats = np.log((1 + len(documents)) / (1 + seen)).astype(np.float32) + 0.1
    weights[seen < min(2, len(documents))] = 0.0
    return weights


def _dense(documents: Sequence[Example], weights: Floats) -> Floats:
    matrix = np.zeros((len(documents), BUCKETS), dtype=np.float32)
    for row, document in enumerate(documents):
        matrix[row, document.buckets] = document.counts
    matrix *= weights
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True) + 1e-6
    return matrix


def _scaled(documents: Sequence[Example], mean: Floats, scale: Floats) -> Floats:
    result: Floats = ((np.stack([d.layout for d in documents]) - mean) / scale).clip(-4, 4).astype(np.float32)
    return result


def _pick(documents: Sequence[Example], mask: NDArray[np.bool_]) -> list[Example]:
    return [document for document, wanted in zip(documents, mask, strict=True) if wanted]


def _joined(parts: Sequence[Rows]) -> Rows:
    if not parts:
        return np.zeros((0, 3), dtype=np.float32), np.zeros(0, dtype=np.int64)
    return np.concatenate([evidence for evidence, _ in parts]), np.concatenate([right for _, right in parts])


def _sigmoid(value: float) -> float:
    return 1 / (1 + exp(-value))


def _probability(evidence: Floats, calibration: Sequence[float]) -> Floats:
    result: Floats = 1 / (1 + np.exp(-(calibration[0] + evidence @ np.array(calibration[1:], dtype=np.float32))))
    return result


def _share(hits: NDArray[np.bool_], total: int) -> float:
    return float(hits.sum() / total) if total else 0.0


def _pack_examples(examples: Sequence[Example], labels: Integers) -> dict[str, NDArray[Any]]:
    empty = [np.zeros(0)]
    return {
        "examples/buckets": np.concatenate([e.buckets for e in examples] or empty).astype(np.uint16),
        "examples/counts": np.concatenate([e.counts for e in examples] or empty).astype(np.float16),
        "examples/lengths": np.array([len(e.buckets) for e in examples], dtype=np.int32),
        "examples/layout": np.stack([e.layout for e in examples]).astype(np.float16),
        "examples/labels": labels.astype(np.int32),
    }


def _unpack_examples(tensors: Mapping[str, NDArray[Any]]) -> tuple[tuple[Example, ...], Integers]:
    ends = np.cumsum(tensors["examples/lengths"])[:-1]
    buckets = np.split(tensors["examples/buckets"], ends)
    counts = np.split(tensors["examples/counts"].astype(np.float32), ends)
    layouts = tensors["examples/layout"].astype(np.float32)
    examples = tuple(Example(b, c, z) for b, c, z in zip(buckets, counts, layouts, strict=True))
    return examples, tensors["examples/labels"].astype(np.int64)
