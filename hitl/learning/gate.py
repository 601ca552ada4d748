"""May a candidate model serve? A paired comparison with the reigning model on decisions that are new to both.

Three rules:

- *floor*: the type has no reigning model; the candidate's accuracy must reach an absolute floor;
- *non-inferiority*: fewer than 2,000 decisions of the select fold; the lower 95 % bound of the gain must exceed
  -1 point, on the select fold together with the candidate's grouped out-of-fold predictions;
- *superiority*: from 2,000 decisions on, the lower 95 % bound of the gain must exceed 0.

And always: no document type is recognised less often by over one document or 1 % net, whichever was trained (a
candidate that would lose one keeps the champion's classifier of types where it can, `compare.keep_types_known`);
reading takes at most twice as long, and the bundle at most twice the room; no segment of 200 decisions or more loses
over one point (upper bound, Holm), the calibration error and the share that can be accepted at the target are not worse
beyond chance. Intervals come from a bootstrap over documents, because errors of one document come together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SUPERIORITY_FROM = 2_000
MARGIN = 0.01
SEGMENT_FROM = 200
CALIBRATION_SLACK = 0.01
ALPHA = 0.05
RESAMPLES = 1_000
LOST_BY_CHANCE = 1  # document of a type; of more than 100, one in a hundred
SLOWER, SECONDS = 2.0, 0.1  # so many times the CPU time of the champion, if it is that much more a document
LARGER, BYTES = 2.0, 10_000_000  # so many times its size, if it is that much more


@dataclass(frozen=True, slots=True)
class PairedDecision:
    """One labelled field as both models saw it. `champion_right` is None where the champion does not know the type."""

    document: str
    segment: str  # document type and field
    candidate_right: bool
    candidate_confidence: float
    champion_right: bool | None
    champion_confidence: float | None
    weight: float = 1.0  # 1 / probability of selection
    selected: bool = True  # from the select fold; False: an out-of-fold prediction


@dataclass(frozen=True, slots=True)
class TypeDecision:
    """What both models call one document whose type is known. Right only if it is called by that type's name."""

    document: str
    document_type: str
    candidate_right: bool
    candidate_confidence: float
    champion_right: bool
    champion_confidence: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What it takes to read the same documents with either model, and how large either is."""

    documents: int
    candidate_seconds: float  # of CPU, for all of them
    champion_seconds: float | None  # None where it does not read the type
    candidate_bytes: int
    champion_bytes: int


@dataclass(frozen=True, slots=True)
class Test:
    """One question of the gate, with the numbers that answered it."""

    name: str
    passed: bool
    figures: dict[str, float]
    sentence: str


@dataclass(frozen=True, slots=True)
class GateReport:
    """What the gate decided and why; `as_dict` is what is stored and shown."""

    passed: bool
    rule: str
    decisions: int
    documents: int
    tests: tuple[Test, ...]
    basis: str = ""  # in words: what was compared on, and what each model had seen of it
    segments: tuple[dict[str, Any], ...] = field(default_factory=tuple)
    types: tuple[dict[str, Any], ...] = field(default_factory=tuple)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def verdict_of(report: Mapping[str, Any]) -> str:
    """A stored report in a few words: `passed`, or `refused` and for what; empty where there is none."""
    if not report:
        return ""
    failed = [test["name"] for test in report["tests"] if not test["passed"]]
    return "passed" if report["passed"] else f"refused: {', '.join(failed)}"


def judge(
    rows: Sequence[PairedDecision],
    *,
    target: float,
    floor: float,
    seed: int,
    types: Sequence[TypeDecision] = (),
    kept: str = "",
    cost: Cost | None = None,
) -> GateReport:
    """Compare the two models on `rows`; `target` is the error target at which automation is compared.

    `kept`: which types the candidate's own classifier would have lost, so that it has the champion's.
    """
    paired = [row for row in rows if row.champion_right is not None]
    new = [row for row in rows if row.champion_right is None]
    documents = len({row.document for row in rows})
    if not rows:
        nothing = Test(
            "enough labels", False, {"decisions": 0}, "There is nothing to compare on: label more documents."
        )
        return GateReport(False, "none", 0, 0, (nothing,))
    tests: list[Test] = []
    segments: tuple[dict[str, Any], ...] = ()
    rng = np.random.default_rng(seed)
    if new:
        tests.append(_floor(new, floor, rng))
    if paired:
        sample = _Sample(paired, rng)
        tests += [_gain(sample), _calibration(sample), _automation(sample, target)]
        lost, segments = _segments(paired, rng)
        tests.append(lost)
    if types:
        tests.append(_types(types, kept))
    if cost:
        tests += [_speed(cost), _size(cost)]
    rule = "floor" if not paired else _rule(paired)
    passed = all(t.passed for t in tests)
    return GateReport(passed, rule, len(rows), documents, tuple(tests), _basis(rows, rule), segments, _by_type(types))


def _rule(rows: Sequence[PairedDecision]) -> str:
    return "superiority" if sum(row.selected for row in rows) >= SUPERIORITY_FROM else "non-inferiority"


def _basis(rows: Sequence[PairedDecision], rule: str) -> str:
    chosen, folded = [row for row in rows if row.selected], [row for row in rows if not row.selected]
    parts = []
    if chosen:
        parts.append(f"{_count(chosen)} of the select fold, which no model was trained on")
    if folded and rule != "superiority":
        parts.append(
            f"{_count(folded)} of the train fold: what stands for the candidate there was trained without the "
            "document (out of fold)" + ("" if rule == "floor" else "; the model that serves never saw it")
        )
    return ", and ".join(parts)


def _count(rows: Sequence[PairedDecision]) -> str:
    documents = len({row.document for row in rows})
    return f"{len(rows):,} decisions of {documents:,} document{'' if documents == 1 else 's'}"


class _Sample:
    """The decisions as arrays, with the document-bootstrap weights that every interval shares."""

    def __init__(self, rows: Sequence[PairedDecision], rng: np.random.Generator) -> None:
        if _rule(rows) == "superiority":
            rows = [row for row in rows if row.selected]
        self.rule = _rule(rows)
        self.weight: Floats = np.array([row.weight for row in rows], dtype=float)
        self.candidate: Floats = np.array([row.candidate_right for row in rows], dtype=float)
        self.champion: Floats = np.array([bool(row.champion_right) for row in rows], dtype=float)
        self.candidate_confidence: Floats = np.array([row.candidate_confidence for row in rows], dtype=float)
        self.champion_confidence: Floats = np.array([row.champion_confidence or 0.0 for row in rows], dtype=float)
        names = {name: i for i, name in enumerate(dict.fromkeys(row.document for row in rows))}
        document = np.array([names[row.document] for row in rows])
        draws = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=RESAMPLES)
        self.resampled: Floats = draws[:, document] * self.weight[None, :]  # (RESAMPLES, decisions)

    def gains(self) -> tuple[float, Floats]:
        difference = self.candidate - self.champion
        totals = np.maximum(self.resampled.sum(1), 1e-12)
        return float(np.average(difference, weights=self.weight)), self.resampled @ difference / totals


def _gain(sample: _Sample) -> Test:
    gain, drawn = sample.gains()
    lower, upper = (float(q) for q in np.quantile(drawn, [ALPHA, 1 - ALPHA]))
    bar = 0.0 if sample.rule == "superiority" else -MARGIN
    figures = {
        "candidate": float(np.average(sample.candidate, weights=sample.weight)),
        "champion": float(np.average(sample.champion, weights=sample.weight)),
        "gain": gain,
        "lower": lower,
        "upper": upper,
        "bar": bar,
    }
    sentence = f"gain {gain:+.2%}, at least {lower:+.2%} with 95 % confidence; it must be above {bar:+.0%}"
    return Test("accuracy", lower > bar, figures, sentence)


def _floor(rows: Sequence[PairedDecision], floor: float, rng: np.random.Generator) -> Test:
    right = np.array([row.candidate_right for row in rows], dtype=float)
    accuracy = float(right.mean())
    drawn = rng.choice(right, size=(RESAMPLES, len(right))).mean(1)
    lower = float(np.quantile(drawn, ALPHA))
    figures = {"accuracy": accuracy, "lower": lower, "bar": floor, "decisions": float(len(rows))}
    sentence = f"first model: {accuracy:.1%} right, at least {lower:.1%} with 95 % confidence; the floor is {floor:.0%}"
    return Test("first model", lower >= floor, figures, sentence)


def _calibration(sample: _Sample) -> Test:
    candidate, drawn_candidate = _gap(sample, sample.candidate_confidence, sample.candidate)
    champion, drawn_champion = _gap(sample, sample.champion_confidence, sample.champion)
    worse_for_sure = float(np.quantile(drawn_candidate - drawn_champion, ALPHA)) > 0
    passed = candidate <= champion + CALIBRATION_SLACK or not worse_for_sure
    sentence = f"calibration error {candidate:.3f} against {champion:.3f}"
    return Test("calibration", passed, {"candidate": candidate, "champion": champion}, sentence)


def _gap(sample: _Sample, confidence: Floats, right: Floats, bins: int = 10) -> tuple[float, Floats]:
    """Expected calibration error over equal-mass bins: the point value, and one value a resample."""
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    difference = confidence - right
    point = sum(abs(float(np.sum(sample.weight[p] * difference[p]))) for p in parts) / float(sample.weight.sum())
    drawn = np.sum([np.abs(sample.resampled[:, p] @ difference[p]) for p in parts], axis=0)
    return point, drawn / np.maximum(sample.resampled.sum(1), 1e-12)


def _automation(sample: _Sample, target: float) -> Test:
    candidate = _accepted(sample.candidate_confidence, sample.candidate, sample.weight, target)
    champion = _accepted(sample.champion_confidence, sample.champion, sample.weight, target)
    pairs = range(200)
    drawn = [
        _accepted(sample.candidate_confidence, sample.candidate, sample.resampled[i], target)
        - _accepted(sample.champion_confidence, sample.champion, sample.resampled[i], target)
        for i in pairs
    ]
    worse_for_sure = float(np.quantile(drawn, 1 - ALPHA)) < 0
    sentence = f"{candidate:.1%} could be accepted at a released error of {target:.1%}, against {champion:.1%}"
    return Test("automation", not worse_for_sure, {"candidate": candidate, "champion": champion}, sentence)


def _accepted(confidence: Floats, right: Floats, weight: Floats, target: float) -> float:
    """The largest share that can be accepted by a threshold while accepted-and-wrong stays within `target` of all."""
    total = float(weight.sum())
    if total <= 0:
        return 0.0
    order = np.argsort(-confidence, kind="stable")
    wrong = np.cumsum(weight[order] * (1 - right[order])) / total
    share = np.cumsum(weight[order]) / total
    last_of_ties = np.append(np.diff(confidence[order]) != 0, True)
    allowed = (wrong <= target) & last_of_ties
    return float(share[allowed].max(initial=0.0))


def _segments(rows: Sequence[PairedDecision], rng: np.random.Generator) -> tuple[Test, tuple[dict[str, Any], ...]]:
    """Holm over the segments large enough to speak: each one's loss must stay under one point."""
    by_segment: dict[str, list[PairedDecision]] = {}
    for row in rows:
        by_segment.setdefault(row.segment, []).append(row)
    figures: list[dict[str, Any]] = []
    for name, members in sorted(by_segment.items()):
        gain, drawn = _Sample(members, rng).gains()
        p_value = float((1 + np.sum(drawn <= -MARGIN)) / (1 + len(drawn)))  # of "the loss is one point or more"
        figures.append({"segment": name, "decisions": len(members), "gain": gain, "p": p_value})
    judged = sorted((f for f in figures if f["decisions"] >= SEGMENT_FROM), key=lambda f: f["p"])
    failed = [f["segment"] for rank, f in enumerate(judged) if f["p"] > ALPHA / (len(judged) - rank)]
    sentence = "no segment loses over one point" if not failed else f"may lose over one point: {', '.join(failed)}"
    if not judged:
        sentence = f"no segment has {SEGMENT_FROM} decisions yet"
    return Test("segments", not failed, {"judged": float(len(judged))}, sentence), tuple(figures)


def lost_types(rows: Sequence[TypeDecision]) -> str:
    """The types of which more documents are lost than won, beyond what may be chance, in words; empty if none."""
    return ", ".join(
        f"{one['type']} ({one['lost'] - one['gained']} of {one['documents']} documents)"
        for one in _by_type(rows)
        if one["lost"] - one["gained"] > max(LOST_BY_CHANCE, MARGIN * one["documents"])
    )


def _by_type(rows: Sequence[TypeDecision]) -> tuple[dict[str, Any], ...]:
    by_type: dict[str, list[TypeDecision]] = {}
    for row in rows:
        by_type.setdefault(row.document_type, []).append(row)
    return tuple(
        {
            "type": name,
            "documents": len(members),
            "candidate": sum(row.candidate_right for row in members),
            "champion": sum(row.champion_right for row in members),
            "lost": sum(row.champion_right and not row.candidate_right for row in members),
            "gained": sum(row.candidate_right and not row.champion_right for row in members),
        }
        for name, members in sorted(by_type.items())
    )


def _types(rows: Sequence[TypeDecision], kept: str) -> Test:
    lost = lost_types(rows)
    candidate, champion = sum(r.candidate_right for r in rows), sum(r.champion_right for r in rows)
    figures = {"documents": float(len(rows)), "candidate": float(candidate), "champion": float(champion)}
    sentence = f"{candidate} of {len(rows)} documents are called by their type, {champion} by the model that serves"
    if lost:
        sentence += f"; lost: {lost}"
    if kept:
        sentence += f"; how types are told apart stays as it was, for learnt anew it would lose {kept}"
    return Test("document types", not lost, figures, sentence)


def _speed(cost: Cost) -> Test:
    each = cost.candidate_seconds / max(cost.documents, 1)
    if cost.champion_seconds is None:
        sentence = f"{each:.2f} s of CPU a document; the model that serves does not read it"
        return Test("speed", True, {"candidate": each}, sentence)
    before = cost.champion_seconds / max(cost.documents, 1)
    passed = each <= SLOWER * before or each - before <= SECONDS
    sentence = f"{each:.2f} s of CPU a document against {before:.2f}; at most {SLOWER:.0f} times as much"
    return Test("speed", passed, {"candidate": each, "champion": before}, sentence)


def _size(cost: Cost) -> Test:
    new, old = cost.candidate_bytes, cost.champion_bytes
    passed = new <= LARGER * old or new - old <= BYTES
    sentence = f"{new / 1e6:.1f} MB against {old / 1e6:.1f}; at most {LARGER:.0f} times as much"
    return Test("size", passed, {"candidate": float(new), "champion": float(old)}, sentence)
