"""From rankings to one decision a field: the value or its absence, and the evidence from which confidence is made."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from extractor import kinds
from extractor.fields.anchors.phrases import anchors_of
from extractor.fields.layout import Floats
from extractor.fields.lists import Cutoff, pick_several, standing
from extractor.fields.scoring.features import FIRST_LABEL, Scene
from extractor.fields.scoring.lexicon import LABELS
from extractor.fields.scoring.scorers import Scorers
from extractor.fields.scoring.together import Ranking
from models.doctype import FieldSpec
from models.values import ValueState

ALTERNATIVES = 5
EVIDENCE = (
    "score", "margin", "tree", "net", "agree", "ocr_mean", "ocr_least", "seen", "known_words", "own_known", "several",
    "absent", "check_failed", "memory_kept", "memory_changed", "items",
    "second", "labelled", "misnamed", "label_elsewhere", "check_held", "settled",
    "weak", "retold",
)  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """One value: its candidate, and its score."""

    key: str
    value: str
    text: str
    candidate: int
    score: float


@dataclass(frozen=True)
class Decision:
    """What the machine says of one field before calibration."""

    field: FieldSpec
    state: ValueState
    choices: tuple[Choice, ...]  # one, or several for a repeated field
    evidence: dict[str, float]
    alternatives: tuple[tuple[str, float], ...] = ()
    provenance: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def value(self) -> str | list[str] | None:
        if self.field.repeated:
            return [c.value for c in self.choices] if self.choices else None
        return self.choices[0].value if self.choices else None

    @property
    def key(self) -> str:
        return kinds.key(self.field.kind, self.value)

    def vector(self) -> list[float]:
        return [self.evidence.get(name, 0.0) for name in EVIDENCE]

    def with_evidence(self, **more: float) -> Decision:
        return replace(self, evidence=self.evidence | more)


def decide(
    scene: Scene, rankings: Mapping[str, Ranking], scorers: Scorers, cutoffs: Mapping[str, Cutoff]
) -> dict[str, Decision]:
    """One decision for every field of the type."""
    known = scorers.vocabulary.ids(scene.layout)[:-1] < len(scorers.vocabulary.hashes)
    familiar = float(known.mean()) if len(known) else 0.0  # low for a layout never seen
    called = anchors_of(scorers.doctype).fields
    decisions = {}
    for name, ranking in rankings.items():
        if ranking.field.repeated:
            decision = _decide_several(scene, ranking, cutoffs.get(name, Cutoff()))
        else:
            decision = _decide_one(scene, ranking, scorers)
        seen = (
            scorers.trees[name].right_before(decision.choices[0].key)
            if decision.choices and name in scorers.trees
            else 0.0
        )
        own = _own_known(scene, ranking, decision, known)
        decisions[name] = decision.with_evidence(
            known_words=familiar,
            own_known=own,
            seen=float(np.log1p(max(seen, 0.0))),
            retold=_retold(scene, ranking, decision),
            **_labels(scene, ranking, decision, called.get(name, name)),
        )
    return decisions


def _own_known(scene: Scene, ranking: Ranking, decision: Decision, known: NDArray[np.bool_]) -> float:
    """Share of the value's own words that the training documents had: a misread word is rarely one of them."""
    tokens = [t for c in decision.choices for t in ranking.table.spans[c.candidate].tokens]
    wordy = [t for t in tokens if scene.layout.letters[t] >= 3]
    return float(known[wordy].mean()) if wordy else 1.0


def _retold(scene: Scene, ranking: Ranking, decision: Decision) -> float:
    """Whether confirmed text changed any word of the value."""
    layout = scene.layout
    tokens = (t for c in decision.choices for t in ranking.table.spans[c.candidate].tokens)
    return float(any(layout.pages[layout.page[t]].words[layout.word[t]].seen for t in tokens))


def _labels(scene: Scene, ranking: Ranking, decision: Decision, own: str) -> dict[str, float]:
    """What labels say of a choice: its own speaks for it, another's does, or its own stands elsewhere on the pages."""
    named = scene.layout.anchors
    if own not in named:
        return {}
    if not decision.choices:
        return {"label_elsewhere": 1.0}
    candidate = decision.choices[0].candidate
    slots = ranking.table.slots[candidate, FIRST_LABEL : FIRST_LABEL + len(LABELS)]
    beside, over, heading = (named[token] if token >= 0 else "" for token in slots.tolist())
    labelled = 1.0 if own in (beside, over) else 0.5 if heading == own else 0.0
    is_label = any(named[token] for token in ranking.table.spans[candidate].tokens)
    return {
        "labelled": labelled,
        "misnamed": float(is_label or (bool(beside) and beside != own and labelled < 1)),
        "label_elsewhere": float(labelled == 0),
    }


def _decide_one(scene: Scene, ranking: Ranking, scorers: Scorers) -> Decision:
    can_be_absent = scorers.absences.get(ranking.field.name, 0) > 0
    if not len(ranking.keys):
        return _nothing(ranking, ValueState.ABSENT if can_be_absent else ValueState.NOT_FOUND)
    absent, absent_tree, absent_net = ranking.absent
    if can_be_absent and absent > ranking.score[0] and not ranking.settled:
        evidence = _scores(absent, float(ranking.score[0]), absent_tree, absent_net, agree=_is_top_absent(ranking))
        return Decision(ranking.field, ValueState.ABSENT, (), evidence | {"absent": 1.0}, _alternatives(ranking, 0))
    best = _choice(ranking, 0)
    second = float(ranking.score[1:].max(initial=-12.0))
    if can_be_absent:
        second = max(second, absent)
    agree = float(ranking.tree[0] >= ranking.tree.max()) + float(ranking.net[0] >= ranking.net.max())
    evidence = _scores(best.score, second, float(ranking.tree[0]), float(ranking.net[0]), agree)
    evidence |= _reading_quality(scene, ranking, best) | {
        "several": float(np.log1p(len(ranking.keys))),
        "settled": float(ranking.settled),
    }
    return Decision(ranking.field, ValueState.FOUND, (best,), evidence, _alternatives(ranking, 1))


def _scores(score: float, second: float, tree: float, net: float, agree: float) -> dict[str, float]:
    return {
        "score": _logit(score),
        "margin": min(score - second, 8.0),
        "weak": min(_logit(score), 0.0),  # the best of bad choices is no good one, however far ahead
        "tree": _logit(tree),
        "net": _logit(net),
        "agree": agree,
    }


def _logit(log_probability: float) -> float:
    chance = float(np.clip(np.exp(log_probability), 1e-4, 1 - 1e-4))
    return float(np.log(chance / (1 - chance)))


def _is_top_absent(ranking: Ranking) -> float:
    return float(ranking.absent[1] >= ranking.tree.max()) + float(ranking.absent[2] >= ranking.net.max())


def _nothing(ranking: Ranking, state: ValueState) -> Decision:
    return Decision(ranking.field, state, (), {"score": 0.0, "absent": 1.0})


def _choice(ranking: Ranking, rank: int) -> Choice:
    candidate = int(ranking.best[rank])
    span = ranking.table.spans[candidate]
    return Choice(ranking.keys[rank], span.value.strip(" ,;:"), span.text, candidate, float(ranking.score[rank]))


def _alternatives(ranking: Ranking, skip: int) -> tuple[tuple[str, float], ...]:
    ranks = range(skip, min(len(ranking.keys), skip + ALTERNATIVES))
    return tuple((_choice(ranking, r).value, round(float(np.exp(ranking.score[r])), 4)) for r in ranks)


def _reading_quality(scene: Scene, ranking: Ranking, *choices: Choice) -> dict[str, float]:
    tokens = [t for c in choices for t in ranking.table.spans[c.candidate].tokens]
    sure: Floats = scene.layout.confidence[tokens]
    return {"ocr_mean": float(sure.mean()), "ocr_least": float(sure.min())}


def _decide_several(scene: Scene, ranking: Ranking, cutoff: Cutoff) -> Decision:
    if not len(ranking.keys):
        return _nothing(ranking, ValueState.NOT_FOUND)
    picked = pick_several(ranking, cutoff)
    strength = standing(ranking)
    choices = tuple(replace(_choice(ranking, r), score=float(strength[r])) for r in picked)
    rest = np.delete(strength, picked)
    weakest, next_best = float(strength[picked].min()), float(rest.max(initial=-12.0))
    evidence = _scores(weakest, next_best, float(ranking.tree[picked].min()), float(ranking.net[picked].min()), 0.0)
    evidence |= _reading_quality(scene, ranking, *choices) | {"items": float(len(picked))}
    return Decision(ranking.field, ValueState.FOUND, choices, evidence)
