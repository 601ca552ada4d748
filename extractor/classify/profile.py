"""What the labels and the title of a paper say of its kind, whatever its language: numbers that carry over.

Where `features` counts words, here count what words name: which labels of trade stand on the first pages and the last,
what the paper calls itself and how large, and whether amounts add up as net, tax and total do.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from math import log1p
from pathlib import Path

import numpy as np

from extractor.classify.features import FIRST_PAGES, Floats
from extractor.fields.anchors.phrases import Anchors, trade_names
from extractor.fields.layout import Layout, lay_out
from extractor.fields.scoring.relations import sum_strength
from extractor.kinds.text import compact
from models.values import Page

UPPER = 0.45  # of the page: where a paper says what it is
LARGE = 1.25  # of the usual height of its words
MOST_TOKENS = 5


def profile(pages: Sequence[Page]) -> Floats:
    """[LENGTH] numbers of a document with at least one word."""
    layout = Anchors(trade_names(), {}).mark(lay_out((*pages[:FIRST_PAGES], *pages[FIRST_PAGES:][-1:])))
    labels = [log1p(count) for count in _labels(layout)]
    titles = _titles(layout)
    words = max(len(layout), 1)
    figures = sum(bool(d) for d in layout.digits) / words
    named = sum(bool(name) for name in layout.anchors) / words
    shape = [log1p(len(pages)), log1p(words), figures, named, float(sum_strength(layout))]
    return np.array([*labels, *titles.ravel(), *shape], np.float32)


def length() -> int:
    return len(_label_names()) + 4 * len(titled()) + 5


def _labels(layout: Layout) -> list[int]:
    """How often each label of trade stands there."""
    count = dict.fromkeys(_label_names(), 0)
    before = ""
    for name in layout.anchors:
        if name and name != before:
            count[name] += 1
        before = name
    return list(count.values())


def _titles(layout: Layout) -> Floats:
    """(kinds, 4): a title in large letters, one with its line to itself, any mention, the first; on the first page."""
    found = np.zeros((len(titled()), 4), np.float32)
    bottom = float(layout.box[layout.page == 0, 3].max(initial=1e-6)) if len(layout) else 1.0
    tall = layout.box[:, 3] - layout.box[:, 1]
    usual = float(np.median(tall)) if len(layout) else 1.0
    for segment in layout.segments:
        first = segment[0]
        if layout.page[first] != 0:
            break
        kind, length_ = _title(layout, segment)
        if kind < 0 or ":" in "".join(layout.text[t] for t in segment[: length_ + 1]):
            continue  # with a colon it is the label of another paper's number
        upper = layout.box[first, 1] < UPPER * bottom
        alone = length_ == len(segment) or layout.digits[segment[length_]] > 0
        found[kind, 0] = max(found[kind, 0], float(upper and tall[first] > LARGE * usual))
        found[kind, 1] = max(found[kind, 1], float(upper and alone))
        found[kind, 2] += 1
        found[kind, 3] += float(not found[:, 3].any())
    found[:, 2] = np.log1p(found[:, 2])
    return found


def _title(layout: Layout, segment: Sequence[int]) -> tuple[int, int]:
    """The kind whose title begins a segment, the longest one, and its tokens; -1 if none does."""
    for length_ in range(min(MOST_TOKENS, len(segment)), 0, -1):
        key = "".join(layout.compacts[t] for t in segment[:length_])
        if key in _phrases():
            return _phrases()[key], length_
    whole = "".join(layout.compacts[t] for t in segment)  # R E C H N U N G
    if len(segment) > MOST_TOKENS:
        spaced = next((kind for phrase, kind in _phrases().items() if len(phrase) > 5 and whole.startswith(phrase)), -1)
        return spaced, len(segment)
    return -1, 0


@cache
def _table() -> Mapping[str, Sequence[str]]:
    return tomllib.loads(Path(__file__).with_name("titles.toml").read_text(encoding="utf-8"))


@cache
def titled() -> tuple[str, ...]:
    """The kinds of papers of trade whose titles are known."""
    return tuple(_table())


@cache
def _phrases() -> Mapping[str, int]:
    """Compact title to the number of its kind; the first kind that lists it has it."""
    found: dict[str, int] = {}
    for number, titles in enumerate(_table().values()):
        for title in titles:
            found.setdefault(compact(title), number)
    return found


@cache
def _label_names() -> tuple[str, ...]:
    return tuple(sorted(set(trade_names().values())))
