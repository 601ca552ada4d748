"""Numbers of a gap between two pages of a file: what speaks for a new document, and what for one that goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log, log1p, sqrt

import numpy as np

from extractor.splitting.looks import NAMED, Floats, Look

UNKNOWN = -1.0  # of a likeness where there is nothing to compare
MEDIUM = ("size", "turned", "engine", "height", "sure")  # what a scanner makes alike over a whole stack


@dataclass(frozen=True, eq=False)
class Ends:
    """Weights of words: whether a page that begins with them begins a document, and whether one with them ends it."""

    first: Floats  # [BUCKETS + 1], the last one for every page
    last: Floats

    def of(self, look: Look) -> tuple[float, float]:
        """Log-odds that the page is the first of its document, and the last."""
        first = float(self.first[look.opening].sum() + self.first[-1])
        return first, float(self.last[list(look.terms)].sum() + self.last[-1])


def gaps(looks: Sequence[Look], ends: Ends) -> Floats:
    """[pages - 1, features]: each page from the second on against what stands before it and behind."""
    looks = [_with_lone_number(looks, k) for k in range(len(looks))]
    said = np.array([ends.of(one) for one in looks], np.float32).clip(-8, 8)
    behind = np.vstack([said[2:], np.zeros((1, 2), np.float32)])
    rows = [_gap(looks, k) for k in range(1, len(looks))]
    return np.hstack([np.array(rows, np.float32), said[:-1], said[1:], behind])


def _with_lone_number(looks: Sequence[Look], k: int) -> Look:
    """A page with bare numbers alone in its margin, numbered by that which goes on from a neighbour's."""
    this = looks[k]
    if this.number or not this.lone:
        return this
    before = looks[k - 1].lone | {looks[k - 1].number} if k else frozenset[int]()
    behind = looks[k + 1].lone | {looks[k + 1].number} if k + 1 < len(looks) else frozenset[int]()
    fitting = sorted(n for n in this.lone if n and ((n > 1 and n - 1 in before) or n + 1 in behind))
    return replace(this, number=fitting[0]) if fitting else this


def _gap(looks: Sequence[Look], k: int) -> list[float]:
    b = looks[k]
    before = k - 1
    while before > 0 and looks[before].is_blank:
        before -= 1
    a = looks[before]
    c = looks[k + 1] if k + 1 < len(looks) else None
    z = looks[before - 1] if before else None
    return [
        float(looks[k - 1].is_blank),
        float(b.is_blank),
        *_numbering(a, b, c),
        *_likeness(a, b),
        *(_alike(b, c) if c else [UNKNOWN] * 4),
        *(_alike(z, a) if z else [UNKNOWN] * 4),
        *_alike(looks[0], b),
        *_labels(a, b),
        *_medium(a, b),
        *_own(a, b),
        *_profiles(a, b),
    ]


def _numbering(a: Look, b: Look, c: Look | None) -> list[float]:
    goes_on = b.number > 1 and b.number == a.number + 1 and (not a.total or not b.total or a.total == b.total)
    return [
        float(b.number == 1),
        float(b.number > 1),
        float(goes_on),
        float(b.number > 1 and a.number > 0 and not goes_on),
        float(a.total > 0 and a.number == a.total),
        float(a.total > 0 and a.number < a.total),
        float(a.number > 0 and not b.number),
        float(b.total == 1),
        float(c is not None and c.number == 2),
        float(a.number > 0),
    ]


def _alike(a: Look, b: Look) -> list[float]:
    """Cosine of the words, share of the head's figures, words of the letterhead, words of the footer."""
    return [
        _cosine(a.terms, b.terms),
        _share(a.head_figures, b.head_figures),
        _share(a.top, b.top),
        _share(a.foot, b.foot),
    ]


def _likeness(a: Look, b: Look) -> list[float]:
    shared = a.figures & b.figures
    return [
        *_alike(a, b),
        _share(a.figures, b.figures),
        log1p(len(shared)),
        float(len(b.head_figures & a.figures)) / max(len(b.head_figures), 1) if b.head_figures else UNKNOWN,
        float(len(a.head_figures & b.figures)) / max(len(a.head_figures), 1) if a.head_figures else UNKNOWN,
        float(len(a.head_figures & b.head_figures)),
        log1p(len(b.head_figures)),
    ]


def _labels(a: Look, b: Look) -> list[float]:
    """For the labels of numbers, dates and parties: the same beside it on both pages, something else; only behind."""
    found = [0.0] * (3 + 2)
    for name in NAMED:
        one, other = a.said.get(name), b.said.get(name)
        if one and other:
            same = bool(one & other)
            found[0] += same
            found[1] += not same
            if name in ("number", "issue_date"):
                found[3 if same else 4] += 1
        found[2] += bool(other) and not one
    return [*found, float(len(a.said)), float(len(b.said))]


def _medium(a: Look, b: Look) -> list[float]:
    sizes = [log(max(p.page.width, 1) / max(p.page.height, 1)) for p in (a, b)]
    return [
        float(abs(log(max(a.page.width, 1) / max(b.page.width, 1))) > 0.02),
        abs(sizes[0] - sizes[1]),
        float(a.page.is_from_layer != b.page.is_from_layer),
        abs(log(max(a.height, 1e-3) / max(b.height, 1e-3))),
        abs(a.sure - b.sure),
    ]


def _own(a: Look, b: Look) -> list[float]:
    return [
        float(a.carried[0]), float(a.carried[1]), float(b.carried[0]), float(b.carried[1]),
        min(b.first_tall, 6), min(a.first_tall, 6), b.filled[0], a.filled[1], b.filled[1], a.filled[0],
        log1p(len(a.page.words)), log1p(len(b.page.words)),
        float(a.ends_open and b.begins_low), float(b.begins_low), float(a.ends_open),
        float(b.page.width > b.page.height), b.page.height / max(b.page.width, 1),
        a.page.height / max(a.page.width, 1),
    ]  # fmt: skip


def _profiles(a: Look, b: Look) -> list[float]:
    """What the pages say that they are, by the numbers of `extractor.classify.profile`, and how those differ."""
    both = float(np.dot(a.profile, b.profile)) / (float(np.linalg.norm(a.profile) * np.linalg.norm(b.profile)) + 1e-6)
    return [both, *a.profile.tolist(), *b.profile.tolist()]


def _cosine(a: Counter[int], b: Counter[int]) -> float:
    if not a or not b:
        return UNKNOWN
    dot = sum(sqrt(count * b[term]) for term, count in a.items() if term in b)
    return dot / sqrt(sum(a.values()) * sum(b.values()))


def _share(a: frozenset[str], b: frozenset[str]) -> float:
    """What two sets share, against the smaller one."""
    return len(a & b) / min(len(a), len(b)) if a and b else UNKNOWN
