"""Train the splitter that ships: `make splitter COUNTERSIGN_REAL_DATA=FOLDER`, on train splits and generated documents.

Stacks are drawn within parts of the documents, and each part is judged by trees that saw none of its documents: on
that the calibration is fitted, and the limits are set within which the machine may act alone.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from extractor.fields.scoring import grow
from extractor.splitting.gaps import Ends, gaps
from extractor.splitting.looks import BUCKETS, Floats
from extractor.splitting.splitter import Splitter, bundled
from extractor.splitting.weights import SPLITTER
from scripts.splitting.material import wholes
from scripts.splitting.stacks import Stack, Whole, on_one_scanner, stacks

SEED = 20151
FOLDS = 5
STACKS = 12_000
MOST_WRONG = 0.008  # of the answers that count as sure, on held-out stacks; the promise is 1 %
TREES: dict[str, Any] = {
    "num_iterations": 300,
    "learning_rate": 0.05,
    "num_leaves": 7,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.3,
}

Array = NDArray[np.float64]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of folders with a manifest.jsonl each")
    parser.add_argument("--out", type=Path, default=SPLITTER)
    parser.add_argument("--work", type=Path, default=Path("build"), help="for generated documents")
    parser.add_argument("--cache", type=Path, help="folder of words read before; without it one under --work")
    parser.add_argument("--stacks", type=int, default=STACKS)
    chosen = parser.parse_args(arguments)
    documents = wholes(chosen.data, chosen.work, chosen.cache or chosen.work / "words", "train")
    splitter, facts = learn(documents, chosen.stacks, SEED)
    bundled(splitter, facts).save(chosen.out)
    print(json.dumps(facts, indent=1))  # noqa: T201


def learn(documents: Sequence[Whole], number: int, seed: int) -> tuple[Splitter, dict[str, Any]]:
    """The splitter and what it was worth on documents held out."""
    parts = folds(documents, seed)
    drawn = [stacks(part, number // FOLDS, random.Random(f"{seed}/{k}"), single=0.5) for k, part in enumerate(parts)]
    rows = []
    for k, of_fold in enumerate(drawn):  # what words say of a page is learned without the documents of its fold
        ends = learn_ends([document for j in range(FOLDS) if j != k for document in parts[j]])
        rows.append([gaps((on_one_scanner(s) if s.same_medium else s).looks, ends) for s in of_fold])
    held = []
    for k in range(FOLDS):
        others = [j for j in range(FOLDS) if j != k]
        forest = _grown([r for j in others for r in rows[j]], [s for j in others for s in drawn[j]], seed)
        held += [forest.score(r) for r in rows[k]]
    whole = [s for of_fold in drawn for s in of_fold]
    slope, intercept = calibrated(np.concatenate(held), truth(whole))
    found = [1 / (1 + np.exp(-(slope * h + intercept))) for h in held]
    cut, keep = limits(found, whole)
    forest = _grown([r for of_fold in rows for r in of_fold], whole, seed)
    splitter = Splitter(forest, learn_ends(documents), slope, intercept, cut, keep)
    facts = {"documents": len(documents), "stacks": len(whole), "held_out": figures(splitter, found, whole)}
    return splitter, facts


def learn_ends(documents: Sequence[Whole]) -> Ends:
    """What words say of the place of their page; every type counts the same."""
    from sklearn.linear_model import LogisticRegression

    looks = [(one, k == 0, k == len(d.looks) - 1, d.type) for d in documents for k, one in enumerate(d.looks)]
    count = Counter((kind, first) for _, first, _, kind in looks)
    weight = [1 / count[kind, first] for _, first, _, kind in looks]
    scaled = np.array(weight) * len(weight) / sum(weight)
    found = []
    for place, terms in ((1, lambda one: one.opening), (2, lambda one: list(one.terms))):
        matrix = np.zeros((len(looks), BUCKETS), np.float32)
        for row, given in enumerate(looks):
            matrix[row, terms(given[0])] = 1
        model = LogisticRegression(C=0.05, max_iter=300).fit(matrix, [g[place] for g in looks], scaled)
        found.append(np.append(model.coef_[0], model.intercept_).astype(np.float32))
    return Ends(*found)


def folds(documents: Sequence[Whole], seed: int) -> list[list[Whole]]:
    """Parts of the documents; those of one group stand in one part."""
    groups = sorted({d.group for d in documents})
    random.Random(seed).shuffle(groups)
    place = {group: k % FOLDS for k, group in enumerate(groups)}
    return [[d for d in documents if place[d.group] == k] for k in range(FOLDS)]


def _grown(rows: Sequence[Floats], of: Sequence[Stack], seed: int) -> Any:
    right = truth(of).astype(np.float32)
    numbers = np.concatenate(rows)
    return grow.grow(numbers, right, np.ones(len(right), np.float32), grow.settings(len(of), seed) | TREES)


def truth(of: Sequence[Stack]) -> NDArray[np.bool_]:
    """Whether a document begins at each gap of the stacks."""
    return np.array([begins for stack in of for begins in stack.begins])


def calibrated(logits: Floats, right: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and intercept of least log loss."""
    from scipy.optimize import minimize

    def loss(solution: Array) -> float:
        scaled = solution[0] * logits + solution[1]
        return float((np.logaddexp(0, scaled) - right * scaled).mean())

    found = minimize(loss, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=[(0.05, 3.0), (None, None)])
    return float(found.x[0]), float(found.x[1])


def limits(found: Sequence[Floats], of: Sequence[Stack]) -> tuple[float, float]:
    """Within which most held-out answers are sure, and few of them wrong: that a stack is cut so, or that it is one."""
    best = (0.999, 0.001, -1)
    for cut in (0.8, 0.85, 0.9, 0.93, 0.95, 0.96, 0.97, 0.98, 0.99, 0.995):
        for keep in (0.2, 0.15, 0.1, 0.07, 0.05, 0.04, 0.03, 0.025, 0.02, 0.015, 0.01, 0.005):
            *risky, everything = counts(found, of, cut, keep)
            if all(wrong <= MOST_WRONG * sure for wrong, sure in risky) and everything[1] > best[2]:
                best = (cut, keep, everything[1])
    return best[0], best[1]


def counts(found: Sequence[Floats], of: Sequence[Stack], cut: float, keep: float) -> list[tuple[int, int]]:
    """Wrong and all among the sure answers that cut, those on stacks of several documents, and those on all."""
    cutting, several, everything = [0, 0], [0, 0], [0, 0]
    for chances, stack in zip(found, of, strict=True):
        if ((chances >= cut) | (chances <= keep)).all():
            answer, right = chances >= 0.5, np.array(stack.begins)
            for place, counted in ((cutting, answer.any()), (several, right.any()), (everything, True)):
                place[0] += bool(counted) and bool((answer != right).any())
                place[1] += bool(counted)
    return [(wrong, sure) for wrong, sure in (cutting, several, everything)]


def figures(splitter: Splitter, found: Sequence[Floats], of: Sequence[Stack]) -> dict[str, Any]:
    """F1 of boundaries, and what became of stacks and of single documents."""
    answers = [splitter.decide(chances) for chances in found]
    hit = missed = false = 0
    for chances, stack in zip(found, of, strict=True):
        answer, right = chances >= 0.5, np.array(stack.begins)
        hit += int((answer & right).sum())
        missed += int((~answer & right).sum())
        false += int((answer & ~right).sum())
    several = [(a, s) for a, s in zip(answers, of, strict=True) if any(s.begins)]
    single = [(a, s) for a, s in zip(answers, of, strict=True) if not any(s.begins)]
    sure = [_is_right(a, s) for a, s in several if a.sure]
    return {
        "f1": round(2 * hit / max(2 * hit + missed + false, 1), 4),
        "boundaries": hit + missed,
        "missed": missed,
        "false": false,
        "stacks": len(several),
        "sure": len(sure),
        "sure_wrong": sum(not right for right in sure),
        "single": len(single),
        "single_split": sum(a.sure and bool(a.starts) for a, _ in single),
        "single_held": sum(not a.sure for a, _ in single),
    }


def _is_right(answer: Any, stack: Stack) -> bool:
    return tuple(k + 2 for k, begins in enumerate(stack.begins) if begins) == answer.starts


if __name__ == "__main__":
    main()
