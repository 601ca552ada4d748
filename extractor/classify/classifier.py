"""Which document type a document is, with the probability of being right, or `unknown`.

The network scores each type on its own; how near the document is to known examples of that type, and how familiar its
words are there, says whether it is any of them. The calibration of all that is fitted on documents which the network
did not see, among them whole types held out one at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import exp
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from extractor.classify.calibration import UNCALIBRATED, Rows, calibrate, once_called, own_intercepts, probability
from extractor.classify.familiarity import Familiarity
from extractor.classify.features import (
    BUCKETS,
    WORD_BUCKETS,
    Example,
    Floats,
    Integers,
    dense,
    describe,
    made_up,
    pack_examples,
    unpack_examples,
    without_rare,
)
from extractor.effort import effort
from models.nets.bundle import Parts
from models.values import Page

if TYPE_CHECKING:
    from models.nets.classifier import Batch, TypeNetwork

UNKNOWN = "unknown"
EXAMPLES_A_TYPE = 60  # kept in the bundle, so that a new type can be added without the old documents
MIN_DOCUMENTS_A_BUCKET = 5  # rarer words are not kept: they are names and numbers of somebody
NEIGHBOURS = 3
STRANGERS = 200  # made-up documents of no type; with them more of the held-out types are noticed


@dataclass(frozen=True, slots=True)
class TypeGuess:
    """`name` may be `unknown`; `confidence` is the probability that `name` is right."""

    name: str
    confidence: float
    ranking: tuple[tuple[str, float], ...] = ()  # each type with the network's own sigmoid, best first


@dataclass(frozen=True)
class TypeReport:
    """Measured on documents that the scoring network had not seen."""

    documents: int
    accuracy: float  # in folds, `unknown` counts as wrong
    unknown_detected: dict[str, float]  # for each type held out: share of its documents called unknown
    # out of fold, in the given order: the confidence in the type, and whether that type was called and is right
    confidences: dict[str, tuple[float, ...]] = field(default_factory=dict, repr=False)
    right: dict[str, tuple[bool, ...]] = field(default_factory=dict, repr=False)


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
    familiarity: Familiarity
    calibration: tuple[float, ...]  # intercept, then one coefficient a piece of evidence
    own: tuple[float, ...]  # what each type adds to the intercept, once it is called

    def guess(self, pages: Sequence[Page]) -> TypeGuess:
        """The type of a document, or `unknown`."""
        if not any(page.words for page in pages):
            return TypeGuess(UNKNOWN, 1.0)
        return self.guess_described(describe(pages))

    def guess_described(self, document: Example) -> TypeGuess:
        """The type of a document of which only this is kept."""
        evidence, scores = self._evidence([document])
        right = float(probability(evidence, self.calibration)[0])
        best = np.argsort(-scores[0])
        ranking = tuple((self.names[k], round(float(_sigmoid(scores[0][k])), 5)) for k in best)
        if right < 0.5:
            return TypeGuess(UNKNOWN, 1 - right, ranking)
        return TypeGuess(ranking[0][0], float(once_called(np.array([right]), best[:1], self.own)[0]), ranking)

    def _evidence(self, documents: Sequence[Example]) -> tuple[Floats, Floats]:
        from models.nets.classifier import logits_of

        scores = logits_of(self.network, _batch(documents, self.weights, self.layout_mean, self.layout_scale))
        likeness = dense(documents, self.weights) @ self._known.T
        familiar = self.familiarity.of(documents)
        return _evidence(scores, likeness, self.labels, self._usual, familiar), scores

    @cached_property
    def _known(self) -> Floats:
        return dense(self.examples, self.weights)

    @cached_property
    def _usual(self) -> Floats:
        """(types, 2): how alike the examples of each type are to each other, and how much that varies."""
        return _usual_likeness(self._known, self.labels, len(self.names))

    def to_parts(self) -> Parts:
        from models.nets.classifier import to_tensors

        tensors = {f"network/{name}": value for name, value in to_tensors(self.network).items()}
        tensors |= pack_examples(self.examples, self.labels)
        tensors |= {"weights": self.weights.astype(np.float16)}
        tensors |= {"layout_mean": self.layout_mean, "layout_scale": self.layout_scale}
        tensors |= self.familiarity.to_arrays()
        settings = self.network.settings.as_dict()
        table = {"names": list(self.names), "calibration": list(self.calibration), "settings": settings}
        table["own"] = list(self.own)
        return tensors, {}, {"types": table}

    @classmethod
    def from_parts(cls, parts: Parts) -> TypeClassifier:
        from models.nets.classifier import ClassifierSettings, from_tensors

        tensors, _, tables = parts
        table: dict[str, Any] = tables["types"]
        weights = {k.removeprefix("network/"): v for k, v in tensors.items() if k.startswith("network/")}
        examples, labels = unpack_examples(tensors)
        return cls(
            tuple(table["names"]),
            from_tensors(weights, ClassifierSettings(**table["settings"])),
            examples,
            labels,
            tensors["weights"].astype(np.float32),
            tensors["layout_mean"].astype(np.float32),
            tensors["layout_scale"].astype(np.float32),
            Familiarity.from_arrays(tensors),
            tuple(table["calibration"]),
            tuple(table.get("own", [0.0] * len(table["names"]))),
        )


# --- learning ---


def learn_types(examples: Mapping[str, Sequence[Example]], seed: int) -> tuple[TypeClassifier, TypeReport]:
    """Fit on examples by type name (at least one type), calibrate in folds and on types held out."""
    names = tuple(sorted(name for name, rows in examples.items() if rows))
    documents = [row for name in names for row in examples[name]]
    labels = np.array([k for k, name in enumerate(names) for _ in examples[name]], dtype=np.int64)
    seen = _seen_rows(documents, labels, seed)
    strangers = _stranger_rows(documents, labels, seed)
    calibration = calibrate(seen, list(strangers.values()))
    own = own_intercepts(seen, list(strangers.values()), calibration, len(names))
    pooled = probability(seen[0], calibration)
    right = (seen[1] == 1) & (pooled >= 0.5)
    sure = np.where(pooled >= 0.5, once_called(pooled, seen[2], own), pooled)
    report = TypeReport(
        len(documents),
        float(right.mean()),
        {names[k]: _detected(seen, labels, strangers, k) for k in strangers},
        {name: tuple(float(c) for c in sure[labels == k]) for k, name in enumerate(names)},
        {name: tuple(bool(r) for r in right[labels == k]) for k, name in enumerate(names)},
    )
    return _fit(documents, labels, names, seed, calibration, own), report


def examples_of(classifier: TypeClassifier) -> dict[str, list[Example]]:
    """The examples a classifier carries, by type: what a later fit starts from."""
    known: dict[str, list[Example]] = {name: [] for name in classifier.names}
    for example, label in zip(classifier.examples, classifier.labels, strict=True):
        known[classifier.names[label]].append(example)
    return known


def _fit(
    documents: Sequence[Example],
    labels: Integers,
    names: Sequence[str],
    seed: int,
    calibration: Sequence[float] = (),
    own: Sequence[float] = (),
) -> TypeClassifier:
    from models.nets.classifier import ClassifierSettings, train

    weights = _rarity(documents)
    layout = np.stack([document.layout for document in documents])
    mean, scale = layout.mean(axis=0), layout.std(axis=0) + 0.05
    settings = ClassifierSettings(BUCKETS, layout.shape[1], len(names))
    strangers = made_up(documents, STRANGERS, np.random.default_rng(seed))
    everything = np.concatenate([labels, np.full(STRANGERS, -1)])
    network = train(_batch([*documents, *strangers], weights, mean, scale), everything, settings, seed)
    kept = np.concatenate([_some(np.flatnonzero(labels == k)) for k in range(len(names))])
    usual = _usual_words(documents)
    examples = tuple(without_rare(documents[k], weights, usual) for k in kept)
    familiarity = Familiarity.fit(documents, labels, len(names), usual)
    return TypeClassifier(
        tuple(names),
        network,
        examples,
        labels[kept],
        weights,
        mean,
        scale,
        familiarity,
        tuple(calibration) or UNCALIBRATED,
        tuple(own) or (0.0,) * len(names),
    )


def _seen_rows(documents: Sequence[Example], labels: Integers, seed: int) -> Rows:
    """Documents scored by networks fitted without them, in the order of `documents`."""
    fold = np.random.default_rng(seed).permutation(len(documents)) % effort().type_folds
    evidence = np.zeros((len(documents), len(UNCALIBRATED) - 1), dtype=np.float32)
    right, called = np.zeros(len(documents), dtype=np.int64), np.zeros(len(documents), dtype=np.int64)
    for k in np.unique(fold):
        mine = fold == k
        if not mine.all():
            evidence[mine], right[mine], called[mine] = _scored(documents, labels, ~mine, mine, seed)
    return evidence, right, called


def _stranger_rows(documents: Sequence[Example], labels: Integers, seed: int) -> dict[int, Rows]:
    """Each type's documents scored by a network that never saw the type: none of its guesses is right."""
    kinds = np.unique(labels)
    if len(kinds) < 3:
        return {}
    return {int(k): _scored(documents, labels, labels != k, labels == k, seed) for k in kinds}


def _scored(
    documents: Sequence[Example], labels: Integers, train: NDArray[np.bool_], test: NDArray[np.bool_], seed: int
) -> Rows:
    kinds, relabelled = np.unique(labels[train], return_inverse=True)
    fitted = _fit(_pick(documents, train), relabelled.astype(np.int64), [str(k) for k in kinds], seed)
    evidence, scores = fitted._evidence(_pick(documents, test))
    called = kinds[scores.argmax(axis=1)]
    return evidence, (called == labels[test]).astype(np.int64), called.astype(np.int64)


def _evidence(scores: Floats, likeness: Floats, labels: Integers, usual: Floats, familiar: Floats) -> Floats:
    """Evidence that the best type is right; more of each never speaks against it.

    Its logit, its lead, how usual its likeness to the examples is, how familiar all its words and its first ones are.
    """
    order = np.sort(scores, axis=1)
    best = scores.argmax(axis=1)
    lead = order[:, -1] - order[:, -2] if scores.shape[1] > 1 else order[:, -1]
    nearest = np.array([_nearest(likeness[row, labels == k]) for row, k in enumerate(best)], dtype=np.float32)
    unusual = (nearest - usual[best, 0]) / usual[best, 1]
    known = familiar[np.arange(len(best)), :, best].clip(-5, 1)  # (documents, parts)
    numbers = [order[:, -1].clip(-4, 4), lead.clip(0, 6), unusual.clip(-4, 2), known[:, 0], known[:, 1]]
    return np.stack(numbers, axis=1).astype(np.float32)


def _nearest(likeness: Floats) -> float:
    return float(np.sort(likeness)[-NEIGHBOURS:].mean()) if len(likeness) else 0.0


def _usual_likeness(known: Floats, labels: Integers, types: int) -> Floats:
    usual = np.zeros((types, 2), dtype=np.float32)
    for k in range(types):
        alike = known[labels == k] @ known[labels == k].T
        np.fill_diagonal(alike, -1.0)
        nearest = [_nearest(row[row >= 0]) for row in alike]
        usual[k] = (np.median(nearest), np.std(nearest) + 0.05) if nearest else (0.0, 1.0)
    return usual


def _detected(seen: Rows, labels: Integers, strangers: Mapping[int, Rows], held_out: int) -> float:
    """Share called unknown by a calibration that was fitted without any document of the held-out type."""
    others = (seen[0][labels != held_out], seen[1][labels != held_out], seen[2][labels != held_out])
    calibration = calibrate(others, [rows for k, rows in strangers.items() if k != held_out])
    return float((probability(strangers[held_out][0], calibration) < 0.5).mean())


def _some(indices: Integers) -> Integers:
    """At most `EXAMPLES_A_TYPE` of them, evenly spread."""
    if len(indices) <= EXAMPLES_A_TYPE:
        return indices
    chosen: Integers = indices[np.linspace(0, len(indices) - 1, EXAMPLES_A_TYPE).astype(int)]
    return chosen


# --- arrays ---


def _rarity(documents: Sequence[Example]) -> Floats:
    """Inverse document frequency; 0 for buckets of too few documents."""
    seen = np.zeros(BUCKETS, dtype=np.float32)
    for document in documents:
        seen[document.buckets] += 1
    weights: Floats = np.log((1 + len(documents)) / (1 + seen)).astype(np.float32) + 0.1
    weights[seen < min(MIN_DOCUMENTS_A_BUCKET, max(len(documents) // 4, 1))] = 0.0
    return weights


def _usual_words(documents: Sequence[Example]) -> NDArray[np.bool_]:
    """The words of enough documents: rarer ones are names and numbers of somebody."""
    seen = np.zeros(WORD_BUCKETS, dtype=np.int64)
    for document in documents:
        seen[document.words] += 1
    return seen >= min(MIN_DOCUMENTS_A_BUCKET, max(len(documents) // 4, 1))


def _batch(documents: Sequence[Example], weights: Floats, mean: Floats, scale: Floats) -> Batch:
    from models.nets.classifier import Batch

    documents = [without_rare(document, weights) for document in documents]
    values = [document.counts * weights[document.buckets] for document in documents]
    values = [value / (np.linalg.norm(value) + 1e-6) for value in values]
    lengths = np.array([len(value) for value in values], dtype=np.int64)
    layout = (np.stack([document.layout for document in documents]) - mean) / scale
    return Batch(
        np.concatenate([document.buckets for document in documents]).astype(np.int64),
        np.concatenate(values).astype(np.float32),
        np.cumsum(lengths) - lengths,
        layout.clip(-4, 4).astype(np.float32),
    )


def _pick(documents: Sequence[Example], mask: NDArray[np.bool_]) -> list[Example]:
    return [document for document, wanted in zip(documents, mask, strict=True) if wanted]


def _sigmoid(value: float) -> float:
    return 1 / (1 + exp(-value))
