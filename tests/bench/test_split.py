"""Stacks of real documents: are their boundaries found, and are files that count as sure cut rightly?

`make bench-split` runs this over the split dev of COUNTERSIGN_REAL_DATA, read to words first; COUNTERSIGN_WORDS keeps
them. Half of the boundaries are between documents of one type, a quarter between those of one family. Every document
of several pages is also asked about alone: it is one.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

import pytest

from extractor.splitting.cuts import Cuts
from extractor.splitting.gaps import gaps
from extractor.splitting.splitter import built_in
from scripts.bundle import WORK
from scripts.splitting.material import wholes
from scripts.splitting.stacks import Stack, on_one_scanner, stacks
from scripts.splitting.train import figures
from tests.bench.test_guarantee import tell

pytestmark = [pytest.mark.bench, pytest.mark.timeout(7200)]

STACKS, SEED = 1000, 7
LEAST_F1, MOST_WRONG = 0.97, 0.01


@pytest.mark.skipif("COUNTERSIGN_REAL_DATA" not in os.environ, reason="needs the real documents")
def test_boundaries_of_stacks_are_found_and_single_documents_stay_whole() -> None:
    words = Path(os.environ.get("COUNTERSIGN_WORDS", WORK / "words"))
    documents = wholes(Path(os.environ["COUNTERSIGN_REAL_DATA"]), WORK, words, "dev", made=False)
    drawn = stacks(documents, STACKS, random.Random(SEED), single=0.0)
    splitter = built_in()
    shown = [on_one_scanner(stack) if stack.same_medium else stack for stack in drawn]
    found = [splitter.probabilities(gaps(stack.looks, splitter.ends)) for stack in shown]
    told = figures(splitter, found, shown)
    several = [document for document in documents if len(document.looks) > 1]
    alone = [splitter.decide(splitter.probabilities(gaps(document.looks, splitter.ends))) for document in several]
    kinds = Counter(kind for stack in drawn for kind in stack.kinds)
    cut = [
        (answer, stack)
        for chances, stack in zip(found, shown, strict=True)
        if _is_cut(answer := splitter.decide(chances))
    ]
    wrong = sum(answer.starts != _starts(stack) for answer, stack in cut)
    tell(
        "split",
        documents=len(documents),
        kinds=dict(kinds),
        stacks=told["stacks"],
        boundaries=told["boundaries"],
        f1=told["f1"],
        missed=told["missed"],
        false=told["false"],
        sure=told["sure"],
        sure_wrong=told["sure_wrong"],
        cut=len(cut),
        cut_wrong=wrong,
        single=len(alone),
        single_cut=sum(_is_cut(answer) for answer in alone),
        single_held=dict(Counter(d.type for d, a in zip(several, alone, strict=True) if not a.sure)),
    )
    assert told["f1"] >= LEAST_F1
    assert wrong <= MOST_WRONG * len(cut)
    assert told["sure_wrong"] <= MOST_WRONG * told["sure"]


def _is_cut(answer: Cuts) -> bool:
    return answer.sure and bool(answer.starts)


def _starts(stack: Stack) -> tuple[int, ...]:
    return tuple(k + 2 for k, begins in enumerate(stack.begins) if begins)
