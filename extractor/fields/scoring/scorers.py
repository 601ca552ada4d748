"""The two scorers of a document type side by side, and the ranking of values that they agree on.

Both score candidates; what is ranked are values: a value that stands in many places gathers its chances. The log
probabilities of the two scorers are averaged.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from extractor.effort import effort
from extractor.fields.labels import Goal
from extractor.fields.layout import Floats, shape
from extractor.fields.scoring import trees
from extractor.fields.scoring.before import blended
from extractor.fields.scoring.features import BASE, NUMBERS, SLOTS, Scene, Table
from extractor.fields.scoring.lexicon import Cells, Vocabulary, Words
from extractor.fields.scoring.together import Ranking, settle_together
from extractor.fields.scoring.trees import Case, FieldTrees
from models.doctype import DocumentType, FieldSpec, Kind

if TYPE_CHECKING:  # torch is heavy: imported when a network is used
    from models.nets.neighbourhood import Example, Neighbourhood, Settings

NULL_LOGIT = -1.0  # what "absent" scores against the trees' log-odds
MOST_SCORED = 400  # candidates of a field that the trees look at
LEAST = -12.0  # log probabilities are cut here


@dataclass(frozen=True, eq=False)
class Scorers:
    """Everything that was learnt about a document type, except confidence."""

    doctype: DocumentType
    vocabulary: Vocabulary
    trees: dict[str, FieldTrees]
    net: Neighbourhood | None
    mean: Floats
    scale: Floats
    absences: dict[str, int] = field(default_factory=dict)  # training documents in which a field was absent
    before: Scorers | None = None  # of the bundle that this one was learned on
    share: float = 0.0  # of their voice

    def rank(self, scene: Scene) -> dict[str, Ranking]:
        """The values of every field, best first."""
        own = self.alone(scene)
        return self.settled(blended(own, self.before.alone(scene), self.share) if self.before else own)

    def settled(self, rankings: dict[str, Ranking]) -> dict[str, Ranking]:
        """The rankings with the values first that agree with the checks of the type."""
        return settle_together(rankings, self.doctype, self.absences) if len(self.mean) > BASE else rankings

    def alone(self, scene: Scene) -> dict[str, Ranking]:
        """Each field by itself, by what was learned last alone."""
        ids = self.vocabulary.ids(scene.layout)
        by_net = self._by_net(scene)
        return {
            spec.name: self._rank(spec, scene.tables[spec.kind], ids, by_net.get(spec.name))
            for spec in self.doctype.fields
        }

    def on(self, before: Scorers, share: float) -> Scorers:
        """These scorers with the voice of others; without any where its share is 0."""
        if not share:
            return self
        absences = {name: count + before.absences.get(name, 0) for name, count in self.absences.items()}
        return replace(self, before=before, share=share, absences=absences)

    def _by_net(self, scene: Scene) -> dict[str, Floats]:
        """For each field [candidates of its kind + 1], the last one absent."""
        if self.net is None:
            return {}
        from models.nets.training import log_probabilities

        found = log_probabilities(self.net, example_of(scene, self.doctype, self.mean, self.scale, self.net.settings))
        first = dict(zip(kinds_of(self.doctype), _offsets(scene, self.doctype), strict=True))
        return {
            spec.name: np.append(
                found[first[spec.kind] : first[spec.kind] + len(scene.tables[spec.kind]), n], found[-1, n]
            )
            for n, spec in enumerate(self.doctype.fields)
        }

    def _by_trees(self, spec: FieldSpec, table: Table, ids: NDArray[np.int64], net: Floats | None) -> Floats:
        """Log-odds of each candidate. Of very many only those that the network ranks first are looked at."""
        model = self.trees.get(spec.name)
        if model is None or not len(table):
            return np.zeros(len(table), np.float32)
        if net is None or len(table) <= MOST_SCORED:
            return model.score(table, Words.of(table, ids))
        kept = np.sort(np.argsort(-net[:-1], kind="stable")[:MOST_SCORED])
        few = table.only(kept)
        logits = np.full(len(table), LEAST, np.float32)
        logits[kept] = model.score(few, Words.of(few, ids))
        return logits

    def _rank(self, spec: FieldSpec, table: Table, ids: NDArray[np.int64], net: Floats | None) -> Ranking:
        logits = self._by_trees(spec, table, ids, net)
        if net is None:
            net = np.append(logits, NULL_LOGIT) - np.logaddexp.reduce(np.append(logits, NULL_LOGIT))
        values = len(table.keys)
        odds, by_net = np.full(values, -np.inf, np.float32), np.full(values, -np.inf, np.float32)
        np.maximum.at(odds, table.value, logits)
        np.logaddexp.at(by_net, table.value, net[:-1])
        total = np.logaddexp.reduce(np.append(odds, NULL_LOGIT))
        tree = np.maximum(odds - total, LEAST)
        by_net = np.maximum(by_net, LEAST)
        score = (tree + by_net) / 2
        best = _strongest(table, logits + net[:-1])
        order = np.lexsort((np.array(table.keys, object), -score)) if values else np.zeros(0, np.int64)
        absent_tree, absent_net = float(max(NULL_LOGIT - total, LEAST)), float(max(net[-1], LEAST))
        return Ranking(
            spec, [table.keys[i] for i in order], best[order], score[order], tree[order], by_net[order], odds[order],
            ((absent_tree + absent_net) / 2, absent_tree, absent_net), table,
        )  # fmt: skip


def _strongest(table: Table, strength: Floats) -> NDArray[np.int64]:
    """For each value its strongest candidate."""
    best = np.zeros(len(table.keys), np.int64)
    for candidate in np.argsort(strength, kind="stable"):
        best[table.value[candidate]] = candidate
    return best


def kinds_of(doctype: DocumentType) -> list[Kind]:
    return list(dict.fromkeys(spec.kind for spec in doctype.fields))


def _offsets(scene: Scene, doctype: DocumentType) -> list[int]:
    """Where the candidates of each kind begin among all of the document."""
    counts = [len(scene.tables[kind]) for kind in kinds_of(doctype)]
    return [sum(counts[:i]) for i in range(len(counts))]


@functools.lru_cache(maxsize=100_000)
def grams_of(text: str, buckets: int) -> tuple[int, ...]:
    """Hash buckets of a token: its shape, itself, and its pieces of two and three characters."""
    plain = shape(text)
    framed = f"<{plain}>"
    pieces = [framed[i : i + n] for n in (2, 3) for i in range(len(framed) - n + 1)]
    return tuple(zlib.crc32(p.encode()) % buckets for p in ("#" + plain, "=" + text.upper(), *pieces))


def example_of(
    scene: Scene,
    doctype: DocumentType,
    mean: Floats,
    scale: Floats,
    settings: Settings,
    goals: dict[str, Goal] | None = None,
) -> Example:
    """A scene as the network of `settings` sees it; with `goals` also its targets."""
    from models.nets.neighbourhood import Example, Target

    buckets, slots = settings.grams, settings.slots
    tables = [scene.tables[kind] for kind in kinds_of(doctype)]
    grams = [grams_of(t, buckets) for t in scene.layout.terms]
    lengths = np.array([len(g) for g in grams], np.int64)
    own = np.cumsum([0] + [len(t.tokens) for t in tables])
    offsets = dict(zip(kinds_of(doctype), _offsets(scene, doctype), strict=True))
    targets = []
    for number, spec in enumerate(doctype.fields):
        goal = (goals or {}).get(spec.name)
        if goal is not None and goal.absent:
            targets.append(Target(number, np.zeros(0, np.int64), goal.weight))
        found = [c for c in goal.candidates if len(c)] if goal else []
        targets += [Target(number, c + offsets[spec.kind], goal.weight / len(found)) for c in found if goal]
    numbers = np.concatenate([t.numbers for t in tables])[:, : len(mean)]  # a network of before knows fewer
    return Example(
        grams=np.array([g for token in grams for g in token], np.int64),
        gram_starts=np.cumsum(lengths) - lengths,
        boxes=scene.layout.box,
        slots=np.concatenate([t.slots for t in tables])[:, :slots],
        tokens=np.concatenate([t.tokens for t in tables]),
        starts=np.concatenate([t.starts + own[i] for i, t in enumerate(tables)]),
        kinds=np.repeat(np.arange(len(tables)), [len(t) for t in tables]),
        numbers=np.clip((numbers - mean) / scale, -4, 4).astype(np.float32),
        targets=tuple(targets),
    )


def train_scorers(
    scenes: Sequence[Scene],
    goals: Sequence[dict[str, Goal]],
    doctype: DocumentType,
    seed: int,
    min_documents: int,
    progress: Callable[[float], None],
    steps_share: float = 1.0,
) -> Scorers:
    """Both scorers on these documents; `goals` holds, per document, the fields that are labelled.

    `steps_share` is the share of the network's usual steps: held-out folds are trained with less.
    """
    vocabulary = Vocabulary.of([s.layout for s in scenes], min_documents)
    fit = functools.partial(trees.fit, vocabulary=vocabulary, seed=seed, min_documents=min_documents)
    found = _fit_trees(fit, vocabulary, scenes, goals, doctype, progress)
    numbers = np.concatenate(
        [t.numbers for s in scenes for t in s.tables.values()] + [np.zeros((0, NUMBERS), np.float32)]
    )
    mean = numbers.mean(0) if len(numbers) else np.zeros(NUMBERS, np.float32)
    scale = (numbers.std(0) if len(numbers) else np.ones(NUMBERS, np.float32)) + 1e-3
    net = _train_net(scenes, goals, doctype, seed, mean, scale, lambda share: progress(0.4 + 0.6 * share), steps_share)
    absences = {f.name: sum(1 for g in goals if f.name in g and g[f.name].absent) for f in doctype.fields}
    return Scorers(doctype, vocabulary, found, net, mean, scale, absences)


def _fit_trees(
    fit: Callable[[Sequence[Case]], FieldTrees | None],
    vocabulary: Vocabulary,
    scenes: Sequence[Scene],
    goals: Sequence[dict[str, Goal]],
    doctype: DocumentType,
    progress: Callable[[float], None],
) -> dict[str, FieldTrees]:
    """The trees of each field; those of one kind after each other, since they share what is large."""
    ids = [vocabulary.ids(s.layout) for s in scenes]
    found: dict[str, FieldTrees] = {}
    done = 0
    for kind in kinds_of(doctype):
        seen_as = functools.cache(functools.partial(_seen_as, scenes, ids, kind, vocabulary.size))
        for spec in (f for f in doctype.fields if f.kind is kind):
            labelled = [n for n, g in enumerate(goals) if spec.name in g and len(scenes[n].tables[kind])]
            cases = [Case(scenes[n].tables[kind], *seen_as(n), goals[n][spec.name]) for n in labelled]
            model = fit(cases)
            if model is not None:
                found[spec.name] = model
            done += 1
            progress(0.4 * done / len(doctype.fields))
    return {spec.name: found[spec.name] for spec in doctype.fields if spec.name in found}


def _seen_as(
    scenes: Sequence[Scene], ids: Sequence[NDArray[np.int64]], kind: Kind, size: int, number: int
) -> tuple[Words, Cells]:
    words = Words.of(scenes[number].tables[kind], ids[number])
    return words, Cells.of(words, size)


def _train_net(
    scenes: Sequence[Scene],
    goals: Sequence[dict[str, Goal]],
    doctype: DocumentType,
    seed: int,
    mean: Floats,
    scale: Floats,
    progress: Callable[[float], None],
    steps_share: float,
) -> Neighbourhood:
    from models.nets.training import train

    settings = net_settings(doctype)
    pairs = zip(scenes, goals, strict=True)
    examples = [example_of(s, doctype, mean, scale, settings, g) for s, g in pairs if g and len(s.layout)]
    steps = round(steps_share * (effort().first_steps + effort().steps_per_document * len(examples)))
    return train(examples, kind_of_field(doctype), settings, steps, seed, progress)


def net_settings(doctype: DocumentType) -> Settings:
    from models.nets.neighbourhood import Settings

    return Settings(len(doctype.fields), len(kinds_of(doctype)), NUMBERS, SLOTS)


def kind_of_field(doctype: DocumentType) -> NDArray[np.int64]:
    order = kinds_of(doctype)
    return np.array([order.index(spec.kind) for spec in doctype.fields], np.int64)


def net_to_arrays(net: Neighbourhood) -> dict[str, NDArray[Any]]:
    """The weights, floats as half precision."""
    weights = {name: tensor.detach().numpy() for name, tensor in net.state_dict().items()}
    return {name: w.astype(np.float16) if w.dtype == np.float32 else w for name, w in weights.items()}


def net_from_arrays(arrays: dict[str, NDArray[Any]], doctype: DocumentType, settings: dict[str, Any]) -> Neighbourhood:
    import torch

    from models.nets.neighbourhood import Neighbourhood, Settings

    net = Neighbourhood(Settings(**settings), kind_of_field(doctype))
    state = {n: torch.from_numpy(a.astype(np.float32) if a.dtype == np.float16 else a) for n, a in arrays.items()}
    net.load_state_dict(state)
    return net.eval()
